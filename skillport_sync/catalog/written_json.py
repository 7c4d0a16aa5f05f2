"""Owns reading JSON that people write by hand: its value, keys set twice, and the line and column of any part of it.

Parsing is the standard library's; positions are worked out afterwards and only when something is wrong, by stepping over the
parts before. Never judges what the value means. What comes out can be written as JSON again, by any writer.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

JsonPath = tuple[str | int, ...]
"""Keys and positions from the root: ``("plugins", 3, "name")``."""

_BOM = b"\xef\xbb\xbf"
_LONGEST: Final = 20
"""No number of 64 bits has more characters."""
_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class NotJson:
    """``line`` and ``column`` count from 1; None where nothing narrower than the file is to blame."""

    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class JsonText:
    value: object
    repeated: tuple[JsonPath, ...]
    """Every key that its object sets more than once. The last one counts."""
    text: str

    def locate(self, path: JsonPath) -> tuple[int, int]:
        """Line and column, from 1, at which the value at ``path`` begins; of what holds it where there is no such part."""
        offset = self._offset(path, {})
        line_start = self.text.rfind("\n", 0, offset) + 1
        return self.text.count("\n", 0, offset) + 1, offset - line_start + 1

    def lines(self, paths: Sequence[JsonPath]) -> list[int]:
        """The lines of many parts at once: the document is stepped through once, not once a part."""
        known: dict[int, dict[str | int, int]] = {}
        offsets = [self._offset(path, known) for path in paths]
        line_at: dict[int, int] = {}
        line, at = 1, 0
        for offset in sorted(set(offsets)):
            line += self.text.count("\n", at, offset)
            line_at[offset], at = line, offset
        return [line_at[offset] for offset in offsets]

    def _offset(self, path: JsonPath, known: dict[int, dict[str | int, int]]) -> int:
        offset = _after_space(self.text, 0)
        for step in path:
            if offset not in known:
                known[offset] = dict(_parts(self.text, offset))
            if step not in known[offset]:
                break
            offset = known[offset][step]
        return offset


def read_json(content: bytes) -> JsonText | NotJson:
    """The document, or why it is none. A byte order mark is tolerated; NaN and infinities are refused. Never raises.

    A number that 64 bits cannot hold is what JavaScript makes of it, because that is what Claude Code reads.
    """
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        return NotJson("is not UTF-8", content.count(b"\n", 0, error.start) + 1)
    if _SURROGATE.search(text):
        text = _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], text)
    repeats = 0

    def collect(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeats
        collected = dict(pairs)
        if len(collected) == len(pairs):
            return collected
        repeats += 1
        return _Repeated(pairs)

    try:
        value = json.loads(
            text, object_pairs_hook=collect, parse_constant=_refuse, parse_int=_whole, parse_float=_finite
        )
        orjson.dumps(value)  # parts of it are written again elsewhere, where nobody expects that to fail
    except json.JSONDecodeError as error:
        detail = error.msg[:1].lower() + error.msg[1:]
        return NotJson(f"is not JSON: {detail}", error.lineno, error.colno)
    except (RecursionError, orjson.JSONEncodeError):
        return NotJson("is nested too deeply to be read")
    except ValueError as error:
        return NotJson(f"is not JSON: {str(error)[:200]}")
    return JsonText(value, tuple(_repeated_keys(value)) if repeats else (), text)


class _Repeated(dict[str, object]):
    """An object that sets a key twice, remembered until its place in the document is known."""

    __slots__ = ("keys_set_twice",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs)
        self.keys_set_twice = sorted(name for name, number in times.items() if number > 1)


def _whole(digits: str) -> int | float:
    number = int(digits) if len(digits) <= _LONGEST else None
    return number if number is not None and -(2**63) <= number < 2**64 else _finite(digits)


def _finite(digits: str) -> float:
    """The nearest number that there is: of what is too large, the largest."""
    return max(-sys.float_info.max, min(sys.float_info.max, float(digits)))


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")


def _repeated_keys(value: object) -> Iterator[JsonPath]:
    pending: list[tuple[JsonPath, object]] = [((), value)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, _Repeated):
            yield from ((*path, key) for key in part.keys_set_twice)
        if isinstance(part, dict):
            pending.extend(((*path, key), below) for key, below in part.items() if isinstance(below, dict | list))
        else:
            assert isinstance(part, list)  # a key set twice is in an object, so no single value is the whole document
            pending.extend(
                ((*path, index), below) for index, below in enumerate(part) if isinstance(below, dict | list)
            )


def _parts(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """Name and offset of each value directly inside the object or list at ``at``. The text is known to be JSON."""
    opening = text[at]
    if opening not in "{[":
        return
    decoder = json.JSONDecoder(parse_int=str)  # however many digits: only where it ends is asked
    index = 0
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        name: str | int = index
        if opening == "{":
            name, at = decoder.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        yield name, at
        _, at = decoder.raw_decode(text, at)
        at = _after_space(text, at)
        if text[at] == ",":
            at = _after_space(text, at + 1)
        index += 1


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
