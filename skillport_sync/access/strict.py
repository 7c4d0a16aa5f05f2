"""Owns strictness about the parts of access.json: the right type and no unknown key, or a complaint about the place.

Free text for people may stand in every object under ``$schema``, ``$comment``, ``comment``, ``description`` and ``label``; it
never matters. Never knows what a part means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from skillport_sync.access.places import canonical, shown_place
from skillport_sync.catalog.written_json import JsonPath

_FREE_TEXT = frozenset({"$schema", "$comment", "comment", "description", "label"})
_MAX_VALUE_CHARS = 80


class MalformedError(Exception):
    """The part at ``path`` is not what it has to be. Never leaves ``read_policy``."""

    def __init__(self, path: JsonPath, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def object_at(path: JsonPath, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise MalformedError(path, f"{shown_place(path)} must be an object, not {shown_value(value)}")
    return value


def only(path: JsonPath, value: Mapping[str, object], known: tuple[str, ...], later: tuple[str, ...] = ()) -> None:
    """Nothing but these keys and free text. ``later`` are keys that a later version of the format knows."""
    for key, below in value.items():
        place = (*path, key)
        if key in _FREE_TEXT:
            if isinstance(below, dict | list):
                raise MalformedError(place, f"{shown_place(place)} must be text")
        elif key in later:
            raise MalformedError(place, f'{shown_place(place)} needs "version": "1.1"')
        elif key not in known:
            raise MalformedError(
                place,
                f"{shown_place(place)} is not known here; there {'is' if len(known) == 1 else 'are'} "
                f"{', '.join(known)}",
            )


def named_parts(path: JsonPath, value: object) -> Mapping[str, tuple[str, object]]:
    """The parts of the object at ``path`` by the form of their names that is compared, each with its key as it is written."""
    parts: dict[str, tuple[str, object]] = {}
    for key, below in object_at(path, value).items():
        name = canonical(key)
        if name in parts:
            message = f"{shown_place((*path, key))} is set twice, in two Unicode forms; keep one of them"
            raise MalformedError((*path, key), message)
        parts[name] = (key, below)
    return parts


def shown_value(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, ensure_ascii=not str(value).isprintable())[:_MAX_VALUE_CHARS]
