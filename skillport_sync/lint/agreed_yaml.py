"""Owns the question whether all readers of YAML agree on a text that one of them could read. Pure.

They do on ordinary frontmatter. They do not on tags, anchors, keys set twice or that are not text, numbers that JSON cannot say,
and a few shapes that nobody writes on purpose: each was found by holding the catalog's reader against the JavaScript ``yaml``
package (2.9), which hosts use. What is told here is refused, never read differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML, events
from ruamel.yaml.error import StreamMark

from skillport_sync.catalog.yaml_scalars import plain_scalar

LARGEST_INTEGER = 2**53 - 1
"""Beyond it, readers of JSON do not agree on an integer: https://www.rfc-editor.org/rfc/rfc7493#section-2.2."""

_ODD = re.compile("[^\t\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Controls, and whatever some reader takes for the end of a line."""
_NUMERIC = re.compile(
    r"[-+]?(?:\.(?:inf|Inf|INF)|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)|\.(?:nan|NaN|NAN)|0o[0-7]+|0x[0-9a-fA-F]+"
)
"""A number in the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema), whatever JSON makes of it."""
_ENDS_DOCUMENT = re.compile(r"^[ \t]*\.\.\.", re.MULTILINE)
"""Dots that some reader takes for the end of the document."""
_MERGE = "<<"
"""Takes another mapping in under YAML 1.1, and is a key like any other under 1.2."""
_SPECIAL = frozenset((_MERGE, "="))
"""Words that are types of their own under YAML 1.1, and that its readers stumble over."""
_BLOCK_TEXT = re.compile(r"[|>]-?(?: +#[^\n]*)?\n(?:[ \t]*[^ \t\n][^\n]*\n|\n)*\Z")
"""No indentation that is given as a number, no last lines that are kept, no lines of spaces."""
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_AFTER_BRACKET = frozenset(("", " ", ",", "]", "}", "\n"))
_AFTER_QUOTE = _AFTER_BRACKET | {":"}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something that readers of YAML do not agree on. ``line`` counts from 1."""

    what: str
    line: int
    is_double_key: bool = False


def surely_agreed(values: Mapping[str, object]) -> bool:
    """Whether there is nothing to disagree on in a text of the simple shape (``frontmatter_fast``) that says this. False only
    means that it has to be looked at."""
    return all(plain_scalar(key) == key and _surely(value) for key, value in values.items())


def _surely(value: object) -> bool:
    match value:
        case dict():
            return surely_agreed(value)
        case list():
            return all(map(_surely, value))
        case str():
            return not (value in _SPECIAL or _NUMERIC.fullmatch(value) or _BLANK_LINE.search(value))
        case int():
            return abs(value) <= LARGEST_INTEGER
    return True


def disagreements(text: str) -> Iterator[Disagreement]:
    """What readers do not agree on in this valid YAML, whose lines end in LF and hold no ``---``; in order."""
    for odd, what in (
        (_ODD, "holds a character that is none or ends a line for some"),
        (_ENDS_DOCUMENT, "has a line of dots"),
    ):
        found = odd.search(text)
        if found is not None:
            yield Disagreement(what, text.count("\n", 0, found.start()) + 1)
            return
    look = _Look(text)
    for event in YAML(typ="safe", pure=True).parse(text):
        yield from look.at(event)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen. ``keys`` is None in a list, ``starts_at`` where it is not written in brackets."""

    keys: set[str] | None
    starts_at: StreamMark | None
    has_key: bool = False


class _Look:
    """Looks at how a text is written, event by event."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[_Open] = []

    def at(self, event: events.Event) -> Iterator[Disagreement]:
        match event:
            case events.MappingStartEvent() | events.SequenceStartEvent():
                yield from _marks(event)
                yield from self._begin(event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                yield from self._end(event)
            case events.ScalarEvent():
                yield from _marks(event)
                yield from self._written(event)
                yield from self._key(event) if self._is_key() else _value(event)

    def _is_key(self) -> bool:
        """Whether what comes now is a key. Asked once of each node."""
        here = self._open[-1] if self._open else None
        if here is None or here.keys is None:
            return False
        here.has_key = not here.has_key
        return here.has_key

    def _begin(self, event: events.MappingStartEvent | events.SequenceStartEvent) -> Iterator[Disagreement]:
        self._is_key()
        is_mapping = isinstance(event, events.MappingStartEvent)
        starts_at = event.start_mark if event.flow_style else None
        if starts_at is not None and self._text[starts_at.index : starts_at.index + 1] != ("{" if is_mapping else "["):
            yield _told('holds a pair without "{" and "}" in a list in brackets', event)
        self._open.append(_Open(set() if is_mapping else None, starts_at))

    def _end(self, event: events.CollectionEndEvent) -> Iterator[Disagreement]:
        starts_at, ends_at = self._open.pop().starts_at, event.end_mark
        if starts_at is None or ends_at is None:
            return
        if starts_at.line != ends_at.line:
            yield _told("holds brackets over several lines", event)
        elif self._text[ends_at.index : ends_at.index + 1] not in _AFTER_BRACKET:
            yield _told("holds something right behind a bracket", event)

    def _written(self, event: events.ScalarEvent) -> Iterator[Disagreement]:
        begin, end = event.start_mark, event.end_mark
        assert begin is not None
        assert end is not None
        before = self._text[self._text.rfind("\n", 0, begin.index) + 1 : begin.index]
        written = self._text[begin.index : end.index]
        if event.style in ("|", ">"):
            if not before.strip() or not _BLOCK_TEXT.match(written if written.endswith("\n") else written + "\n"):
                yield _told("holds text over several lines in an unusual form", event)
        elif event.style in ("'", '"'):
            margin = " " * (len(before) - len(before.lstrip(" ")) + 1)
            is_deeper = all(not line or line.startswith(margin) for line in written.split("\n")[1:])
            if not is_deeper or self._text[end.index : end.index + 1] not in _AFTER_QUOTE:
                yield _told("holds text in quotes that others end elsewhere", event)
        elif (
            self._open
            and self._open[-1].starts_at is not None
            and (event.value == "-" or event.value.startswith(("?", ":")) or event.value.endswith(":"))
        ):
            yield _told('holds a "-", "?" or ":" in brackets that is not in quotes', event)

    def _key(self, event: events.ScalarEvent) -> Iterator[Disagreement]:
        keys = self._open[-1].keys
        assert keys is not None
        if event.value in keys:
            yield Disagreement(f"sets {event.value[:80]!r} twice", _line(event), is_double_key=True)
        keys.add(event.value)
        is_text = plain_scalar(event.value) == event.value and not _NUMERIC.fullmatch(event.value)
        if event.implicit[0] and (event.value == _MERGE or not is_text):
            yield _told(f"has a key that is not text, {event.value[:80]!r}", event)


def _marks(event: events.ScalarEvent | events.MappingStartEvent | events.SequenceStartEvent) -> Iterator[Disagreement]:
    if event.anchor is not None:
        yield _told("uses a YAML anchor", event)
    if event.tag is not None:
        yield _told("uses a YAML tag", event)


def _value(event: events.ScalarEvent) -> Iterator[Disagreement]:
    if not event.implicit[0] or event.tag is not None:
        return
    value = plain_scalar(event.value)
    if event.value in _SPECIAL:
        yield _told(f"holds a bare {event.value}", event)
    elif isinstance(value, str) and _NUMERIC.fullmatch(value):
        yield _told(f"holds a number that JSON does not have, {value[:80]}", event)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER:
        yield _told(f"holds an integer that readers of JSON round, {value}", event)


def _told(what: str, event: events.Event) -> Disagreement:
    return Disagreement(what, _line(event))


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
