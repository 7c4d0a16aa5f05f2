"""Owns the list of all that is fuzzed, and how many cases each gets of a whole."""

from __future__ import annotations

import math
from typing import Final

from tests.fuzz import mcp, parsers, rest, sign_in, webhooks
from tests.fuzz.target import Target

TARGETS: Final[tuple[Target, ...]] = (
    *parsers.targets(),
    *webhooks.targets(),
    *mcp.targets(),
    *sign_in.targets(),
    *rest.targets(),
)
ALL: Final = sum(target.cases for target in TARGETS)
"""The cases of a whole run."""


def named(name: str) -> Target:
    """Raises: KeyError."""
    return {target.name: target for target in TARGETS}[name]


def share(target: Target, cases: int) -> int:
    """How many of so many cases are this target's."""
    return max(1, math.ceil(target.cases * cases / ALL))
