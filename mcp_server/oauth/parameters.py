"""Owns the reading of what a browser or a client sends in a query or a form. Pure, and total on whatever bytes come.

Every parameter may come once (https://www.rfc-editor.org/rfc/rfc6749#section-3.1): of two, each reader would take another.
``resource`` alone may be several (https://www.rfc-editor.org/rfc/rfc8707#section-2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

MAX_FIELDS: Final = 50
MAY_REPEAT: Final = frozenset({"resource"})

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Garbled:
    """This can be no request of anybody who means well. ``why`` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was sent. A parameter without a value counts as one that was not sent."""

    values: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str | None:
        """Its value; None where it was not sent."""
        return self.values.get(name, (None,))[0]

    def every(self, name: str) -> tuple[str, ...]:
        return self.values.get(name, ())

    def single(self) -> dict[str, str]:
        """All of them, by name."""
        return {name: values[0] for name, values in self.values.items()}


def of_query(raw: str) -> Parameters | Garbled:
    """The query of a URL, as it stood on the wire."""
    if not raw.isascii():
        return Garbled("The address holds characters that no address may hold.")
    return _parsed(raw)


def of_form(body: bytes) -> Parameters | Garbled:
    """A body of application/x-www-form-urlencoded."""
    try:
        return _parsed(body.decode("utf-8"))
    except UnicodeDecodeError:
        return Garbled("The form is not UTF-8.")


def _parsed(text: str) -> Parameters | Garbled:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        return Garbled(f"What was sent is not UTF-8, or is more than {MAX_FIELDS} parameters.")
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if _CONTROL.search(name) or _CONTROL.search(value):
            return Garbled("A parameter holds control characters.")
        if name in values and name not in MAY_REPEAT:
            return Garbled("A parameter was sent twice.")
        values[name] = (*values.get(name, ()), value)
    return Parameters({name: kept for name, given in values.items() if (kept := tuple(filter(None, given)))})
