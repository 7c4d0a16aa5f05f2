"""What each refusal of GitHub's means here, and that its message helps without telling secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Conflict, Denied, Missing, RateLimited, SkillportError, Unauthenticated, Unavailable
from skillport_sync.github.refusal import LONGEST_WAIT_S, SHORTEST_WAIT_S, UNSTATED_WAIT_S, refusal

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = "GET /repos/acme/skills/git/trees/abc"


def refused(status: int, message: Any = None, **headers: str) -> SkillportError:
    body = b"" if message is None else orjson.dumps({"message": message})
    return refusal(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, body, asked=ASKED, now=NOW
    )


def reset_in(seconds: float) -> dict[str, str]:
    reset = str(int((NOW + timedelta(seconds=seconds)).timestamp()))
    return {"x_ratelimit_limit": "5000", "x_ratelimit_remaining": "0", "x_ratelimit_reset": reset}


def wait_s(error: SkillportError) -> float:
    assert type(error) is RateLimited
    assert error.retry_after_s is not None
    return error.retry_after_s


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Unauthenticated, "github_credentials_refused"),
        (403, Denied, "github_permission_missing"),
        (451, Denied, "github_permission_missing"),
        (404, Missing, "github_not_found"),
        (409, Conflict, "github_conflict"),
        (422, Conflict, "github_conflict"),
        (301, Unavailable, "github_redirect_refused"),
        (302, Unavailable, "github_redirect_refused"),
        (304, Unavailable, "github_redirect_refused"),
        (200, Unavailable, "github_unavailable"),
        (204, Unavailable, "github_unavailable"),
        (400, Unavailable, "github_unavailable"),
        (418, Unavailable, "github_unavailable"),
        (500, Unavailable, "github_unavailable"),
        (502, Unavailable, "github_unavailable"),
        (520, Unavailable, "github_unavailable"),
        (999, Unavailable, "github_unavailable"),
    ],
)
def test_each_status_has_one_meaning(status: int, kind: type[SkillportError], code: str) -> None:
    error = refused(status)
    assert (type(error), error.code) == (kind, code)
    assert ASKED in error.message


def test_an_empty_repository_is_told_apart() -> None:
    assert refused(409, "Git Repository is empty.").code == "empty_repository"


def test_a_missing_permission_is_named() -> None:
    error = refused(
        403, "Resource not accessible by personal access token", x_accepted_github_permissions="contents=read"
    )
    assert type(error) is Denied
    assert "contents=read" in error.message
    assert "Resource not accessible" in error.message


@pytest.mark.parametrize("status", [403, 429])
def test_a_stated_wait_is_kept_to(status: int) -> None:
    assert wait_s(refused(status, retry_after="37", **reset_in(1800))) == 37


@pytest.mark.parametrize("status", [403, 429])
def test_a_primary_limit_lasts_until_its_reset(status: int) -> None:
    assert wait_s(refused(status, "API rate limit exceeded", **reset_in(1800))) == 1800


@pytest.mark.parametrize(
    ("stated", "expected_s"),
    [("0", SHORTEST_WAIT_S), ("-5", UNSTATED_WAIT_S), ("1e9", UNSTATED_WAIT_S), ("999999999999", LONGEST_WAIT_S),
     ("soon", UNSTATED_WAIT_S), ("", UNSTATED_WAIT_S), ("nan", UNSTATED_WAIT_S), ("٣", UNSTATED_WAIT_S),
     ("Fri, 20 Nov 2026 12:00:30 GMT", UNSTATED_WAIT_S)],
)  # fmt: skip
def test_a_garbled_wait_is_bounded(stated: str, expected_s: float) -> None:
    assert wait_s(refused(429, retry_after=stated)) == expected_s


@pytest.mark.parametrize(("seconds", "expected_s"), [(-100, SHORTEST_WAIT_S), (10**6, LONGEST_WAIT_S)])
def test_a_reset_that_makes_no_sense_is_bounded(seconds: int, expected_s: float) -> None:
    assert wait_s(refused(403, **reset_in(seconds))) == expected_s


@pytest.mark.parametrize(
    "message",
    ["You have exceeded a secondary rate limit. Please wait.", "You have triggered an abuse detection mechanism."],
)
def test_a_secondary_limit_without_a_time_lasts_a_minute(message: str) -> None:
    assert wait_s(refused(403, message)) == UNSTATED_WAIT_S


def test_a_429_without_a_time_lasts_a_minute() -> None:
    assert wait_s(refused(429)) == UNSTATED_WAIT_S


def test_a_403_with_requests_left_is_no_limit() -> None:
    assert type(refused(403, "Forbidden", **{**reset_in(60), "x_ratelimit_remaining": "10"})) is Denied


def test_an_outage_may_say_how_long_it_lasts() -> None:
    error = refused(503, retry_after="120")
    assert type(error) is Unavailable
    assert error.retry_after_s == 120
    assert refused(503).retry_after_s is None  # type: ignore[attr-defined]


def test_a_page_is_not_repeated() -> None:
    error = refusal(502, {}, b"<html><title>secret proxy</title></html>", asked=ASKED, now=NOW)
    assert "secret" not in error.message


@pytest.mark.parametrize(
    "token", ["ghp_abcDEF123", "github_pat_11AAA_bbb", "ghs_123_eyJhbGci.J9.x", "eyJhbGciOi.JSUz.I1"]
)
def test_words_that_look_like_a_token_are_left_out(token: str) -> None:
    error = refused(403, f"token {token} may not")
    assert token not in error.message
    assert token[-6:] not in error.message


@given(st.integers(100, 999), st.binary(max_size=200) | st.text().map(lambda text: orjson.dumps({"message": text})),
       st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset",
                                        "x-accepted-github-permissions"]), st.text(max_size=40)))  # fmt: skip
def test_any_refusal_becomes_one_line_of_ours(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = refusal(status, headers, body, asked=ASKED, now=NOW)
    assert len(error.message) < 800
    assert "\n" not in error.message
    if isinstance(error, RateLimited):
        assert SHORTEST_WAIT_S <= wait_s(error) <= LONGEST_WAIT_S
