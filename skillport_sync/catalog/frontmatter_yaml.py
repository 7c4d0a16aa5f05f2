"""Owns reading frontmatter as YAML 1.2, all of it, through ruamel's parser.

The parser is asked for its events only. What they mean is decided here, because ruamel's own 1.2 rules still turn dates into
objects and cannot read ``key: =``, and because a bound on events is a bound on work: aliases are refused outright (a few
hundred bytes of them expand to gigabytes), depth and number of values are capped. Slow, half a millisecond a file: the
ordinary file never comes here (``frontmatter_fast``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError

from skillport_sync.catalog.model import Remark, Severity
from skillport_sync.catalog.yaml_scalars import plain_scalar

MAX_DEPTH = 16
MAX_VALUES = 4096

_TAG_PREFIX = "tag:yaml.org,2002:"
_RESOLVED_TAGS = frozenset(_TAG_PREFIX + name for name in ("int", "float", "bool", "null"))
_KNOWN_TAGS = _RESOLVED_TAGS | {"!", *(_TAG_PREFIX + name for name in ("str", "map", "seq"))}


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """``remarks`` count lines from 1 within the text that was read."""

    values: dict[str, object]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class NotYaml:
    """Cannot be read. ``line`` counts from 1 within the text that was read."""

    code: str
    message: str
    line: int | None


def read_yaml_mapping(text: str) -> YamlMapping | NotYaml:
    """The mapping that this text is; an empty text is an empty mapping. Never raises, whatever the text."""
    try:
        return _build(_parse(text))
    except _RefusedError as refused:
        return refused.reason
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = " ".join(str(error.problem or error.context or "cannot be read").split())
        return NotYaml("frontmatter_invalid", f"not valid YAML: {detail}", mark.line + 1 if mark else None)
    except Exception as error:  # ruamel also raises ValueError, IndexError and others on odd text, and documents none
        detail = " ".join(str(error).split())[:200]
        return NotYaml("frontmatter_invalid", f"not valid YAML: {detail}", None)


class _RefusedError(Exception):
    def __init__(self, code: str, message: str, event: events.Event | None = None) -> None:
        line = event.start_mark.line + 1 if event is not None and event.start_mark is not None else None
        self.reason = NotYaml(code, message, line)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen. ``key`` is the pending key of a mapping."""

    into: dict[str, object] | list[object]
    key: str | None = None


def _parse(text: str) -> Iterator[events.Event]:
    # A parser of its own for every call: a YAML object keeps state while it parses and calls may come from several threads.
    yield from YAML(typ="safe", pure=True).parse(text)


def _build(parsed: Iterator[events.Event]) -> YamlMapping:
    stack: list[_Open] = []
    root: dict[str, object] | None = None
    remarks: list[Remark] = []
    values = documents = 0
    for event in parsed:
        match event:
            case events.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise _RefusedError("frontmatter_invalid", "holds more than one YAML document", event)
            case events.AliasEvent():
                raise _RefusedError("frontmatter_alias", f"uses a YAML alias (*{event.anchor}); write it out", event)
            case events.MappingStartEvent() | events.SequenceStartEvent():
                mapping: dict[str, object] | list[object] = {} if isinstance(event, events.MappingStartEvent) else []
                if not stack:
                    if not isinstance(mapping, dict):
                        raise _not_a_mapping(event)
                    root = mapping
                else:
                    _attach(stack[-1], mapping, event)
                stack.append(_Open(mapping))
                values += 1
                if len(stack) > MAX_DEPTH:
                    raise _RefusedError("frontmatter_too_large", f"is nested deeper than {MAX_DEPTH} levels", event)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                stack.pop()
            case events.ScalarEvent():
                values += 1
                if stack:
                    _scalar(stack[-1], event, remarks)
                elif event.value or not event.implicit[0]:
                    raise _not_a_mapping(event)
            case _:
                pass
        if values > MAX_VALUES:
            raise _RefusedError("frontmatter_too_large", f"holds more than {MAX_VALUES} values", event)
    return YamlMapping(root or {}, tuple(remarks))


def _scalar(parent: _Open, event: events.ScalarEvent, remarks: list[Remark]) -> None:
    text = _without_surrogates(event.value)
    if isinstance(parent.into, dict) and parent.key is None:
        if text in parent.into:
            message = f"{text[:80]!r} is set twice; the last one counts"
            remarks.append(Remark("frontmatter_duplicate_key", Severity.WARNING, message, _line(event)))
        parent.key = text
        return
    tag = str(event.tag) if event.tag is not None else None
    if tag is None:
        value = plain_scalar(text) if event.implicit[0] else text
    else:
        value = plain_scalar(text) if tag in _RESOLVED_TAGS else text
        if tag not in _KNOWN_TAGS:
            message = f"the YAML tag {tag[:80]!r} means nothing here; the text is kept as it stands"
            remarks.append(Remark("frontmatter_tag_ignored", Severity.WARNING, message, _line(event)))
    _attach(parent, value, event)


def _attach(parent: _Open, value: object, event: events.Event) -> None:
    if isinstance(parent.into, list):
        parent.into.append(value)
    elif parent.key is None:
        raise _RefusedError("frontmatter_invalid", "has a mapping or list where a key belongs", event)
    else:
        parent.into[parent.key] = value
        parent.key = None


def _not_a_mapping(event: events.Event) -> _RefusedError:
    return _RefusedError("frontmatter_not_a_mapping", 'is not a list of "key: value" lines', event)


def _line(event: events.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark is not None else None


def _without_surrogates(text: str) -> str:
    """Escapes such as ``"\\ud800"`` make text that no encoding can carry; it would break the answer it ends up in."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
