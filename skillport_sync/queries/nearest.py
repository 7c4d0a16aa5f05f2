"""Owns the guess what somebody meant who misspelled a name. Pure; never given a name that the asker may not know."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import pairwise

_SHORTLIST = 24


def nearest(wanted: str, names: Iterable[str], limit: int = 3) -> list[str]:
    """Up to ``limit`` names that look like ``wanted``, best first; none where nothing does.

    Pairs of letters shortlist first, because comparing letter by letter costs 10 µs a name and there may be 10 000.
    """
    asked = wanted.casefold()
    pairs = _pairs(asked)
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    shortlist = heapq.nlargest(_SHORTLIST, folded, key=lambda name: _likeness(pairs, name))
    return [folded[name] for name in get_close_matches(asked, shortlist, n=limit, cutoff=0.5)]


def _pairs(text: str) -> frozenset[str]:
    return frozenset(map("".join, pairwise(text)))


def _likeness(pairs: frozenset[str], name: str) -> float:
    """The share of letter pairs the two have in common (Dice), which a long name cannot win by length."""
    own = _pairs(name)
    return 2 * len(pairs & own) / (len(pairs) + len(own) or 1)
