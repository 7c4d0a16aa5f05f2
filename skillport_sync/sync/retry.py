"""Owns what a failed pull means for the next one: how soon, and whether anything but time and other people can help. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.errors import Broken, Conflict, Denied, Missing, SkillportError, Unauthenticated, Unavailable
from skillport_sync.sync.wakeups import LONGEST_BACKOFF_S

ATTEMPTS_IF_BROKEN = 3
"""After so many in a row, what does not add up is left alone for longer: reading it may cost a whole archive every time."""


@dataclass(frozen=True, slots=True)
class Retry:
    """``not_before_s``: nobody may start a pull for so long, whoever asks. ``is_hopeless``: unless somebody wakes us, trying
    again before the next interval cannot help."""

    not_before_s: float = 0.0
    is_hopeless: bool = False


def after(error: SkillportError, *, attempts: int, awaits_push: bool) -> Retry:
    """How to go on. ``attempts`` are the failures in a row, this one included; ``awaits_push``: a push moments ago says that
    there is a commit."""
    match error:
        case Unavailable():
            return Retry(not_before_s=error.retry_after_s or 0.0)
        case Unauthenticated() | Denied():
            # Somebody has to mend the token. A burst of pushes must not become a burst of refused requests.
            return Retry(not_before_s=LONGEST_BACKOFF_S, is_hopeless=True)
        case Missing() | Conflict(code="empty_repository"):
            # A branch that a push has just made may not be there yet for GitHub's reads.
            return Retry(is_hopeless=not awaits_push)
        case Broken():
            return Retry(is_hopeless=attempts >= ATTEMPTS_IF_BROKEN)
        case _:
            return Retry()
