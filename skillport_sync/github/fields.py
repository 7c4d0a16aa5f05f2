"""Owns the reading of one JSON answer, field by field: what is not as GitHub describes it is ``Broken``. Pure.

``what`` is what the answer is about, as messages call it: "a commit", "a pull request".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NoReturn, cast

import orjson

from skillport_sync.errors import Broken
from skillport_sync.git.objects import is_object_id

Fields = Mapping[str, object]


def object_of(body: bytes, what: str) -> Fields:
    return fields_of(_json(body, what), what)


def objects_of(body: bytes, what: str) -> list[Fields]:
    return [fields_of(each, what) for each in list_of(_json(body, what), what)]


def fields_of(value: object, what: str) -> Fields:
    if not isinstance(value, dict):
        refuse(what, "a part of it is not an object")
    return cast(Fields, value)


def list_of(value: object, what: str) -> Sequence[object]:
    if not isinstance(value, list):
        refuse(what, "a part of it is not a list")
    return value


def inner(fields: Fields, key: str, what: str) -> Fields:
    return fields_of(fields.get(key), what)


def text(fields: Fields, key: str, what: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        refuse(what, f'its "{key}" is no text')
    return value


def number(fields: Fields, key: str, what: str) -> int:
    value = fields.get(key)
    if type(value) is not int:
        refuse(what, f"it has no {key}")
    return value


def flag(fields: Fields, key: str, what: str) -> bool:
    value = fields.get(key)
    if not isinstance(value, bool):
        refuse(what, f'its "{key}" is neither true nor false')
    return value


def oid(fields: Fields, what: str, key: str = "sha") -> str:
    value = text(fields, key, what)
    if not is_object_id(value):
        refuse(what, "an id in it is not 40 hex digits")
    return value


def time(fields: Fields, key: str, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(text(fields, key, what))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        refuse(what, f'its "{key}" is no time')


def refuse(what: str, found: str) -> NoReturn:
    raise Broken(
        f"GitHub's answer about {what} cannot be read: {found}. Nothing was taken from it.", code="github_answer_broken"
    )


def _json(body: bytes, what: str) -> object:
    try:
        return cast(object, orjson.loads(body))
    except orjson.JSONDecodeError:
        refuse(what, "it is not JSON")
