"""Owns what claims mean for a person: their name, their verified address, their groups, and what else is kept. Pure.

Providers write the same thing in several ways. What is not clearly said is not said at all: rights are only ever given for what
is here, so leaving out is safe.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

MAX_GROUPS: Final = 1000
GROUPS_OVERAGE: Final = "groups_overage"
"""Entra leaves the groups out of the token of somebody who is in more than 200:
https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference#groups-overage-claim"""
GROUPS_TOO_MANY: Final = "groups_too_many"

_MAX_NAME_CHARS: Final = 200
_MAX_VALUE_CHARS: Final = 512
_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_NEVER_KEPT: Final = frozenset({"email"})
"""Verified, it stands in its own place; unverified, no rule of access.json may ever see it."""

Claims = Mapping[str, object]


def shown_name(*candidates: object) -> str:
    """The first that is a name, on one line, without characters that do not show; empty when none is."""
    for candidate in candidates:
        if isinstance(candidate, str):
            # Bidirectional marks and the like would let somebody pass for somebody else in a list of people.
            seen = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in candidate)
            name = " ".join(seen.split())[:_MAX_NAME_CHARS].strip()
            if name:
                return name
    return ""


def verified_email(address: object, verified: object) -> str | None:
    """The address, if the provider says that it is this person's. Some say so in words instead of with a boolean."""
    if verified is not True and verified != "true":
        return None
    return address if isinstance(address, str) and _EMAIL.fullmatch(address) and address.isprintable() else None


def groups(claims: Claims, claim: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The values of this claim, and warnings. One value may come without its list."""
    elsewhere = claims.get("_claim_names")
    if claim not in claims and isinstance(elsewhere, Mapping) and claim in elsewhere:
        return frozenset(), (GROUPS_OVERAGE,)
    found = frozenset(_values(claims.get(claim)))
    # A part of them would be some of a person's rights, another part each time.
    return (frozenset(), (GROUPS_TOO_MANY,)) if len(found) > MAX_GROUPS else (found, ())


def kept(claims: Claims, names: Iterable[str]) -> frozenset[tuple[str, str]]:
    """``(claim, value)`` of these claims, as far as they are text or lists of text."""
    return frozenset((name, value) for name in set(names) - _NEVER_KEPT for value in _values(claims.get(name)))


def _values(value: object) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [
        each
        for each in several
        if isinstance(each, str) and each.strip() and len(each) <= _MAX_VALUE_CHARS and each.isprintable()
    ]
