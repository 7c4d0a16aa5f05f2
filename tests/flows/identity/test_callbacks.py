"""What comes back to the callback: of another sign-in, of another provider, twice, or without anything in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcp_server.identity.provider import Identity, Refused
from skillport_sync.errors import Unavailable
from skillport_sync.standin.identity import ACME_TENANT, ADA, EDSGER


def refused(outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.code


@pytest.mark.parametrize("state", [None, "", "of another sign-in", "späße"])
async def test_an_answer_without_our_state_is_not_even_looked_at(sign_in, idp, state):
    came = await sign_in.chosen(ADA)
    came |= {"state": state} if state is not None else {}
    if state is None:
        del came["state"]
    assert refused(await sign_in.identified(came)) == "state_mismatch"
    assert idp.journal.count("POST /token") == 0


async def test_no_state_of_ours_matches_no_state_of_theirs(sign_in):
    sign_in.upstream = replace(sign_in.upstream, state="")
    assert refused(await sign_in.identified({"code": "x", "state": ""})) == "state_mismatch"


async def test_a_provider_that_promises_its_name_has_to_send_it(sign_in, idp):
    for named, code in (("https://elsewhere.example", "issuer_mismatch"), ("", "issuer_missing")):
        idp.faults.wrong_callback_issuer = named
        again = sign_in.again()
        assert refused(await again.as_(ADA)) == code
    assert idp.journal.count("POST /token") == 0


async def test_a_wrong_name_counts_even_where_none_was_promised(sign_in_at, idp):
    sign_in = sign_in_at("microsoft")
    idp.faults.wrong_callback_issuer = idp.issuer
    assert refused(await sign_in.as_(ADA)) == "issuer_mismatch"


async def test_where_tenants_share_an_address_any_of_them_may_be_named(sign_in_at, idp):
    sign_in = sign_in_at("microsoft", tenants=(ACME_TENANT, EDSGER.tenant))
    idp.faults.wrong_callback_issuer = f"{idp.microsoft_url}/{ACME_TENANT}/v2.0"
    assert isinstance(await sign_in.as_(ADA), Identity)


async def test_a_code_of_one_provider_is_worth_nothing_at_another(sign_in_at, idp):
    google, acme, github = sign_in_at("google"), sign_in_at(), sign_in_at("github")
    code = (await google.chosen(ADA))["code"]
    acme_came = await acme.chosen(ADA)
    assert refused(await acme.identified({**acme_came, "code": code})) == "code_spent"
    code = (await google.again().chosen(ADA))["code"]
    github_came = await github.chosen(ADA)
    assert refused(await github.identified({**github_came, "code": code})) == "code_spent"


@pytest.mark.parametrize("preset", ["oidc", "google", "microsoft", "github"])
async def test_a_code_works_once_within_a_minute_and_with_its_own_verifier(sign_in_at, clock, preset):
    sign_in = sign_in_at(preset)
    came = await sign_in.chosen(ADA)
    assert isinstance(await sign_in.identified(came), Identity)
    assert refused(await sign_in.identified(came)) == "code_spent"
    late = sign_in.again()
    came = await late.chosen(ADA)
    clock.advance(60)
    assert refused(await late.identified(came)) == "code_spent"
    other = sign_in.again()
    came = await other.chosen(ADA)
    other.upstream = replace(other.upstream, verifier="w" * 43)
    assert refused(await other.identified(came)) == "code_spent"
    elsewhere = sign_in.again()
    came = await elsewhere.chosen(ADA)
    elsewhere.redirect_uri = "http://127.0.0.1:8080/oauth/callback/other"
    assert refused(await elsewhere.identified(came)) == "code_spent"


@pytest.mark.parametrize("code", [None, "", "é", "a\nb", "c" * 8193])
async def test_an_answer_without_a_usable_code_says_that_the_provider_is_wrong(sign_in, idp, code):
    came = await sign_in.chosen(ADA)
    came |= {"code": code} if code is not None else {}
    if code is None:
        del came["code"]
    with pytest.raises(Unavailable) as caught:
        await sign_in.identified(came)
    assert caught.value.code == "provider_nonsense"
    assert idp.journal.count("POST /token") == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "declined"),
        ("login_required", "declined"),
        ("interaction_required", "declined"),
        ("server_error", "provider_unreachable"),
        ("temporarily_unavailable", "provider_unreachable"),
        ("unauthorized_client", "provider_misconfigured"),
        ("invalid_scope", "provider_misconfigured"),
        ("<script>alert(1)</script>", "provider_misconfigured"),
        ("", "provider_misconfigured"),
    ],
)
async def test_a_provider_s_error_becomes_one_of_ours_and_none_of_its_words_are_repeated(sign_in, error, code):
    came = await sign_in.chosen(None)
    came |= {"error": error, "error_description": "<b>buy now</b>"}
    try:
        outcome = await sign_in.identified(came)
        assert isinstance(outcome, Refused)
        said, found = outcome.message, outcome.code
    except Unavailable as unavailable:
        said, found = unavailable.message, unavailable.code
    assert found == code
    assert "<" not in said
