"""Owns the names of the keys: which there are, what each may hold, what its environment variable is called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from skillport_sync.config.kinds import Table
from skillport_sync.config.origin import KeyPath
from skillport_sync.config.tables import ConfigTable

PREFIX = "SKILLPORT_"
CONFIG_VARIABLE = "SKILLPORT_CONFIG"
"""Names the file itself: the environment's ``--config``."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that exists. An item of a list of tables has index 0 for all of them."""

    path: KeyPath
    type: type
    """str, bool, int, float or list: what its text in the environment is turned into."""
    field: FieldInfo

    @property
    def variable(self) -> str:
        return variable(self.path)


def variable(path: KeyPath) -> str:
    """The environment variable of a key: ``SKILLPORT_SERVER__PORT``."""
    return PREFIX + "__".join(str(part).upper() for part in path)


def keys() -> dict[KeyPath, Key]:
    """Every key there is, in the order of the file."""
    return {key.path: key for key in _keys_of(ConfigTable, ())}


def table_at(path: KeyPath) -> type[Table] | None:
    """What describes the table at ``path``; None where there is no table."""
    table: type[Table] | None = ConfigTable
    for part in path:
        if isinstance(part, int):
            continue
        field = table.model_fields.get(part) if table is not None else None
        table = _table_in(field.annotation) if field is not None else None
    return table


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that ``name`` was probably meant to be."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)


def from_text(key: Key, text: str) -> object:
    """What a variable's text says, in the key's type; the text itself where it does not fit, for the tables to complain of."""
    try:
        if key.type is list:
            return (
                json.loads(text)
                if text.lstrip().startswith("[")
                else [item.strip() for item in text.split(",") if item.strip()]
            )
        if key.type is bool:
            return _TRUTHS[text.strip().lower()]
        if key.type in (int, float):
            return key.type(text)
    except (KeyError, ValueError):
        pass
    return text


_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


_OF_A_SERVICE = re.compile(r"\w+_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")


def is_foreign(name: str, text: str) -> bool:
    """Variables that begin like ours and are not: Kubernetes sets SKILLPORT_PORT and more in every pod beside a Service that
    is called skillport (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
    """
    return _OF_A_SERVICE.fullmatch(name) is not None or (name.endswith("_PORT") and "://" in text)


def _bare(annotation: object) -> object:
    """``X`` of ``X``, ``X | None`` and ``Annotated[X, …]``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(each for each in get_args(annotation) if each is not NoneType))
    return annotation


def _table_in(annotation: object) -> type[Table] | None:
    bare = _bare(annotation)
    item = _bare(get_args(bare)[0]) if get_origin(bare) is list else bare
    return item if isinstance(item, type) and issubclass(item, Table) else None


def _is_list(annotation: object) -> bool:
    return get_origin(_bare(annotation)) is list


def _plain(annotation: object) -> type:
    bare = _bare(annotation)
    if get_origin(bare) is list:
        return list
    return bare if isinstance(bare, type) else str


def _keys_of(table: type[Table], prefix: KeyPath) -> Iterator[Key]:
    for name, field in table.model_fields.items():
        inner = _table_in(field.annotation)
        if inner is None:
            yield Key((*prefix, name), _plain(field.annotation), field)
        elif _is_list(field.annotation):
            yield from _keys_of(inner, (*prefix, name, 0))
        else:
            yield from _keys_of(inner, (*prefix, name))
