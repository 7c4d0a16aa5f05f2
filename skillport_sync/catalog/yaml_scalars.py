"""Owns what an unquoted YAML scalar means: the core schema of YAML 1.2, and nothing of YAML 1.1.

Under 1.1 rules ``yes`` is true, ``12:30`` is 750, ``010`` is 8 and ``2024-01-01`` is a date; frontmatter written by people
means none of that (https://yaml.org/spec/1.2.2/#103-core-schema). Both readers of frontmatter resolve here, so that they
cannot differ.

A number stays text where JSON has no such number (infinities, NaN, integers beyond 64 bits): what is read here is published as
JSON, and one odd value must not make a whole answer unserialisable.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAY_BE_A_NUMBER = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 64
_LARGEST_FLOAT = 1.7976931348623157e308


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_A_NUMBER or len(text) > _LONGEST_NUMBER:
        return text
    if _DECIMAL.fullmatch(text):
        return _integer(text, 10)
    if _OCTAL.fullmatch(text):
        return _integer(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return _integer(text, 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) <= _LARGEST_FLOAT else text
    return text


def _integer(text: str, base: int) -> int | str:
    number = int(text[2:], base) if base != 10 else int(text)
    return number if -(2**63) <= number < 2**63 else text
