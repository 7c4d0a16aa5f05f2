"""Owns what it means when GitHub does not give what was asked for: status, headers and body in, one of our errors out. Pure.

The one table of this surface:

    401                    Unauthenticated
    403, 429 with a limit  RateLimited    how long to wait is always known, and always between a second and an hour
    403, 451               Denied
    404                    Missing
    409, 422               Conflict       ``empty_repository`` when there is no commit yet
    everything else        Unavailable    5xx, proxies' own statuses, redirects that may not be followed

A message holds the method and path, and GitHub's own words when it gave any: never a query, a header's secret or a page.
Limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import orjson

from skillport_sync.errors import Conflict, Denied, Missing, RateLimited, SkillportError, Unauthenticated, Unavailable
from skillport_sync.github.wire import read_rate

SHORTEST_WAIT_S = 1.0
LONGEST_WAIT_S = 3600.0
UNSTATED_WAIT_S = 60.0
"""GitHub's advice for a secondary limit that names no time."""

_WORDS_LIMIT = 200
_LIKE_A_TOKEN = re.compile(r"(gh[a-z]_|github_pat_|eyJ)[A-Za-z0-9._-]+")


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, asked: str, now: datetime) -> SkillportError:
    """The error for an answer that is not the expected one. ``asked``: method and path; ``headers`` by lower-case name."""
    words = _own_words(body)
    said = f": “{words}”" if words else ""
    wait_s = _limit_wait_s(status, headers, words, now)
    if wait_s is not None:
        return RateLimited(
            f"GitHub's rate limit is used up ({status} to {asked}){said}. Nothing is asked for {wait_s:.0f} s.",
            retry_after_s=wait_s,
        )
    match status:
        case 401:
            return Unauthenticated(
                f"GitHub does not accept the credentials (401 to {asked}){said}. "
                "Check the token in [github] token_file, or the App's id and private key.",
                code="github_credentials_refused",
            )
        case 403 | 451:
            accepted = headers.get("x-accepted-github-permissions", "")
            needed = f" It takes the permission {_one_line(accepted)}." if accepted else ""
            return Denied(
                f"GitHub refuses {asked} ({status}){said}.{needed} "
                "Check what the token or the App may do, and whether the organisation has approved it.",
                code="github_permission_missing",
            )
        case 404:
            return Missing(
                f"GitHub has nothing at {asked} (404), or these credentials may not see it. "
                "Check the repository's name and that the token or the App has access to it.",
                code="github_not_found",
            )
        case 409 if "empty" in words.casefold():
            return Conflict(
                f"The repository is empty (409 to {asked}). Push a first commit to it.", code="empty_repository"
            )
        case 409 | 422:
            return Conflict(f"GitHub cannot do {asked} as things are ({status}){said}.", code="github_conflict")
        case _ if 300 <= status < 400:
            return Unavailable(
                f"GitHub sends {asked} elsewhere ({status}), where this client does not follow. "
                "Check [github] api_url, and what stands between here and GitHub.",
                code="github_redirect_refused",
            )
        case _:
            return Unavailable(
                f"GitHub answered {status} to {asked}{said}. It is asked again later.",
                code="github_unavailable",
                retry_after_s=_stated_wait_s(headers),
            )


def _limit_wait_s(status: int, headers: Mapping[str, str], words: str, now: datetime) -> float | None:
    """How long a limit lasts, in GitHub's own order of precedence. None: this is no limit."""
    if status not in (403, 429):
        return None
    stated_s = _stated_wait_s(headers)
    if stated_s is not None:
        return stated_s
    rate = read_rate(headers)
    if rate is not None and rate.remaining <= 0:
        return _bounded((rate.reset_at - now).total_seconds())
    secondary = "rate limit" in words.casefold() or "abuse detection" in words.casefold()
    return UNSTATED_WAIT_S if status == 429 or secondary else None


def _stated_wait_s(headers: Mapping[str, str]) -> float | None:
    stated = headers.get("retry-after")
    if stated is None:
        return None
    digits = stated.strip()
    return _bounded(float(digits[:9])) if digits.isascii() and digits.isdigit() else UNSTATED_WAIT_S


def _bounded(wait_s: float) -> float:
    return min(max(wait_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def _own_words(body: bytes) -> str:
    """GitHub's ``message``, one line and not too long. A page that is not JSON has nothing to say to an operator."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    message = answer.get("message") if isinstance(answer, dict) else None
    return _one_line(message) if isinstance(message, str) else ""


def _one_line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * _WORDS_LIMIT])
    return _LIKE_A_TOKEN.sub("…", " ".join(printable.split()))[:_WORDS_LIMIT].rstrip(".")
