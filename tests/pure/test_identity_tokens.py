"""ID tokens and keys without a network: nothing raises, and nothing is believed that one check alone would have let through."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet

from mcp_server.identity import id_token, keys
from mcp_server.identity.id_token import ALGORITHMS, Expected, Fault
from mcp_server.identity.metadata import Useless
from skillport_sync.standin.identity import SigningKey
from skillport_sync.standin.identity.signing import half_hash

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
OURS, STRANGER, ELLIPTIC, PROBABILISTIC = SigningKey(), SigningKey(), SigningKey("ES256"), SigningKey("PS256")
EXPECTED = Expected(lambda _: "https://idp.example", "us", "the nonce", "the access token")
GOOD = {
    "iss": "https://idp.example",
    "aud": "us",
    "sub": "ada",
    "iat": AT,
    "exp": AT + 300,
    "nonce": "the nonce",
    "at_hash": half_hash("the access token"),
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
claim_names = st.sampled_from([*GOOD, "azp", "nbf", "amr", "auth_time", "acr", "jti", "", "options", "now"])


def published(*signing: SigningKey) -> KeySet:
    found = keys.parse({"keys": [key.jwk() for key in signing]})
    assert isinstance(found, KeySet)
    return found


KNOWN = published(OURS, ELLIPTIC, PROBABILISTIC)


def verify(claims: object, key: SigningKey = OURS, expected: Expected = EXPECTED, known: KeySet = KNOWN) -> object:
    return id_token.verify(key.sign(claims, {}), known, expected, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [OURS, ELLIPTIC, PROBABILISTIC], ids=["RS256", "ES256", "PS256"])
def test_a_right_token_says_what_it_says(key):
    assert verify(GOOD, key) == GOOD


@given(st.text(), st.text(alphabet=st.characters(codec="ascii")))
def test_no_text_is_taken_for_a_token(text, ascii_text):
    for each in (text, ascii_text, f"{ascii_text}.{ascii_text}.{ascii_text}"):
        assert isinstance(id_token.verify(each, KNOWN, EXPECTED, NOW), Fault)


@given(anything, anything, st.binary(max_size=300))
def test_no_header_and_no_payload_raises(header, payload, signature):
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    token = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert isinstance(id_token.verify(token, KNOWN, EXPECTED, NOW), Fault)


@given(
    st.fixed_dictionaries({"alg": st.sampled_from([*ALGORITHMS, "none", "HS256", "RS512", "", "EdDSA"]) | anything}),
    st.dictionaries(st.sampled_from(["kid", "crit", "b64", "typ", "jwk", "jku", "x5c", "zip", "enc"]), anything),
    st.booleans(),
)
def test_no_header_makes_an_unsigned_token_believed(fixed, more, with_kid):
    header = {**more, **fixed, **({"kid": OURS.kid} if with_kid else {})}
    parts = [json.dumps(header).encode(), json.dumps(GOOD).encode(), b""]
    token = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert isinstance(id_token.verify(token, KNOWN, EXPECTED, NOW), Fault)


@given(st.dictionaries(claim_names, anything, min_size=1, max_size=4))
def test_signed_claims_of_any_shape_never_raise_and_never_change_who_is_meant(changed):
    found = verify({**GOOD, **changed})
    if isinstance(found, Fault):
        return
    assert isinstance(found, dict)
    assert found["iss"] == GOOD["iss"]
    assert found["nonce"] == GOOD["nonce"]
    assert "us" in ([found["aud"]] if isinstance(found["aud"], str) else found["aud"])
    assert found.get("azp") in (None, "", "us")
    assert found["exp"] > AT - id_token.LEEWAY_S
    assert 0 < len(found["sub"]) <= 255
    assert found["sub"].isprintable()


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "iat", "exp", "nonce"])
def test_every_essential_claim_is_missed(name):
    assert isinstance(verify({each: value for each, value in GOOD.items() if each != name}), Fault)
    assert isinstance(verify({**GOOD, name: None}), Fault)


def test_an_expectation_that_is_empty_is_met_by_nothing():
    without_nonce = Expected(EXPECTED.issuer_of, "us", "", "the access token")
    assert verify({**GOOD, "nonce": ""}, expected=without_nonce) is Fault.NONCE
    assert verify(GOOD, expected=without_nonce) is Fault.NONCE
    without_issuer = Expected(lambda _: "", "us", "the nonce", "the access token")
    assert verify({**GOOD, "iss": ""}, expected=without_issuer) is Fault.ISSUER
    assert verify(GOOD, expected=without_issuer) is Fault.ISSUER


def test_a_clock_may_be_a_minute_off_and_no_more():
    assert verify({**GOOD, "exp": AT - 59}) == {**GOOD, "exp": AT - 59}
    assert verify({**GOOD, "exp": AT - 60}) is Fault.EXPIRED
    assert verify({**GOOD, "iat": AT + 60}) == {**GOOD, "iat": AT + 60}
    assert verify({**GOOD, "iat": AT + 61}) is Fault.TIME


def test_another_key_of_the_same_name_does_not_sign_for_it():
    named = SigningKey()
    named.kid = OURS.kid
    assert verify(GOOD, named) is Fault.SIGNATURE
    assert verify(GOOD, STRANGER) is Fault.KEY


def test_only_doubts_about_keys_are_worth_fetching_keys_for():
    assert {fault for fault in Fault if fault.may_pass_with_newer_keys} == {Fault.KEY, Fault.SIGNATURE}


def test_one_key_needs_no_name_and_several_do():
    nameless = {name: value for name, value in OURS.jwk().items() if name != "kid"}
    alone = keys.parse({"keys": [nameless]})
    assert isinstance(alone, KeySet)
    token = OURS.sign(GOOD, {"kid": None})
    assert id_token.verify(token, alone, EXPECTED, NOW) == GOOD
    assert id_token.verify(token, published(STRANGER), EXPECTED, NOW) is Fault.SIGNATURE
    assert id_token.verify(token, published(OURS, STRANGER), EXPECTED, NOW) is Fault.KEY


@given(anything)
def test_no_document_of_keys_raises(document):
    assert isinstance(keys.parse({"keys": document}), Useless | KeySet)
    assert isinstance(keys.parse(document if isinstance(document, dict) else {}), Useless)


@given(st.lists(st.dictionaries(st.sampled_from([*OURS.jwk(), "crv", "x", "y", "d", "oth"]), anything), max_size=4))
def test_strangers_among_the_keys_do_not_take_the_others_along(strangers):
    found = keys.parse({"keys": [*strangers, OURS.jwk()]})
    assert isinstance(found, KeySet)
    assert isinstance(id_token.verify(OURS.sign(GOOD, {}), found, EXPECTED, NOW), dict)


@pytest.mark.parametrize(
    "listed",
    [
        {**OURS.jwk(), "use": "enc"},
        {**OURS.jwk(), "n": "AQAB" * 20},
        {**OURS.jwk(), "n": "AQAB" * 1000},
        {"kty": "oct", "k": "c2VjcmV0", "kid": OURS.kid},
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        dict(ECKey.generate_key("P-384").as_dict()),
    ],
    ids=["to encrypt", "too short", "too long", "symmetric", "another kind", "another curve"],
)
def test_a_key_that_must_not_sign_is_no_key(listed):
    assert isinstance(keys.parse({"keys": [listed]}), Useless)


def test_a_private_key_published_by_mistake_is_only_half_read():
    found = keys.parse({"keys": [{**OURS.jwk(), "d": "AQAB", "p": "AQAB", "q": "AQAB"}]})
    assert isinstance(found, KeySet)
    assert not any(key.is_private for key in found)


def test_no_more_than_a_hundred_keys_are_read():
    assert isinstance(keys.parse({"keys": [{}] * 100 + [OURS.jwk()]}), Useless)
