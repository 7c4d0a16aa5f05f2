"""Owns the words of access: Principal, AccessPolicy and its two absences, Allowed and Denied. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NewType

PrincipalId = NewType("PrincipalId", str)
"""``provider:uid``: ``google:1098…``, ``github:583231``, ``token:ci``. Compared exactly, never by its label."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who proved who they are."""

    id: PrincipalId
    name: str = ""
    email: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)


class Action(StrEnum):
    READ = "read"
    WRITE = "write"


Audience = Literal["*", "editors"] | frozenset[PrincipalId]
"""Who a rule lets in: everybody signed in, the policy's editors, or exactly these."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What access.json says of one name. None: it says nothing, the defaults decide."""

    read: Audience | None
    write: Audience | None


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """``.skillport/access.json``, read strictly."""

    version: str
    editors: frozenset[PrincipalId]
    skills: Mapping[str, Rule]
    default_read: Audience
    default_write: Audience


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no access.json: everybody signed in reads, nobody writes."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """There is one and it cannot be read. Never a policy: the commit that carries it is refused."""

    path: str
    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    because: str
    """The rule that decided, in words an operator can find in the file."""


@dataclass(frozen=True, slots=True)
class Denied:
    because: str
