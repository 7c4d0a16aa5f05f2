"""Owns how text becomes the words that are searched: of a skill, of its name, of a question. Pure, total, linear.

A question and a text must come apart in the same places, or what is there is not found: both come through here. Stemming,
case and accents of Latin letters are the index's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

MAX_QUERY_CHARACTERS = 1_000
MAX_QUERY_WORDS = 24
"""A question of more words than this is one of its first: nobody narrows anything down with the twenty-fifth."""

_SMALL_WORDS = (
    "a an and are as at be by can do does for from has have how i in into is it its me my of on or our so that the their "
    "there these this to us use using want was we what when where which who will with you your"
)
_SMALL = frozenset(_SMALL_WORDS.split())
"""They say nothing of what is sought, and are left out of a question that has others."""

_APART = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U0001f000-\U0001faff\U00020000-\U0003ffff]+)"
)
"""Runs of scripts that put no space between words (Thai, Lao, Burmese, Khmer, kana, Han), and of pictures."""
_ASCII_WORD = re.compile("[a-z0-9]+")
_HUMP = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def searchable(text: str) -> str:
    """The text as the index takes it: folded, and a run of an unspaced script as its characters and their pairs."""
    if text.isascii():
        return text  # the index folds ASCII itself
    return _APART.sub(lambda run: f" {' '.join((*run[1], *_pairs(run[1])))} ", _folded(text))


def searchable_name(*names: str) -> str:
    """Names as the index takes them: ``pdf-form`` and ``PdfForm`` are found by pdf, by form and by pdfform."""
    spellings: list[str] = []
    for name in names:
        spellings += (name, _HUMP.sub(" ", name), joined(name))
    return searchable(" ".join(dict.fromkeys(spellings)))


def words(text: str) -> tuple[str, ...]:
    """The different words of a text, in order. Of an unspaced script, which only a reader can take apart, every two neighbours
    count as one."""
    found: list[str] = []
    for word in _runs(text):
        for at, piece in enumerate(_APART.split(word)):
            if at % 2:
                found += _pairs(piece) or piece
            elif piece and not all(map(_is_mark, piece)):
                found.append(piece)
    return tuple(dict.fromkeys(found))


def name_words(names: Iterable[str]) -> frozenset[str]:
    """Every word that these names are made of."""
    return frozenset(word for name in names for word in (*words(name), *words(_HUMP.sub(" ", name))))


def asked(query: str) -> tuple[str, ...]:
    """The words of a question that are worth looking for; none where it has no letter, digit or picture."""
    every = words(query)
    return tuple([word for word in every if word not in _SMALL] or every)[:MAX_QUERY_WORDS]


def joined(text: str) -> str:
    """What is equal for two spellings of one name: ``pdf-form``, ``PDF form``, ``PdfForm``."""
    return "".join(_runs(text))


def _runs(text: str) -> list[str]:
    """Unbroken runs of letters, digits, marks and pictures, folded."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return "".join(one if _belongs(one) else " " for one in _folded(text)).split()


def _pairs(run: str) -> list[str]:
    return list(map("".join, pairwise(run)))


def _folded(text: str) -> str:
    # Half a surrogate pair, which YAML can spell, is no character: no database takes it.
    whole = text.encode("utf-8", "ignore").decode()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", whole).casefold())


def _belongs(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LNM" or category == "Co" or (category == "So" and _APART.match(character) is not None)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
