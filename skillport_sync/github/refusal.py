"""Owns what it means when GitHub does not give what was asked for: status, headers and body in, one of our errors out. Pure.

The one table of this surface:

    401                    Unauthenticated
    403, 429 with a limit  RateLimited    how long to wait is always known, and always between a second and an hour
    403, 451               Denied         ``repository_archived`` where nobody may write any more
    404                    Missing
    409, 422               Conflict       ``empty_repository`` when there is no commit yet
                           Denied         ``github_push_protection`` where GitHub takes what was sent for a secret
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
LIKE_A_TOKEN = re.compile(r"(gh[a-z]_|github_pat_|eyJ)[A-Za-z0-9._-]+")

# GitHub's sentences, as people met them; the statuses they come with differ between its APIs.
_ARCHIVED = re.compile(r"\barchived\b", re.IGNORECASE)
_SECRET = re.compile(r"secret detected|contain secrets|push protection|secret scanning", re.IGNORECASE)
_PROTECTED = re.compile(
    r"protected (branch|ref)|branch protection|through a pull request|rule violations? found|approving review"
    r"|required status check|merge queue|update is restricted|creations being restricted",
    re.IGNORECASE,
)


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, asked: str, now: datetime) -> SkillportError:
    """The error for an answer that is not the expected one. ``asked``: method and path; ``headers`` by lower-case name."""
    words = words_of(body)
    said = quoted(words)
    wait_s = _limit_wait_s(status, headers, words, now)
    if wait_s is not None:
        return _limited(wait_s, words, f"{status} to {asked}")
    match status:
        case 401:
            return Unauthenticated(
                f"GitHub does not accept the credentials (401 to {asked}){said}. "
                "Check the token in token_file, or the App's id and private key.",
                code="github_credentials_refused",
            )
        case 403 | 451:
            return denied(words, headers, asked=f"{asked} ({status})")
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
        case 409 | 422 if _SECRET.search(words):
            return _taken_for_a_secret(words)
        case 409 | 422:
            return Conflict(f"GitHub cannot do {asked} as things are ({status}){said}.", code="github_conflict")
        case _ if 300 <= status < 400:
            return Unavailable(
                f"GitHub sends {asked} elsewhere ({status}), where this client does not follow. "
                "Check api_url in the configuration, and what stands between here and GitHub.",
                code="github_redirect_refused",
            )
        case _:
            return Unavailable(
                f"GitHub answered {status} to {asked}{said}. It is asked again later.",
                code="github_unavailable",
                retry_after_s=_stated_wait_s(headers),
            )


def limited(words: str, headers: Mapping[str, str], *, asked: str, now: datetime) -> RateLimited:
    """For an answer that says so in its body only."""
    return _limited(_limit_wait_s(429, headers, words, now) or UNSTATED_WAIT_S, words, asked)


def _limited(wait_s: float, words: str, asked: str) -> RateLimited:
    return RateLimited(
        f"GitHub's rate limit is used up ({asked}){quoted(words)}. Nothing is asked for {wait_s:.0f} s.",
        retry_after_s=wait_s,
    )


def denied(words: str, headers: Mapping[str, str], *, asked: str, needs: str = "") -> Denied:
    """What may not be done. ``needs``: the permission to name where GitHub names none (``contents=write``)."""
    said = quoted(words)
    if _ARCHIVED.search(words):
        return Denied(
            f"The repository is archived: nothing can be written to it{said}. Unarchive it on GitHub.",
            code="repository_archived",
        )
    if _SECRET.search(words):
        return _taken_for_a_secret(words)
    permission = _one_line(headers.get("x-accepted-github-permissions", "")) or needs
    needed = f" It takes the permission {permission}." if permission else ""
    return Denied(
        f"GitHub refuses {asked}{said}.{needed} "
        "Check what the token or the App may do, and whether the organisation has approved it.",
        code="github_permission_missing",
    )


def says_protected(words: str) -> bool:
    """Whether a rule of the repository keeps a branch from being changed like this, by whoever asked.

    https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/about-rulesets
    """
    return _PROTECTED.search(words) is not None and _SECRET.search(words) is None


def _taken_for_a_secret(words: str) -> Denied:
    return Denied(
        f"GitHub takes something in these files for a secret and did not accept them{quoted(words)}. "
        "Remove it, or allow it in the repository's push protection.",
        code="github_push_protection",
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


def words_of(body: bytes) -> str:
    """GitHub's own words, one line and not too long. A page that is not JSON has nothing to say to an operator."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    told = [answer, *(errors if isinstance(errors, list) else [])]
    messages = [each.get("message") for each in told if isinstance(each, dict)]
    return _one_line("; ".join([each for each in messages if isinstance(each, str) and each]))


def quoted(words: str) -> str:
    return f": “{words}”" if words else ""


def _one_line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * _WORDS_LIMIT])
    return LIKE_A_TOKEN.sub("…", " ".join(printable.split()))[:_WORDS_LIMIT].rstrip(".")
