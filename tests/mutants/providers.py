"""Owns the guards towards identity providers: which answers and ID tokens are believed, and which people come in."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_IDENTITY = "mcp_server/identity"
_ID_TOKEN = f"{_IDENTITY}/id_token.py"
_CALLBACKS = "flows/identity/test_callbacks.py"
_WRONG = "flows/identity/test_id_tokens.py::test_a_wrong_id_token_signs_nobody_in"
_ENTRA = "flows/identity/test_id_tokens.py::test_entra_s_tenant_and_issuer_have_to_agree_and_a_person_is_an_object"
_SIGNING_IN = "flows/identity/test_signing_in.py"
_MEMBERSHIPS = "flows/identity/test_memberships.py"
_OF_AN_APP = "flows/identity/test_memberships_of_an_app.py"
_ORGANIZATIONS = "skillport_sync/github/organizations.py"
_TOKENS = "pure/test_identity_tokens.py"

ID_TOKENS = (
    Mutant(
        "only three signatures count",
        _ID_TOKEN,
        'ALGORITHMS: Final = ("RS256", "ES256", "PS256")',
        'ALGORITHMS: Final = ("RS256", "ES256", "PS256", "HS256")',
        (f"{_WRONG}[oidc-signed_with_the_public_key]",),
    ),
    Mutant(
        "an ID token comes from its issuer",
        _ID_TOKEN,
        '"iss": {"essential": True, "value": expected.issuer_of(claims)}',
        '"iss": {"essential": True}',
        (f"{_WRONG}[oidc-wrong_issuer]",),
    ),
    Mutant(
        "an ID token is for us",
        _ID_TOKEN,
        '"aud": {"essential": True, "value": expected.client_id}',
        '"aud": {"essential": True}',
        (f"{_WRONG}[oidc-wrong_audience_for_us]",),
    ),
    Mutant(
        "an ID token that went to another party is refused",
        _ID_TOKEN,
        '"client_id": expected.client_id, ',
        "",
        (f"{_WRONG}[oidc-wrong_party]",),
    ),
    Mutant(
        "an ID token carries this sign-in's nonce",
        _ID_TOKEN,
        'params={"nonce": expected.nonce, ',
        "params={",
        (f"{_WRONG}[oidc-wrong_nonce]",),
    ),
    Mutant(
        "a nonce is always expected",
        _ID_TOKEN,
        "if not expected.nonce:",
        "if False:",
        (f"{_TOKENS}::test_an_expectation_that_is_empty_is_met_by_nothing",),
    ),
    Mutant(
        "an ID token was made with its access token",
        _ID_TOKEN,
        ', "access_token": expected.access_token}',
        "}",
        (f"{_WRONG}[oidc-wrong_access_token_hash]",),
    ),
    Mutant(
        "an ID token ends",
        _ID_TOKEN,
        "leeway=LEEWAY_S",
        "leeway=10**9",
        (f"{_WRONG}[oidc-expired]",),
    ),
    Mutant(
        "nobody is an empty subject",
        _ID_TOKEN,
        "if isinstance(subject, str) and _SUBJECT.fullmatch(subject) else",
        "if isinstance(subject, str) else",
        (f"{_WRONG}[oidc-empty_subject]",),
    ),
)

ANSWERS = (
    Mutant(
        "an answer carries the state of its sign-in",
        f"{_IDENTITY}/callback.py",
        'if not state or not _same(parameters.get("state", ""), state):',
        "if not state:",
        (f"{_CALLBACKS}::test_an_answer_without_our_state_is_not_even_looked_at",),
    ),
    Mutant(
        "an answer names its provider",
        f"{_IDENTITY}/callback.py",
        "if issuer is not None and named is not None and not _same(named, issuer):",
        "if False:",
        (f"{_CALLBACKS}::test_a_wrong_name_counts_even_where_none_was_promised",),
    ),
    Mutant(
        "userinfo is about the same person",
        f"{_IDENTITY}/openid.py",
        'if said.get("sub") != claims["sub"]:',
        "if False:",
        ("flows/identity/test_providers_that_fail.py::test_userinfo_about_somebody_else_is_nonsense",),
    ),
    Mutant(
        "an unverified address is no address",
        f"{_IDENTITY}/claims.py",
        'if verified is not True and verified != "true":',
        "if False:",
        (f"{_SIGNING_IN}::test_an_unverified_address_is_no_address",),
    ),
)

PEOPLE = (
    Mutant(
        "Google: an account of a listed organisation",
        f"{_IDENTITY}/google.py",
        "if self.hosted_domains and not (isinstance(domain, str) and domain.lower() in self.hosted_domains):",
        "if False:",
        (f"{_SIGNING_IN}::test_an_address_of_the_company_without_its_organisation_does_not_get_into_google",),
    ),
    Mutant(
        "Entra: an account of a listed tenant",
        f"{_IDENTITY}/microsoft.py",
        'if self.tenants and not any(claims.get("tid") == tenant for tenant in self.tenants):',
        "if False:",
        (f"{_SIGNING_IN}::test_several_tenants_share_an_address_and_a_foreign_one_is_refused_by_its_claim",),
    ),
    Mutant(
        "Entra: tenant and issuer agree",
        f"{_IDENTITY}/microsoft.py",
        'return self._issuer(tenant) if isinstance(tenant, str) and is_tenant_id(tenant) else ""',
        'return str(claims.get("iss", ""))',
        (_ENTRA,),
    ),
    Mutant(
        "GitHub: a membership is active",
        f"{_IDENTITY}/github_api.py",
        'return Membership.ACTIVE if found.get("state") == "active" else Membership.NONE',
        "return Membership.ACTIVE",
        (f"{_SIGNING_IN}::test_who_is_only_invited_or_a_stranger_does_not_get_into_github",),
    ),
    Mutant(
        "GitHub: a member comes in and nobody else",
        f"{_IDENTITY}/github.py",
        "if joined or not self._organizations:",
        "if True:",
        (f"{_SIGNING_IN}::test_who_is_only_invited_or_a_stranger_does_not_get_into_github",),
    ),
    Mutant(
        "GitHub: whoever was let go is out",
        f"{_IDENTITY}/membership.py",
        "return None if is_hidden else False",
        "return None",
        (f"{_MEMBERSHIPS}::test_an_invitation_or_nothing_is_no_membership",),
    ),
    Mutant(
        "GitHub: one organisation that is not seen throws nobody out",
        f"{_IDENTITY}/membership.py",
        "return None if is_hidden else False",
        "return False",
        (f"{_OF_AN_APP}::test_one_yes_is_enough_and_one_organisation_that_is_not_seen_makes_a_no_none",),
    ),
    Mutant(
        "GitHub: a no counts only from inside",
        f"{_IDENTITY}/membership.py",
        "return Membership.NONE if is_inside else Membership.HIDDEN",
        "return Membership.NONE",
        (
            f"{_MEMBERSHIPS}::test_a_no_that_a_stranger_would_hear_too_is_not_believed",
            f"{_OF_AN_APP}::test_a_no_to_the_token_of_another_installation_does_not_count",
        ),
    ),
    Mutant(
        "GitHub: the token of an App may see members and nothing else",
        _ORGANIZATIONS,
        'data={"permissions": dict(MEMBERS_ONLY)}',
        "data={}",
        (f"{_OF_AN_APP}::test_its_token_may_see_members_and_nothing_else_and_is_kept",),
    ),
    Mutant(
        "GitHub: an App answers for the organisation it is on",
        _ORGANIZATIONS,
        'if found.account_type != "Organization" or found.account.lower() != organization.lower():',
        "if False:",
        (f"{_OF_AN_APP}::test_an_installation_on_another_account_is_not_the_organisation_s",),
    ),
    Mutant(
        "a .netrc is not read",
        "skillport_sync/outbound.py",
        "trust_env=False",
        "trust_env=True",
        ("flows/identity/test_way_out.py::test_a_netrc_is_shown_to_no_provider",),
    ),
    Mutant(
        "GitHub: an account that took an old name is somebody else",
        f"{_IDENTITY}/github_api.py",
        'if account_id is not None and not (isinstance(user, Mapping) and user.get("id") == account_id):',
        "if False:",
        (f"{_MEMBERSHIPS}::test_an_answer_about_another_account_keeps_nobody_in",),
    ),
)

PROVIDERS = (*ID_TOKENS, *ANSWERS, *PEOPLE)
