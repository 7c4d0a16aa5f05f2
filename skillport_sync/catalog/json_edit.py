"""Owns the changing of one part of a JSON text that people write by hand: everything else keeps its bytes.

Order, indentation, spacing, the end of the last line and a byte order mark stay; what is put in is laid out like its neighbours.
Where an object sets a key twice, the last one counts, as in every reader. The text is JSON (``written_json.read_json`` says so).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.catalog.written_json import JsonPath

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_INDENTED = re.compile(r"\n([ \t]+)\S")
_BOM = "\ufeff"
_ONE_LINE_CHARACTERS = 100
"""A list of plain values stays on one line up to here."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A member of an object or an element of a list: from ``start`` (its key's) on, its value in ``[value, end)``."""

    name: str | int
    start: int
    value: int
    end: int


def set_value(text: str, path: JsonPath, value: object) -> str:
    """The text with ``value`` at ``path``: in place of what is there, else behind its last neighbour.

    Raises: LookupError where nothing holds such a part.
    """
    if not path:
        raise LookupError("the whole document is not a part of it")
    container = _find(text, path[:-1])
    parts = list(_parts(text, container))
    same = [part for part in parts if part.name == path[-1]]
    if same:
        part = same[-1]
        if _is_equal(json.loads(text[part.value : part.end]), value):
            return text
        written = _written(value, _Style.of(text), _indentation(text, part.start))
        return text[: part.value] + written + text[part.end :]
    if text[container] == "[" and path[-1] != len(parts):
        raise LookupError(f"{path[-1]!r} is no place in a list of {len(parts)}")
    return _added(text, container, parts, path[-1], value)


def remove(text: str, path: JsonPath) -> str:
    """The text without the part at ``path``, however often it is set.

    Raises: LookupError where there is none.
    """
    if not path:
        raise LookupError("the whole document is not a part of it")
    container = _find(text, path[:-1])
    at = next((at for at, part in enumerate(_parts(text, container)) if part.name == path[-1]), None)
    if at is None:
        raise LookupError(f"there is no {path[-1]!r}")
    removed = _without(text, container, at)
    if text[container] == "{" and any(part.name == path[-1] for part in _parts(removed, container)):
        return remove(removed, path)
    return removed


def append(text: str, path: JsonPath, value: object) -> str:
    """The text with ``value`` as the last element of the list at ``path``.

    Raises: LookupError where there is no list.
    """
    container = _find(text, path)
    if text[container] != "[":
        raise LookupError(f"{path[-1] if path else 'the document'!r} is not a list")
    return set_value(text, (*path, sum(1 for _ in _parts(text, container))), value)


def _without(text: str, container: int, at: int) -> str:
    parts = list(_parts(text, container))
    if len(parts) == 1:
        return text[: container + 1] + text[_after_space(text, parts[0].end) :]
    if at == len(parts) - 1:
        return text[: parts[at - 1].end] + text[parts[at].end :]
    return text[: parts[at].start] + text[parts[at + 1].start :]


def _added(text: str, container: int, parts: Sequence[_Part], name: str | int, value: object) -> str:
    style = _Style.of(text)
    own = _indentation(text, container)
    if not parts:
        is_spread = style.newline in text
        inner = own + style.indent
        lead, tail = (style.newline + inner, style.newline + own) if is_spread else ("", "")
        member = _member(name, value, style, inner, style.colon)
        return text[: container + 1] + lead + member + tail + text[_after_space(text, container + 1) :]
    last = parts[-1]
    before = parts[-2].end if len(parts) > 1 else container
    lead = text[_after_comma(text, before, last.start) : last.start]
    if len(parts) == 1 and "\n" not in lead:
        lead = style.gap
    colon = style.colon
    if isinstance(last.name, str):
        colon = text[_DECODER.raw_decode(text, last.start)[1] : last.value]
    member = _member(name, value, style, _indentation(text, last.start), colon)
    return f"{text[: last.end]},{lead}{member}{text[last.end :]}"


def _after_comma(text: str, before: int, start: int) -> int:
    """Where the white space before a part begins."""
    return max(text.rfind(",", before, start), text.rfind("[", before, start), text.rfind("{", before, start)) + 1


def _member(name: str | int, value: object, style: _Style, indentation: str, colon: str) -> str:
    written = _written(value, style, indentation)
    return f"{json.dumps(name, ensure_ascii=False)}{colon}{written}" if isinstance(name, str) else written


@dataclass(frozen=True, slots=True)
class _Style:
    """How the document is laid out."""

    indent: str
    newline: str
    colon: str
    gap: str
    """Between two parts on one line."""

    @classmethod
    def of(cls, text: str) -> _Style:
        indented = _INDENTED.search(text)
        is_tight = "\n" not in text and '": ' not in text and ", " not in text and '":' in text
        return cls(
            indented[1] if indented else "  ",
            "\r\n" if "\r\n" in text else "\n",
            ":" if is_tight else ": ",
            "" if is_tight else " ",
        )


def _written(value: object, style: _Style, indentation: str) -> str:
    """The value as JSON. Objects are spread over lines, lists of plain values are not, as people write them."""
    if isinstance(value, Mapping) and value:
        inner = indentation + style.indent
        members = [
            f"{inner}{json.dumps(str(name), ensure_ascii=False)}{style.colon}{_written(part, style, inner)}"
            for name, part in value.items()
        ]
        if style.gap == "":
            return "{" + ",".join(member.removeprefix(inner) for member in members) + "}"
        return style.newline.join(["{", f",{style.newline}".join(members), indentation + "}"])
    if isinstance(value, list | tuple) and value:
        inner = indentation + style.indent
        parts = [_written(part, style, inner) for part in value]
        line = "[" + f",{style.gap}".join(parts) + "]"
        is_plain = not any(isinstance(part, Mapping | list | tuple) for part in value)
        if style.gap == "" or (is_plain and len(line) <= _ONE_LINE_CHARACTERS):
            return line
        return style.newline.join(["[", f",{style.newline}".join(inner + part for part in parts), indentation + "]"])
    return json.dumps(value, ensure_ascii=False)


def _is_equal(one: object, other: object) -> bool:
    """Equal as JSON: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _indentation(text: str, at: int) -> str:
    """The white space that the line of this place begins with."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    line = text[start:at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _find(text: str, path: JsonPath) -> int:
    """Where the object or list at ``path`` opens."""
    at = _after_space(text, len(_BOM) if text.startswith(_BOM) else 0)
    for step in path:
        found = [part.value for part in _parts(text, at) if part.name == step] if text[at] in "{[" else []
        if not found:
            raise LookupError(f"there is no {step!r}")
        at = found[-1]
    if text[at] not in "{[":
        raise LookupError(f"{path[-1] if path else 'the document'!r} holds no parts")
    return at


def _parts(text: str, at: int) -> Iterator[_Part]:
    """What is directly inside the object or list that opens at ``at``."""
    is_object, index = text[at] == "{", 0
    name: str | int
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        start, name = at, index
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield _Part(name, start, at, end)
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
        index += 1


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
