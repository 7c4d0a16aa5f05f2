"""What claims and discovery documents mean: nothing raises, what is unclear is left out, and no id leads to somebody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.identity import callback, claims, metadata
from mcp_server.identity.discovered import Discovered
from mcp_server.identity.google import Google
from mcp_server.identity.metadata import Metadata, Useless
from mcp_server.identity.microsoft import Microsoft
from mcp_server.identity.provider import Identity, Refused
from skillport_sync.errors import Unavailable

TENANT = "0a0a0a0a-1111-4222-8333-444455556666"
ISSUER = "https://idp.example"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://idp.example/authorize",
    "token_endpoint": "https://idp.example/token",
    "jwks_uri": "https://keys.example/jwks",
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
said = st.dictionaries(
    st.sampled_from(
        [
            "name",
            "email",
            "email_verified",
            "hd",
            "tid",
            "oid",
            "groups",
            "xms_edov",
            "preferred_username",
            "_claim_names",
        ]
    ),
    anything,
)


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "dialect",
    [
        Google(frozenset({"acme.example"})),
        Google(frozenset()),
        Microsoft(frozenset({TENANT})),
        Microsoft(frozenset()),
        Discovered("acme", ISSUER, keep_claims=("department", "tid")),
    ],
    ids=["google", "any google", "microsoft", "any microsoft", "discovered"],
)
@given(said=said, subject=st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1))
def test_no_claims_raise_and_who_comes_in_has_the_dialect_s_own_id(dialect, said, subject):
    assert isinstance(dialect.issuer_of({**said, "sub": subject}), str)
    found = dialect.person({**said, "sub": subject})
    if isinstance(found, Identity):
        person = said["oid"] if dialect.preset == "microsoft" else subject
        assert found.principal.id == f"{dialect.name}:{person}"
        assert found.principal.name.isprintable()
        assert all(isinstance(group, str) for group in found.principal.groups)
        assert all(isinstance(value, str) for pair in found.principal.claims for value in pair)
        if dialect.preset == "google" and dialect.hosted_domains:
            assert said["hd"].lower() == "acme.example"
        if dialect.preset == "microsoft" and dialect.tenants:
            assert said["tid"] == TENANT


@pytest.mark.parametrize(
    "domain", ["acme.example.evil.example", "evil-acme.example", "", "*", None, ["acme.example"], 7]
)
def test_only_the_whole_domain_is_the_domain(domain):
    found = Google(frozenset({"acme.example"})).person({"sub": "1", "hd": domain, "email": "a@acme.example"})
    assert isinstance(found, Refused)


@given(st.lists(st.none() | st.integers() | st.text(), max_size=5))
def test_a_name_is_one_line_of_what_can_be_seen(candidates):
    name = claims.shown_name(*candidates)
    assert name == name.strip()
    assert len(name) <= 200
    assert "\n" not in name
    assert "\u202e" not in name
    assert name.isprintable()


def test_the_first_name_that_is_one_is_the_name():
    assert claims.shown_name(None, " \u200b ", "Ada\u202e  Love\tlace", "x") == "Ada Love lace"


@given(st.text() | st.emails(), anything)
def test_an_address_counts_only_when_it_is_one_and_verified(address, verified):
    found = claims.verified_email(address, verified)
    assert found in (None, address)
    if found is not None:
        assert verified is True or verified == "true"
        assert found.count("@") == 1
        assert found.isprintable()
        assert not any(char.isspace() for char in found)


@pytest.mark.parametrize("verified", [1, "True", "yes", [True], None, False, "false"])
def test_nearly_verified_is_not_verified(verified):
    assert claims.verified_email("ada@acme.example", verified) is None


@pytest.mark.parametrize(
    "address", ["a@b@acme.example", '"a@evil.example"@acme.example', "@acme.example", "a@", "a b@c"]
)
def test_an_address_that_could_be_read_in_two_ways_is_none(address):
    assert claims.verified_email(address, True) is None


def test_groups_are_all_of_them_or_none():
    assert claims.groups({"groups": ["a", "b", "a", 7, "", None, "c\n"]}, "groups") == (frozenset({"a", "b"}), ())
    assert claims.groups({"groups": "staff"}, "groups") == (frozenset({"staff"}), ())
    assert claims.groups({"groups": [str(at) for at in range(1001)]}, "groups") == (
        frozenset(),
        ("groups_too_many",),
    )
    elsewhere = {"_claim_names": {"groups": "src1"}}
    assert claims.groups(elsewhere, "groups") == (frozenset(), ("groups_overage",))
    assert claims.groups(elsewhere, "roles") == (frozenset(), ())
    assert claims.groups({**elsewhere, "groups": ["a"]}, "groups") == (frozenset({"a"}), ())


@given(st.dictionaries(st.text(max_size=5), anything), st.lists(st.text(max_size=5)))
def test_nothing_is_kept_that_was_not_asked_for(said, names):
    assert {name for name, _ in claims.kept(said, names)} <= set(names) & set(said) - {"email"}


# ── discovery ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_document_is_enough():
    found = metadata.parse(DOCUMENT, issuer=ISSUER, authority=ISSUER)
    assert found == Metadata(ISSUER, *list(DOCUMENT.values())[1:])


@given(st.dictionaries(st.sampled_from([*DOCUMENT, "userinfo_endpoint", "scopes_supported"]), anything | st.text()))
def test_no_document_raises_and_every_address_is_https(changed):
    found = metadata.parse({**DOCUMENT, **changed}, issuer=ISSUER, authority=ISSUER)
    if isinstance(found, Metadata):
        addresses = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint]
        assert all(address is None or address.startswith("https://") for address in addresses)


@pytest.mark.parametrize(
    "address",
    [
        "http://idp.example/token",
        "http://127.0.0.1/token",
        "https://",
        "https:///token",
        "//idp.example/token",
        "https://idp.example:0/",
        "https://idp.example:99999/",
        "https://a:b@idp.example/",
        "https://idp.example/ token",
        "https://idp.example/\ntoken",
        "https://idp.example/#",
        "https://ïdp.example/",
        "https://" + "a" * 2000,
    ],
)
def test_an_address_that_is_not_plainly_one_is_none(address):
    assert isinstance(metadata.parse({**DOCUMENT, "token_endpoint": address}, issuer=ISSUER, authority=ISSUER), Useless)


def test_plain_http_is_for_a_provider_on_this_machine():
    local = "http://127.0.0.1:8000"
    document = {**dict.fromkeys(DOCUMENT, local + "/x"), "issuer": local}
    assert isinstance(metadata.parse(document, issuer=local, authority=local), Metadata)
    outside = {**document, "token_endpoint": "http://idp.example/token"}
    assert isinstance(metadata.parse(outside, issuer=local, authority=local), Useless)


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), "https://idp.example.evil.example", None, [ISSUER]])
def test_an_issuer_is_compared_character_by_character(issuer):
    assert isinstance(metadata.parse({**DOCUMENT, "issuer": issuer}, issuer=ISSUER, authority=ISSUER), Useless)


# ── the callback ─────────────────────────────────────────────────────────────────────────────────────────────────────


outside = st.text(st.characters(exclude_characters="aeiou"))
"""Of which nothing can be a word of our messages by accident."""


@given(
    st.dictionaries(st.sampled_from(["state", "code", "error", "iss", "error_description"]), outside),
    outside,
    st.none() | st.just(ISSUER),
    st.booleans(),
)
def test_no_callback_raises_anything_but_unavailable(parameters, state, issuer, required):
    try:
        found = callback.read(parameters, state=state, title="Acme", issuer=issuer, issuer_required=required)
    except Unavailable as error:
        found = error
    if isinstance(found, callback.Code):
        assert parameters["state"] == state != ""
        assert parameters.get("iss", issuer) == issuer or issuer is None
        assert "error" not in parameters
    elif not isinstance(found, Refused) and parameters.get("error", "").replace("_", "").isalnum():
        assert found.code in ("provider_misconfigured", "provider_unreachable")
    else:
        assert not any(len(value) > 3 and value in found.message for value in parameters.values())
