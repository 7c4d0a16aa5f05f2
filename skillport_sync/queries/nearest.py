"""Owns the guess what somebody meant who misspelled a name. Pure; never given a name that the asker may not know.

Pairs of letters shortlist first, because comparing letter by letter costs 10 µs a name and there may be 10 000.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from itertools import chain, pairwise

_SHORTLIST = 24
_MAX_CHARACTERS = 64
_LIKE_ENOUGH = 0.75
"""One letter in four wrong: more is another word."""


def nearest(wanted: str, names: Iterable[str], limit: int = 3) -> list[str]:
    """Up to ``limit`` names that look like ``wanted``, best first; none where nothing does."""
    asked = wanted.casefold()
    pairs = _pairs(asked)
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    shortlist = heapq.nlargest(_SHORTLIST, folded, key=lambda name: _likeness(pairs, name))
    return [folded[name] for name in get_close_matches(asked, shortlist, n=limit, cutoff=0.5)]


class Spellings:
    """Many words, made ready to be asked again and again which of them a misspelled one is."""

    def __init__(self, words: Iterable[str]) -> None:
        """``words`` are folded. Those too long to be misspelled by chance are left out."""
        self._words = sorted({word for word in words if len(word) <= _MAX_CHARACTERS})
        self._with_pair: dict[str, array[int]] = {}
        for at, word in enumerate(self._words):
            for pair in _pairs(word):
                self._with_pair.setdefault(pair, array("I")).append(at)

    def meant(self, word: str, limit: int = 3) -> list[str]:
        """The words that ``word`` is a slip of the pen away from; several only where they are equally near.

        Stricter than ``nearest``: what this returns is taken for what was meant, without asking back.
        """
        if len(word) > _MAX_CHARACTERS:
            return []
        pairs = _pairs(word)
        shared = Counter(chain.from_iterable(self._with_pair.get(pair, ()) for pair in pairs))
        # Two neighbours in the wrong order spoil three pairs.
        least = max(1, len(pairs) - 3 if len(pairs) < 8 else len(pairs) // 2)
        likely = [at for at, count in shared.items() if count >= least]
        shortlist = heapq.nlargest(
            _SHORTLIST, likely, key=lambda at: (2 * shared[at] / (len(pairs) + len(self._words[at]) + 1), -at)
        )
        likeness = {self._words[at]: _slip(word, self._words[at]) for at in shortlist}
        best = max(likeness.values(), default=0.0)
        return sorted(one for one, how in likeness.items() if how == best >= _LIKE_ENOUGH)[:limit]


def _slip(word: str, other: str) -> float:
    """How much of the two is the same, 0 to 1; 1 where only the order of their letters differs."""
    return 1.0 if sorted(word) == sorted(other) else SequenceMatcher(None, word, other, autojunk=False).ratio()


def _pairs(text: str) -> frozenset[str]:
    """Pairs of neighbours, its two ends included: short words have little else in common with their misspellings."""
    return frozenset(map("".join, pairwise(f"\0{text}\0")))


def _likeness(pairs: frozenset[str], name: str) -> float:
    """The share of letter pairs the two have in common (Dice), which a long name cannot win by length."""
    own = _pairs(name)
    return 2 * len(pairs & own) / (len(pairs) + len(own))
