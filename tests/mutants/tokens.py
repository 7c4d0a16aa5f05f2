"""Owns the guards around codes and tokens: how they are exchanged, what ends them, and what they open at ``/mcp``."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_OAUTH = "mcp_server/oauth"
_STORE = "skillport_sync/store"
_AUTHENTICATION = "mcp_server/authentication.py"
_COMPOSED = "skillport_sync/signing_in.py"
_REDEEMING = "flows/oauth/test_redeeming.py"
_REFRESHING = "flows/oauth/test_refreshing.py"
_REVOKING = "flows/oauth/test_revoking.py"
_GRANTS = "store/test_sign_in_grants.py"
_CACHE = "flows/test_mcp_authentication.py"
_AT_MCP = "flows/oauth_service/test_tokens_at_mcp.py"

CODES = (
    Mutant(
        "a code needs a verifier",
        f"{_OAUTH}/redeeming.py",
        "not _VERIFIER.fullmatch(verifier) or not same(challenge_of(verifier), facts.code_challenge)",
        "verifier and not same(challenge_of(verifier), facts.code_challenge)",
        (f"{_REDEEMING}::test_without_the_verifier_the_code_is_burnt",),
    ),
    Mutant(
        "the verifier fits the challenge",
        f"{_OAUTH}/redeeming.py",
        " or not same(challenge_of(verifier), facts.code_challenge)",
        "",
        (f"{_REDEEMING}::test_the_challenge_itself_is_no_verifier",),
    ),
    Mutant(
        "a code is for the client that asked for it",
        f"{_OAUTH}/redeeming.py",
        "if client_id != facts.client_id:",
        "if False:",
        (f"{_REDEEMING}::test_another_client_cannot_redeem_it_and_burns_it",),
    ),
    Mutant(
        "a code is for the return address it went to",
        f"{_OAUTH}/redeeming.py",
        'if sent.one("redirect_uri") not in (None, facts.redirect_uri):',
        "if False:",
        (f"{_REDEEMING}::test_another_address_than_was_asked_for_burns_it",),
    ),
    Mutant(
        "a code is for our resource",
        f"{_OAUTH}/redeeming.py",
        'if foreign_resource(sent.every("resource"), self._addresses) is not None:',
        "if False:",
        (f"{_REDEEMING}::test_a_foreign_resource_burns_it",),
    ),
    Mutant(
        "a code is good once",
        f"{_STORE}/grants.py",
        "WHERE code_hash = ? AND used_at_us IS NULL ",
        "WHERE code_hash = ? ",
        (f"{_REDEEMING}::test_a_second_use_ends_the_session_and_its_tokens",),
    ),
    Mutant(
        "a second use of a code ends its grant",
        f"{_STORE}/grants.py",
        'ended = end(connection, grant.id, "code_replayed", now_us)',
        "ended: list[bytes] = []",
        (f"{_REDEEMING}::test_a_second_use_ends_the_session_and_its_tokens",),
    ),
    Mutant(
        "a wrong use of a code ends its grant",
        f"{_OAUTH}/redeeming.py",
        '            await self._oauth.revoke_grant(facts.grant_id, "code_misused")\n',
        "",
        (f"{_REDEEMING}::test_a_wrong_try_ends_the_grant_itself",),
    ),
    Mutant(
        "a code ends",
        f"{_STORE}/grants.py",
        "if expires_at_us <= now_us:  # nothing",
        "if False:  # nothing",
        (f"{_REDEEMING}::test_after_a_minute_it_is_over",),
    ),
)

REFRESH_TOKENS = (
    Mutant(
        "a refresh token is for its client",
        f"{_OAUTH}/refreshing.py",
        "if client_id != facts.client_id:",
        "if False:",
        (f"{_REFRESHING}::test_for_another_client_nobody_asks_the_provider",),
    ),
    Mutant(
        "the store too gives tokens to their client only",
        f"{_STORE}/oauth_tokens.py",
        "if grant.client_id != client_id:",
        "if False:",
        (f"{_GRANTS}::test_another_client_neither_gets_tokens_nor_does_harm",),
    ),
    Mutant(
        "a refresh is judged before anything is used up",
        f"{_OAUTH}/refreshing.py",
        "        wrong = await self._wrong_with(sent, facts, client_id)\n"
        "        return wrong or await self._rotate(token, facts, client_id)",
        "        told = await self._rotate(token, facts, client_id)\n"
        "        return await self._wrong_with(sent, facts, client_id) or told",
        (f"{_REFRESHING}::test_a_foreign_resource_is_refused_before_anything_is_used_up",),
    ),
    Mutant(
        "a refresh token has one successor",
        f"{_OAUTH}/token_pairs.py",
        "return self._pair(successor(self._key, refresh_token))",
        "return self.first()",
        (f"{_REFRESHING}::test_eight_at_once_get_the_same_successor_and_go_on",),
    ),
    Mutant(
        "a successor cannot be known without the key",
        f"{_OAUTH}/tokens.py",
        'derived = hmac.digest(key, b"refresh-next"',
        'derived = hmac.digest(bytes(32), b"refresh-next"',
        (
            "pure/test_oauth_tokens.py::test_the_successor_is_the_documented_hmac_and_needs_the_key",
            f"{_REFRESHING}::test_a_successor_cannot_be_worked_out_without_the_key",
        ),
    ),
    Mutant(
        "a race is forgiven within the window only",
        f"{_OAUTH}/refreshing.py",
        "window_s=self._settings.refresh_window_s",
        "window_s=10**6",
        (f"{_REFRESHING}::test_a_copy_that_comes_late_ends_the_session_and_its_tokens",),
    ),
    Mutant(
        "a copy that comes late ends the grant",
        f"{_STORE}/oauth_tokens.py",
        'ended = grants.end(connection, grant.id, "refresh_reused", now_us)',
        "ended: list[bytes] = []",
        (f"{_REFRESHING}::test_a_copy_that_comes_late_ends_the_session_and_its_tokens",),
    ),
    Mutant(
        "at a refresh the provider is asked again",
        f"{_OAUTH}/refreshing.py",
        "return await provider.still_allowed(principal) is not False",
        "return True",
        (f"{_REFRESHING}::test_somebody_the_provider_no_longer_lets_in_is_out_everywhere",),
    ),
    Mutant(
        "whoever may not come any more is out everywhere",
        f"{_OAUTH}/refreshing.py",
        'await self._oauth.revoke_person(facts.principal.id, "not_allowed_any_more")',
        'await self._oauth.revoke_grant(facts.grant_id, "not_allowed_any_more")',
        (f"{_REFRESHING}::test_somebody_the_provider_no_longer_lets_in_is_out_everywhere",),
    ),
    Mutant(
        "whose provider was taken away is out",
        f"{_OAUTH}/refreshing.py",
        "            return False\n",
        "            return True\n",
        (f"{_REFRESHING}::test_whose_provider_was_taken_away_is_out",),
    ),
    Mutant(
        "a client signs out its own sessions only",
        f"{_STORE}/oauth_tokens.py",
        '"AND g.client_id = ?",',
        '"AND ? IS NOT NULL",',
        (f"{_REVOKING}::test_another_clients_token_is_left_alone_and_answered_alike",),
    ),
    Mutant(
        "a client takes back its own access tokens only",
        f"{_STORE}/oauth_tokens.py",
        "(SELECT client_id FROM grants WHERE id = grant_id) = ? RETURNING",
        "? IS NOT NULL RETURNING",
        (f"{_REVOKING}::test_another_clients_token_is_left_alone_and_answered_alike",),
    ),
)

AT_THE_ENDPOINT = (
    Mutant(
        "an access token is for this resource",
        _COMPOSED,
        "if access is None or access.resource != addresses.resource:",
        "if access is None:",
        (f"{_AT_MCP}::test_a_token_for_this_resource_opens_it_and_one_for_another_does_not",),
    ),
    Mutant(
        "tokens of other kinds open nothing",
        _AUTHENTICATION,
        "if token.startswith(beginning):",
        "if token:",
        (f"{_CACHE}::test_secrets_of_other_kinds_are_not_even_looked_up",),
    ),
    Mutant(
        "an API token begins with sps_",
        "skillport_sync/tokens.py",
        'API = "sps_"',
        'API = "sp"',
        (f"{_CACHE}::test_secrets_of_other_kinds_are_not_even_looked_up",),
    ),
    Mutant(
        "a revoked token is dropped from the cache",
        _AUTHENTICATION,
        "self._remembered.pop(token_hash, None)",
        "pass",
        (f"{_CACHE}::test_all_that_end_together_are_forgotten_together",),
    ),
    Mutant(
        "the cache hears what the store revokes",
        _COMPOSED,
        "        state.oauth.tell(each.forget_all)\n",
        "        pass\n",
        (f"{_AT_MCP}::test_a_client_that_gives_its_tokens_back_is_out_at_once",),
    ),
    Mutant(
        "a token revoked while it is looked up is not remembered",
        _AUTHENTICATION,
        "if revocations == self._revocations:",
        "if True:",
        (f"{_CACHE}::test_a_token_revoked_while_it_is_looked_up_is_not_remembered",),
    ),
    Mutant(
        "a token is remembered ten seconds",
        _AUTHENTICATION,
        "REMEMBERED_S: Final = 10.0",
        "REMEMBERED_S: Final = 3600.0",
        (f"{_CACHE}::test_a_token_is_looked_up_once_in_ten_seconds",),
    ),
    Mutant(
        "a token is never believed beyond its own end",
        _AUTHENTICATION,
        "if caller.until is not None:",
        "if False:",
        (f"{_CACHE}::test_a_token_is_never_believed_beyond_its_own_end",),
    ),
    Mutant(
        "a disabled person's access token opens nothing",
        f"{_STORE}/oauth_tokens.py",
        'AND p.disabled_at_us IS NULL"\n)\n"""What an access token opens',
        '"\n)\n"""What an access token opens',
        (f"{_GRANTS}::test_what_is_marked_as_over_by_hand_is_over_too",),
    ),
    Mutant(
        "a disabled person's API token opens nothing",
        _COMPOSED,
        "if person is not None and person.disabled_at is not None:",
        "if False:",
        (f"{_AT_MCP}::test_the_api_tokens_of_a_disabled_person_open_nothing_within_ten_seconds",),
    ),
)

TOKENS = (*CODES, *REFRESH_TOKENS, *AT_THE_ENDPOINT)
