"""Owns the guards between a client that asks and a person who agrees: authorize, consent, and the way back from the provider."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_OAUTH = "mcp_server/oauth"
_REDIRECTS = "pure/test_oauth_redirects.py"
_AUTHORIZE = "flows/oauth/test_authorize.py"
_CONSENT = "flows/oauth/test_consent.py"
_CALLBACK = "flows/oauth/test_callback.py"
_SIGN_IN = "flows/oauth/test_sign_in.py"

WHERE_THE_ANSWER_GOES = (
    Mutant(
        "people are sent back to allowed hosts only",
        f"{_OAUTH}/redirects.py",
        "if host not in HOSTED and host not in",
        "if False and host not in",
        (f"{_REDIRECTS}::test_everything_else_may_not",),
    ),
    Mutant(
        "a return address is the registered one exactly",
        f"{_OAUTH}/redirects.py",
        "    if registered == asked:\n",
        "    if asked.startswith(registered):\n",
        (f"{_AUTHORIZE}::test_an_address_that_is_not_the_registered_one_is_never_redirected_to",),
    ),
    Mutant(
        "a return address is one the client registered",
        f"{_OAUTH}/authorize.py",
        "isinstance(checked, Redirect) and not any(",
        "isinstance(checked, Redirect) and False and not any(",
        (f"{_AUTHORIZE}::test_an_address_that_is_not_the_registered_one_is_never_redirected_to",),
    ),
    Mutant(
        "one loopback host does not stand for another",
        f"{_OAUTH}/redirects.py",
        "    return host, slash + rest",
        '    return "", slash + rest',
        (f"{_AUTHORIZE}::test_of_loopback_nothing_but_the_port_may_differ",),
    ),
    Mutant(
        "a registered address is judged again when it is used",
        f"{_OAUTH}/authorize.py",
        "checked = redirects.check(asked, self._settings.redirect_hosts)",
        'checked = Redirect(asked, "", is_loopback=False)',
        (f"{_AUTHORIZE}::test_an_address_that_may_no_longer_be_registered_is_no_longer_redirected_to",),
    ),
    Mutant(
        "the answer names its issuer",
        f"{_OAUTH}/answers.py",
        ', "iss": issuer}',
        "}",
        (
            f"{_SIGN_IN}::test_claude_on_the_web_comes_all_the_way",
            f"{_CONSENT}::test_a_no_goes_back_to_the_client_with_iss",
        ),
    ),
    Mutant(
        "Location is sent byte for byte",
        f"{_OAUTH}/answers.py",
        "hdrs.LOCATION: location}",
        'hdrs.LOCATION: str(__import__("yarl").URL(location))}',
        (
            f"{_SIGN_IN}::test_an_address_with_a_query_keeps_it_byte_for_byte",
            f"{_SIGN_IN}::test_state_comes_back_as_it_was_sent_whatever_is_in_it",
        ),
    ),
)

WHAT_IS_ASKED_FOR = (
    Mutant(
        "PKCE with S256 and nothing else",
        f"{_OAUTH}/authorization.py",
        'sent.one("code_challenge_method") != "S256" or',
        'sent.one("code_challenge_method") not in (None, "S256", "plain") or',
        (f"{_AUTHORIZE}::test_a_code_challenge_of_s256_is_never_optional",),
    ),
    Mutant(
        "a code challenge has 43 characters",
        f"{_OAUTH}/authorization.py",
        "challenge is None or not _S256.fullmatch(challenge)",
        "challenge is None",
        (f"{_AUTHORIZE}::test_a_code_challenge_of_s256_is_never_optional",),
    ),
    Mutant(
        "a sign-in is for our resource",
        f"{_OAUTH}/authorization.py",
        'if foreign_resource(sent.every("resource"), addresses) is not None:',
        "if False:",
        (f"{_AUTHORIZE}::test_a_foreign_resource_is_refused",),
    ),
    Mutant(
        "of several resources every one is ours",
        f"{_OAUTH}/authorization.py",
        "for each in asked if",
        "for each in asked[:1] if",
        (f"{_AUTHORIZE}::test_of_two_resources_both_have_to_be_ours",),
    ),
    Mutant(
        "our resource is compared whole",
        f"{_OAUTH}/metadata.py",
        'return asked.partition("?")[0].rstrip("/") == addresses.resource',
        "return asked.startswith(addresses.public_url)",
        ("pure/test_oauth_metadata.py::test_every_other_resource_is_not_ours",),
    ),
    Mutant(
        "a person is always asked",
        f"{_OAUTH}/authorization.py",
        'if "none" in (sent.one("prompt") or "").split():',
        "if False:",
        (f"{_AUTHORIZE}::test_nobody_is_let_through_unasked",),
    ),
    Mutant(
        "a parameter comes once",
        f"{_OAUTH}/parameters.py",
        "if name in values and name not in MAY_REPEAT:",
        "if False:",
        (f"{_AUTHORIZE}::test_a_parameter_that_comes_twice_is_a_page",),
    ),
)

WHO_AGREES = (
    Mutant(
        "a sign-in stays in the browser that began it",
        f"{_OAUTH}/browser.py",
        "return opens(request.cookies.get(self._name(transaction.id_hash)), transaction.bind_hash)",
        "return True",
        (f"{_CONSENT}::test_another_browser_cannot_answer",),
    ),
    Mutant(
        "a form of another origin is refused",
        f"{_OAUTH}/browser.py",
        "if origin is not None and origin.lower() != self._origin:",
        "if False:",
        (f"{_CONSENT}::test_a_form_from_another_site_is_refused",),
    ),
    Mutant(
        "a form that the browser calls cross-site is refused",
        f"{_OAUTH}/browser.py",
        'return request.headers.get(_SEC_FETCH_SITE, "same-origin") == "same-origin"',
        "return True",
        (f"{_CONSENT}::test_a_form_from_another_site_is_refused",),
    ),
    Mutant(
        "over https the cookie is named __Host-",
        f"{_OAUTH}/browser.py",
        "'__Host-' if self._is_secure else ''",
        "''",
        (f"{_CONSENT}::test_over_https_the_cookie_is_one_that_no_other_host_can_set",),
    ),
    Mutant(
        "a form carries the secret of its page",
        f"{_OAUTH}/consent.py",
        ' and opens(sent.one("csrf"), transaction.csrf_hash)',
        "",
        (f"{_CONSENT}::test_a_form_that_is_not_the_one_on_the_page_is_refused",),
    ),
    Mutant(
        "with the yes the browser gets a new secret",
        f"{_OAUTH}/consent.py",
        "            bind_hash=digest(browser),\n",
        "",
        (f"{_CONSENT}::test_with_the_yes_the_browser_gets_a_new_secret_and_the_old_one_opens_nothing",),
    ),
    Mutant(
        "towards the provider each sign-in has its own nonce",
        f"{_OAUTH}/consent.py",
        "Upstream(mint(Kind.STATE, self._entropy), nameless(self._entropy), nameless(self._entropy))",
        'Upstream(mint(Kind.STATE, self._entropy), "n" * 43, nameless(self._entropy))',
        (f"{_CONSENT}::test_towards_the_provider_each_sign_in_has_its_own_state_nonce_and_verifier",),
    ),
    Mutant(
        "a yes is good once",
        "skillport_sync/store/oauth_transactions.py",
        "AND stage = ?8 AND",
        "AND ?8 IS NOT NULL AND",
        (f"{_CONSENT}::test_of_many_yeses_at_once_one_counts",),
    ),
)

WHO_COMES_BACK = (
    Mutant(
        "an answer comes from the provider that was chosen",
        f"{_OAUTH}/callback.py",
        "transaction.provider == provider.name and ",
        "",
        (f"{_CALLBACK}::test_the_answer_of_one_provider_is_not_taken_at_anothers_address",),
    ),
    Mutant(
        "an answer comes in the browser that agreed",
        f"{_OAUTH}/callback.py",
        " and self._browsers.is_bound(request, transaction)",
        "",
        (f"{_CALLBACK}::test_a_captured_address_in_another_browser_is_refused_and_harms_nothing",),
    ),
    Mutant(
        "an answer is taken one at a time",
        f"{_OAUTH}/callback.py",
        "if transaction.id_hash in self._under_way:",
        "if False:",
        (f"{_CALLBACK}::test_an_answer_that_comes_twice_at_once_signs_in_once",),
    ),
    Mutant(
        "a disabled person does not come in",
        f"{_OAUTH}/callback.py",
        "if person.disabled_at is not None:",
        "if False:",
        (f"{_CALLBACK}::test_somebody_who_is_kept_out_does_not_come_in_and_hears_why",),
    ),
)

FRONT_DOOR = (*WHERE_THE_ANSWER_GOES, *WHAT_IS_ASKED_FOR, *WHO_AGREES, *WHO_COMES_BACK)
