"""Signing in at every kind of provider: who comes back, with which id, groups and address, and who does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcp_server.identity.provider import Identity, Refused
from skillport_sync.access.model import Principal
from skillport_sync.standin.identity import ACME_TENANT, ADA, EDSGER, GRACE


def refused(outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    assert outcome.message.endswith(".")
    return outcome.code


def principal(outcome) -> Principal:
    assert isinstance(outcome, Identity), outcome
    return outcome.principal


async def test_somebody_signs_in_at_any_openid_provider_by_its_issuer_alone(sign_in):
    outcome = await sign_in.as_(ADA)
    assert outcome == Identity(
        Principal("acme:ada", "Ada Lovelace", "ada@acme.example", frozenset({"engineering", "editors"})), "acme"
    )


async def test_the_person_is_sent_with_pkce_a_nonce_and_nothing_that_is_secret(sign_in, idp):
    await sign_in.chosen(ADA)
    assert sign_in.sent["code_challenge_method"] == "S256"
    assert sign_in.sent["nonce"] == sign_in.upstream.nonce
    assert sign_in.sent["state"] == sign_in.upstream.state
    assert sign_in.upstream.verifier not in sign_in.sent.values()
    assert "client_secret" not in sign_in.sent


async def test_google_knows_people_by_their_organisation_and_keeps_its_domain(sign_in_at):
    sign_in = sign_in_at("google")
    found = principal(await sign_in.as_(ADA))
    assert found.id == f"google:{ADA.google()['sub']}"
    assert found.email == "ada@acme.example"
    assert found.claims == {("hd", "acme.example")}
    assert sign_in.sent["hd"] == "acme.example"
    assert sign_in.sent["prompt"] == "select_account"


async def test_an_address_of_the_company_without_its_organisation_does_not_get_into_google(sign_in_at, idp):
    nearly = replace(EDSGER, email="edsger@acme.example", email_verified=True)
    idp.people = (nearly, replace(nearly, id="other", hosted_domain="acme.example.evil.example"))
    assert refused(await sign_in_at("google").as_(nearly)) == "domain_not_allowed"
    assert refused(await sign_in_at("google").as_(idp.people[1])) == "domain_not_allowed"
    assert principal(await sign_in_at("google", hosted_domains=(), anyone=True).as_(nearly)).email == nearly.email


async def test_entra_knows_people_by_their_object_and_tenant_and_believes_no_address(sign_in_at):
    found = principal(await sign_in_at("microsoft").as_(ADA))
    assert found.id == f"microsoft:{ADA.object_id}"
    assert found.email is None
    assert found.claims == {("tid", ACME_TENANT)}
    assert found.groups == {"engineering", "editors"}


@pytest.mark.parametrize(("edov", "email"), [(True, ADA.email), (False, None), ("1", ADA.email), ("0", None)])
async def test_entra_s_address_counts_only_where_its_domain_belongs_to_the_tenant(sign_in_at, idp, edov, email):
    idp.people = (replace(ADA, domain_owner_verified=edov),)
    assert principal(await sign_in_at("microsoft").as_(idp.people[0])).email == email


async def test_several_tenants_share_an_address_and_a_foreign_one_is_refused_by_its_claim(sign_in_at, idp):
    third = "0c0c0c0c-1111-4222-8333-444455556666"
    sign_in = sign_in_at("microsoft", tenants=(ACME_TENANT.upper(), third))
    assert principal(await sign_in.as_(ADA)).id == f"microsoft:{ADA.object_id}"
    assert refused(await sign_in.again().as_(EDSGER)) == "tenant_not_allowed"
    anyone = sign_in_at("microsoft", tenants=(), anyone=True)
    assert principal(await anyone.as_(EDSGER)).claims == {("tid", EDSGER.tenant)}
    assert idp.journal.count("GET /entra/organizations/v2.0/.well-known/openid-configuration") == 1
    assert idp.journal.count("GET /entra/common/v2.0/.well-known/openid-configuration") == 1


async def test_more_groups_than_entra_tells_are_none_and_a_warning(sign_in_at, idp):
    idp.people = (replace(ADA, too_many_groups=True),)
    outcome = await sign_in_at("microsoft").as_(idp.people[0])
    assert principal(outcome).groups == frozenset()
    assert outcome.warnings == ("groups_overage",)


async def test_github_knows_people_by_number_and_lets_in_active_members(sign_in_at):
    sign_in = sign_in_at("github")
    assert await sign_in.as_(ADA) == Identity(
        Principal("github:1815", "Ada Lovelace", "ada@acme.example", claims=frozenset({("organization", "acme")})),
        "github",
    )
    assert sign_in.sent["scope"] == "read:org user:email"
    assert sign_in.sent["code_challenge_method"] == "S256"


async def test_who_is_only_invited_or_a_stranger_does_not_get_into_github(sign_in_at):
    assert refused(await sign_in_at("github").as_(GRACE)) == "organization_not_allowed"
    assert refused(await sign_in_at("github").as_(EDSGER)) == "organization_not_allowed"
    anyone = sign_in_at("github", organizations=(), anyone=True)
    assert principal(await anyone.as_(EDSGER)) == Principal("github:1930", "Edsger Dijkstra")


async def test_one_organisation_of_several_is_enough_and_those_joined_are_kept(sign_in_at, idp):
    idp.people = (replace(ADA, organizations={"acme": "active", "acme-labs": "active", "elsewhere": "active"}),)
    found = principal(await sign_in_at("github", organizations=("beta", "acme", "acme-labs")).as_(idp.people[0]))
    assert found.claims == {("organization", "acme"), ("organization", "acme-labs")}


async def test_an_organisation_that_hides_itself_is_said_apart_from_not_being_in_it(sign_in_at, idp):
    idp.people = (replace(ADA, organizations={"acme": "hidden"}),)
    assert refused(await sign_in_at("github").as_(idp.people[0])) == "organization_hidden"


async def test_whoever_leaves_the_page_is_not_signed_in(sign_in_at):
    for preset in ("oidc", "google", "microsoft", "github"):
        sign_in = sign_in_at(preset)
        assert refused(await sign_in.identified(await sign_in.chosen(None))) == "declined"


async def test_an_unverified_address_is_no_address(sign_in, idp):
    assert principal(await sign_in.as_(EDSGER)).email is None
    idp.people = (replace(EDSGER, more={"email_verified": "true"}),)
    assert principal(await sign_in.again().as_(idp.people[0])).email == EDSGER.email


async def test_claims_are_kept_where_the_operator_asks_for_them_and_the_address_never(sign_in_at, idp):
    idp.people = (replace(EDSGER, more={"department": "maths", "sites": ["Austin", "Eindhoven"], "level": 7}),)
    sign_in = sign_in_at(keep_claims=("department", "sites", "level", "email", "absent"))
    assert principal(await sign_in.as_(idp.people[0])).claims == {
        ("department", "maths"),
        ("sites", "Austin"),
        ("sites", "Eindhoven"),
    }


async def test_groups_come_from_the_configured_claim(sign_in_at, idp):
    idp.people = (replace(ADA, more={"https://acme.example/roles": ["lead"]}),)
    sign_in = sign_in_at(groups_claim="https://acme.example/roles")
    assert principal(await sign_in.as_(idp.people[0])).groups == {"lead"}


async def test_a_scope_for_groups_is_asked_for_where_the_provider_has_one(sign_in_at, idp):
    plain, announced = sign_in_at(), sign_in_at()
    await plain.chosen()
    assert plain.sent["scope"] == "openid profile email"
    idp.more_scopes = ("groups",)
    await announced.chosen()
    assert announced.sent["scope"] == "openid profile email groups"


async def test_the_account_is_chosen_anew_where_the_provider_can_be_asked_for_that(sign_in_at, idp):
    plain, announced = sign_in_at(), sign_in_at()
    await plain.chosen()
    assert "prompt" not in plain.sent
    idp.announced_instead = {"prompt_values_supported": ["none", "select_account"]}
    await announced.chosen()
    assert announced.sent["prompt"] == "select_account"


async def test_what_the_id_token_leaves_out_is_asked_of_userinfo(sign_in, idp):
    idp.thin_id_tokens = True
    assert principal(await sign_in.as_(ADA)) == Principal(
        "acme:ada", "Ada Lovelace", "ada@acme.example", frozenset({"engineering", "editors"})
    )
    assert idp.journal.count("GET /userinfo") == 1


async def test_userinfo_is_left_alone_where_the_token_says_everything(sign_in, idp):
    await sign_in.as_(ADA)
    assert idp.journal.count("GET /userinfo") == 0


async def test_userinfo_cannot_verify_another_address_than_its_own(sign_in, idp):
    idp.people = (replace(EDSGER, groups=()),)
    idp.userinfo_instead = {"email": "ada@acme.example", "email_verified": True}
    assert principal(await sign_in.as_(idp.people[0])).email is None


@pytest.mark.parametrize("ways", [["client_secret_basic"], ["client_secret_post"], ["private_key_jwt"], []])
async def test_the_secret_is_shown_the_way_the_provider_wants(sign_in, idp, ways):
    idp.client_authentication = ways
    assert principal(await sign_in.as_(ADA))
    (asked,) = idp.journal.matching("POST /token")
    assert asked.authorized == (ways != ["client_secret_post"])


async def test_a_client_without_a_secret_is_a_public_one(sign_in_at, idp):
    idp.register("skillport", None, redirect_uris=["http://127.0.0.1:8080/oauth/callback/demo?kept=1"])
    assert principal(await sign_in_at(client_secret_file=None).as_(ADA))
    (asked,) = idp.journal.matching("POST /token")
    assert not asked.authorized
    assert b"client_secret" not in asked.body


async def test_nobody_is_asked_again_at_a_provider_that_left_nothing_to_ask_with(sign_in_at):
    for preset in ("oidc", "google", "microsoft", "github"):
        sign_in = sign_in_at(preset)
        assert await sign_in.provider.still_allowed(principal(await sign_in.as_(ADA))) is None
