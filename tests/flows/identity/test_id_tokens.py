"""ID tokens over real HTTP: every wrong one is refused, by its own code, and keys are fetched no more often than they must be."""

from __future__ import annotations

import pytest

from mcp_server.identity.provider import Identity, Refused
from skillport_sync.standin.identity import ADA, LEFT_OUT, SPOILED, SigningKey, Spoiled

CODES = {
    "wrong_audience": "id_token_audience",
    "wrong_audience_for_us": "id_token_audience",
    "no_audience": "id_token_audience",
    "empty_audience": "id_token_audience",
    "several_audiences_without_party": "id_token_audience",
    "wrong_party": "id_token_audience",
    "wrong_issuer": "id_token_issuer",
    "issuer_with_slash": "id_token_issuer",
    "no_issuer": "id_token_issuer",
    "wrong_nonce": "id_token_nonce",
    "no_nonce": "id_token_nonce",
    "expired": "id_token_expired",
    "no_expiry": "id_token_time",
    "expiry_is_text": "id_token_time",
    "no_issue_time": "id_token_time",
    "from_the_future": "id_token_time",
    "not_valid_yet": "id_token_time",
    "empty_subject": "id_token_subject",
    "no_subject": "id_token_subject",
    "long_subject": "id_token_subject",
    "subject_with_control_characters": "id_token_subject",
    "subject_is_a_number": "id_token_subject",
    "wrong_access_token_hash": "id_token_at_hash",
    "access_token_hash_is_a_list": "id_token_at_hash",
    "unsigned": "id_token_algorithm",
    "signed_with_the_public_key": "id_token_algorithm",
    "signed_by_a_stranger": "id_token_signature",
    "changed_after_signing": "id_token_signature",
    "unknown_key": "id_token_key",
    "unknown_critical_header": "id_token_malformed",
    "garbage": "id_token_malformed",
    "empty": "id_token_malformed",
    "two_parts": "id_token_malformed",
    "not_ascii": "id_token_malformed",
}


def test_every_spoiled_token_has_its_code():
    assert CODES.keys() == SPOILED.keys()


@pytest.mark.parametrize("wrong", sorted(SPOILED))
@pytest.mark.parametrize("preset", ["oidc", "google", "microsoft"])
async def test_a_wrong_id_token_signs_nobody_in(sign_in_at, idp, preset, wrong):
    sign_in = sign_in_at(preset)
    idp.faults.spoil_next(SPOILED[wrong])
    outcome = await sign_in.as_(ADA)
    assert isinstance(outcome, Refused)
    # Entra's sub is for one application only and its oid is the person; the rest is checked alike everywhere.
    assert outcome.code == CODES[wrong]
    assert ADA.name not in outcome.message
    assert isinstance(await sign_in.again().as_(ADA), Identity)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
async def test_each_of_three_signatures_is_believed(sign_in, idp, algorithm):
    idp.rotate_key(SigningKey(algorithm))
    assert isinstance(await sign_in.as_(ADA), Identity)


@pytest.mark.parametrize(
    "harmless",
    [
        Spoiled({"aud": ["skillport"]}),
        Spoiled({"aud": ["another-client", "skillport"], "azp": "skillport"}),
        Spoiled({"at_hash": LEFT_OUT}),
        Spoiled({"iat": -7200, "exp": -30}),
        Spoiled({"iat": 30, "nbf": 30}),
        Spoiled(header={"x5t": "abc", "signer": "unheard of"}),
    ],
    ids=["audience in a list", "two audiences", "no hash", "a slow clock", "a fast clock", "unknown header"],
)
async def test_what_is_unusual_and_allowed_is_allowed(sign_in, idp, harmless):
    idp.faults.spoil_next(harmless)
    assert isinstance(await sign_in.as_(ADA), Identity)


async def test_a_token_of_one_sign_in_is_worth_nothing_in_another(sign_in, idp):
    other = sign_in.again()
    idp.faults.spoil_next(Spoiled({"nonce": other.upstream.nonce}))
    outcome = await sign_in.as_(ADA)
    assert isinstance(outcome, Refused)
    assert outcome.code == "id_token_nonce"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"tid": "0b0b0b0b-1111-4222-8333-444455556666"}, "id_token_issuer"),
        ({"tid": "common"}, "id_token_issuer"),
        ({"tid": 7}, "id_token_issuer"),
        ({"tid": ""}, "id_token_issuer"),
        ({"oid": ""}, "id_token_subject"),
        ({"oid": None}, "id_token_subject"),
        ({"oid": "ada@acme.example"}, "id_token_subject"),
    ],
)
async def test_entra_s_tenant_and_issuer_have_to_agree_and_a_person_is_an_object(sign_in_at, idp, claims, code):
    idp.faults.spoil_next(Spoiled(claims))
    outcome = await sign_in_at("microsoft").as_(ADA)
    assert isinstance(outcome, Refused)
    assert outcome.code == code


async def test_keys_are_fetched_once_an_hour(sign_in, idp, clock):
    for _ in range(3):
        assert isinstance(await sign_in.again().as_(ADA), Identity)
    assert idp.journal.count("GET /keys") == 1
    clock.advance(3600)
    assert isinstance(await sign_in.again().as_(ADA), Identity)
    assert idp.journal.count("GET /keys") == 2


async def test_a_new_key_is_found_at_once_and_an_old_one_believed_no_more(sign_in, idp, clock):
    old = idp.key
    assert isinstance(await sign_in.as_(ADA), Identity)
    idp.rotate_key()
    assert isinstance(await sign_in.again().as_(ADA), Identity)
    assert idp.journal.count("GET /keys") == 2
    idp.key = old
    outcome = await sign_in.again().as_(ADA)
    assert isinstance(outcome, Refused)
    assert outcome.code == "id_token_key"


async def test_a_key_replaced_under_its_old_name_is_found_too(sign_in, idp):
    assert isinstance(await sign_in.as_(ADA), Identity)
    same_name = SigningKey()
    same_name.kid = idp.key.kid
    idp.rotate_key(same_name)
    assert isinstance(await sign_in.again().as_(ADA), Identity)


@pytest.mark.parametrize("wrong", ["unknown_key", "signed_by_a_stranger"])
async def test_tokens_with_unknown_keys_fetch_the_keys_once_a_minute(sign_in, idp, clock, wrong):
    idp.faults.spoil_next(SPOILED[wrong], times=5)
    for expected in (2, 2, 2):
        assert isinstance(await sign_in.again().as_(ADA), Refused)
        assert idp.journal.count("GET /keys") == expected
    clock.advance(59)
    assert isinstance(await sign_in.again().as_(ADA), Refused)
    assert idp.journal.count("GET /keys") == 2
    clock.advance(1)
    assert isinstance(await sign_in.again().as_(ADA), Refused)
    assert idp.journal.count("GET /keys") == 3


@pytest.mark.parametrize("wrong", ["unsigned", "signed_with_the_public_key", "expired", "wrong_audience", "garbage"])
async def test_tokens_that_no_key_could_mend_fetch_nothing(sign_in, idp, wrong):
    idp.faults.spoil_next(SPOILED[wrong])
    assert isinstance(await sign_in.as_(ADA), Refused)
    assert idp.journal.count("GET /keys") == 1
