"""Owns the words of access: Principal, AccessPolicy and its two absences, Allowed and Denied. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NewType

from skillport_sync.access.places import shown_place

if TYPE_CHECKING:
    from skillport_sync.access.rules import Rules

PrincipalId = NewType("PrincipalId", str)
"""``provider:uid``: ``google:1098…``, ``github:583231``, ``token:ci``. Compared exactly, never by its label."""

GroupName = NewType("GroupName", str)
"""The name of a group of access.json. Not what the identity provider calls a group: that is a claim."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who proved who they are."""

    id: PrincipalId
    name: str = ""
    email: str | None = None
    """Verified by whoever signed them in; None where it was not."""
    groups: frozenset[str] = field(default_factory=frozenset)
    claims: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """What else the identity provider says, ``(claim, value)``; a claim with several values has several pairs."""


class Action(StrEnum):
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class People:
    """Exactly these: people by id, and whoever is in one of these groups."""

    ids: frozenset[PrincipalId] = frozenset()
    groups: frozenset[GroupName] = frozenset()


Audience = Literal["*", "editors"] | People
"""Who a rule lets in: everybody signed in, the policy's editors, or exactly these."""


@dataclass(frozen=True, slots=True)
class Group:
    """Who is in a group: any of these is enough."""

    members: People = People()
    """By id, and the members of other groups. Groups never lead back to themselves."""
    domains: frozenset[str] = frozenset()
    """The part of the verified e-mail address after its last ``@``, in lower case."""
    claims: frozenset[tuple[str, str]] = frozenset()
    line: int | None = field(default=None, compare=False)


class Section(StrEnum):
    """The parts of access.json in which rules stand."""

    SKILLS = "skills"
    PLUGINS = "plugins"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule: whom it lets do one thing, and where in access.json it stands."""

    section: Section
    name: str
    """Of a skill or plugin, or a pattern of such names. Empty in the defaults."""
    action: Action
    audience: Audience
    line: int | None = field(default=None, compare=False)

    @property
    def place(self) -> str:
        """``skills.pdf.read``, ``defaults.write``."""
        named = (self.name,) if self.section is not Section.DEFAULTS else ()
        return shown_place((self.section.value, *named, self.action.value))


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """``.skillport/access.json``, read strictly. What its version means is already in ``read`` and ``write``."""

    version: str
    editors: People
    groups: Mapping[GroupName, Group]
    read: Rules
    write: Rules

    def rules(self, action: Action) -> Rules:
        return self.read if action is Action.READ else self.write


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
    line: int | None = field(default=None, compare=False)
    """Where that rule stands in access.json, from 1. None where there is no file."""


@dataclass(frozen=True, slots=True)
class Denied:
    because: str
    line: int | None = field(default=None, compare=False)
