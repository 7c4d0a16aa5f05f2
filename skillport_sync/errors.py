"""Owns the error tree: what can go wrong, sorted by what the caller can do about it.

    SkillportError
    ├─ Invalid          the request, file or setting is wrong: change it and try again
    ├─ Unauthenticated  nobody proved who they are: sign in
    ├─ Denied           this person may not: ask whoever may
    ├─ Missing          there is no such thing, or not for this person (the two are never told apart)
    ├─ Conflict         the world moved: look again, then decide
    ├─ Unavailable      not now: wait ``retry_after_s`` and try again
    │  └─ RateLimited   GitHub's own limit: wait, and stop asking in the meantime
    └─ Broken           data that cannot be right: nothing was stored, somebody must look

Never holds a secret: a message says what is wrong, where, and what to do next. Status codes are not here; each surface has
one table of its own.
"""

from __future__ import annotations


class SkillportError(Exception):
    """The root. ``code`` is stable and machine-readable (``snake_case``); ``message`` is a sentence for people."""

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class Invalid(SkillportError):
    default_code = "invalid"


class Unauthenticated(SkillportError):
    default_code = "unauthenticated"


class Denied(SkillportError):
    default_code = "denied"


class Missing(SkillportError):
    default_code = "missing"


class Conflict(SkillportError):
    default_code = "conflict"


class Unavailable(SkillportError):
    """Not now. ``retry_after_s`` is how long the other side asked us to wait, None where it did not say."""

    default_code = "unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class RateLimited(Unavailable):
    default_code = "rate_limited"


class Broken(SkillportError):
    default_code = "broken"
