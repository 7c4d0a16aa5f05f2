"""Owns what a person is told when an identity provider fails: one sentence each, with a stable code. Pure.

Nothing that came from outside is repeated, but for a status and an error's own short code.
"""

from __future__ import annotations

import re
from typing import Final

from skillport_sync.errors import Unavailable

_LATER: Final = "Wait a minute, then sign in again."
_TELL: Final = "If it happens again, tell whoever runs this service."
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def unreachable(title: str, why: str) -> Unavailable:
    """No answer came. ``why`` is the end of the sentence."""
    return Unavailable(f"{title} cannot be reached: {why}. {_LATER}", code="provider_unreachable")


def failing(title: str, what: str, status: int) -> Unavailable:
    """It answered that it cannot answer."""
    return Unavailable(f"{title} answered {status} when it was asked for {what}. {_LATER}", code="provider_failing")


def nonsense(title: str, what: str, why: str) -> Unavailable:
    """Its answer is not what the protocol says. ``why`` is the end of the sentence."""
    return Unavailable(
        f"{title} was asked for {what}, and its answer cannot be used: {why}. {_TELL}", code="provider_nonsense"
    )


def misconfigured(title: str, error: object) -> Unavailable:
    """It does not know this service, or not under this secret and address."""
    return Unavailable(
        f"{title} does not accept this service as a client ({shown(error)}). Whoever runs this service has to compare its "
        f"client id, client secret and callback address with what {title} has on record.",
        code="provider_misconfigured",
    )


def shown(error: object) -> str:
    """A provider's error code as it may stand in a message: anything that is not plainly a code is left out."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "no known error"
