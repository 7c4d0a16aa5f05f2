"""Owns the guards around what people make for themselves: tokens for scripts and for Claude Code, and one-time links."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_LINKS = "skillport_sync/store/links.py"
_MINTED = "skillport_sync/store/minted_tokens.py"
_API_TOKENS = "mcp_server/api_tokens.py"
_STILL_ALLOWED = "mcp_server/still_allowed.py"
_COMPOSED = "skillport_sync/signing_in.py"
_OF_LINKS = "store/test_state_links.py"
_OF_MINTED = "store/test_state_minted_tokens.py"
_AT_REST = "flows/oauth_service/test_minted_tokens.py"
_OF_LEAVERS = "flows/oauth_service/test_still_allowed.py"

LINKS = (
    Mutant(
        "a link is good once",
        _LINKS,
        "AND (used_at_us IS NULL AND expires_at_us > ?3 ",
        "AND (expires_at_us > ?3 ",
        (f"{_OF_LINKS}::test_of_thirty_two_who_redeem_it_at_once_exactly_one_wins",),
    ),
    Mutant(
        "a link ends",
        _LINKS,
        "AND (used_at_us IS NULL AND expires_at_us > ?3 ",
        "AND (used_at_us IS NULL ",
        (f"{_OF_LINKS}::test_it_is_unknown_the_moment_it_expires",),
    ),
    Mutant(
        "the minute of a link is over once",
        _LINKS,
        '"OR used_at_us > ?3 - ?4 AND (reopened OR attempt_hash = ?5)) "',
        '"OR reopened OR attempt_hash = ?5) "',
        (f"{_OF_LINKS}::test_the_same_attempt_gets_it_again_for_a_minute_and_nobody_else",),
    ),
    Mutant(
        "the minute of a link is counted from its first use",
        _LINKS,
        "SET used_at_us = coalesce(used_at_us, ?3)",
        "SET used_at_us = ?3",
        (f"{_OF_LINKS}::test_the_same_attempt_gets_it_again_for_a_minute_and_nobody_else",),
    ),
    Mutant(
        "a link comes again to the same attempt only",
        _LINKS,
        "(reopened OR attempt_hash = ?5)",
        "(reopened OR ?5 IS NOT NULL)",
        (f"{_OF_LINKS}::test_the_same_attempt_gets_it_again_for_a_minute_and_nobody_else",),
    ),
    Mutant(
        "a reopened link is closed by whoever comes next",
        _LINKS,
        "attempt_hash = ?5, reopened = 0 ",
        "attempt_hash = ?5 ",
        (f"{_OF_LINKS}::test_after_a_download_broke_off_one_more_gets_it_within_the_same_minute",),
    ),
    Mutant(
        "whoever has not got a link cannot reopen it",
        _LINKS,
        "WHERE token_hash = ? AND attempt_hash IS ? AND",
        "WHERE token_hash = ? AND (TRUE OR attempt_hash IS ?) AND",
        (f"{_OF_LINKS}::test_after_a_download_broke_off_one_more_gets_it_within_the_same_minute",),
    ),
    Mutant(
        "a link to install does not edit",
        _LINKS,
        '"WHERE token_hash = ?1 AND kind = ?2 AND (used_at_us',
        '"WHERE token_hash = ?1 AND ?2 = ?2 AND (used_at_us',
        (f"{_OF_LINKS}::test_a_link_to_install_does_not_edit",),
    ),
    Mutant(
        "a disabled person's link opens nothing",
        _LINKS,
        " AND p.disabled_at_us IS NULL",
        "",
        (f"{_OF_LINKS}::test_nothing_comes_of_it_when_its_person_is_thrown_out",),
    ),
    Mutant(
        "links end with the sessions of their person",
        "skillport_sync/store/grants.py",
        "    links.forget_of(connection, person)\n",
        "",
        (f"{_OF_LINKS}::test_nothing_comes_of_it_when_its_person_is_thrown_out",),
    ),
    Mutant(
        "links end with the token they were asked for with",
        "skillport_sync/store/tokens.py",
        "    links.forget_made_through(",
        "    (lambda *_: None)(",
        (f"{_OF_LINKS}::test_it_ends_with_the_api_token_it_was_asked_for_with",),
    ),
)
MINTED_TOKENS = (
    Mutant(
        "what somebody made for themselves does not open /mcp",
        _COMPOSED,
        "mcp = ConnectorAuthentication(finds, clock)",
        "mcp = ConnectorAuthentication({**finds, MINTED_TOKEN: _minted_tokens(state)}, clock)",
        (f"{_AT_REST}::test_it_never_opens_mcp_whoever_asked_before",),
    ),
    Mutant(
        "what was made where nobody proved who they are opens nothing",
        _COMPOSED,
        "if found is None or found.principal.id == ANYBODY.id:",
        "if found is None:",
        (f"{_AT_REST}::test_what_anybody_made_where_everybody_was_let_in_opens_nothing",),
    ),
    Mutant(
        "a token that was made so makes none",
        _API_TOKENS,
        "if caller.purpose is not None or caller.read_only:",
        "if caller.read_only:",
        (f"{_AT_REST}::test_it_cannot_make_another_one",),
    ),
    Mutant(
        "what is good for reading only makes none",
        _API_TOKENS,
        "if caller.purpose is not None or caller.read_only:",
        "if caller.purpose is not None:",
        (f"{_AT_REST}::test_what_is_good_for_reading_only_makes_none",),
    ),
    Mutant(
        "a revoked one opens nothing",
        _MINTED,
        '"AND t.revoked_at_us IS NULL AND t.expires_at_us > ?2 ',
        '"AND t.expires_at_us > ?2 ',
        (f"{_OF_MINTED}::test_a_revoked_one_opens_nothing_and_everybody_is_told_once",),
    ),
    Mutant(
        "an expired one opens nothing",
        _MINTED,
        '"AND t.revoked_at_us IS NULL AND t.expires_at_us > ?2 ',
        '"AND t.revoked_at_us IS NULL AND ?2 = ?2 ',
        (f"{_OF_MINTED}::test_it_opens_nothing_from_the_moment_it_expires",),
    ),
    Mutant(
        "a disabled person's opens nothing",
        _MINTED,
        "AND p.disabled_at_us IS NULL",
        "",
        (f"{_OF_MINTED}::test_a_person_who_is_marked_as_kept_out_by_hand_is_out_too",),
    ),
    Mutant(
        "it ends with the sessions of its person",
        "skillport_sync/store/grants.py",
        "return [*_hashes(ended), *minted_tokens.end_all_of(connection, person, now_us)]",
        "return _hashes(ended)",
        (f"{_OF_MINTED}::test_all_of_a_person_end_with_their_sessions_and_nobody_elses",),
    ),
    Mutant(
        "it ends no later than the API token it was asked for with",
        _MINTED,
        "min(expires_at_us, parent[0])",
        "expires_at_us",
        (f"{_OF_MINTED}::test_it_ends_with_the_api_token_it_was_asked_for_with",),
    ),
    Mutant(
        "it is revoked with the API token it was asked for with",
        "skillport_sync/store/tokens.py",
        "        self._forget(made_with_it)\n",
        "",
        (f"{_AT_REST}::test_it_ends_with_the_api_token_it_was_made_with",),
    ),
    Mutant(
        "nobody makes one with an API token that is over",
        _MINTED,
        "WHERE id = ?2 AND revoked_at_us IS NULL ",
        "WHERE id = ?2 ",
        (f"{_OF_MINTED}::test_nobody_makes_one_with_what_is_over_or_while_they_are_kept_out",),
    ),
    Mutant(
        "nobody has too many",
        _MINTED,
        "if len(live) >= most and not makes_room:",
        "if False:",
        (f"{_OF_MINTED}::test_of_many_made_at_once_no_more_than_may_be_are_live",),
    ),
    Mutant(
        "only a plain no throws anybody out",
        _STILL_ALLOWED,
        "is not False",
        "is True",
        (f"{_OF_LEAVERS}::test_where_it_cannot_be_told_everybody_stays",),
    ),
    Mutant(
        "a plain no throws them out",
        _STILL_ALLOWED,
        "            await self._oauth.revoke_person(person, REASON)\n",
        "            pass\n",
        (f"{_OF_LEAVERS}::test_whoever_left_loses_every_token_and_nobody_else_does",),
    ),
)

MINTED = (*LINKS, *MINTED_TOKENS)
