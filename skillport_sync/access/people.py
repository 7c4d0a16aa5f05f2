"""Owns reading the people of access.json: whom a rule lists, and who is in its groups.

A group is named by those who use it, so every group there is has to be known first. Groups may hold groups, a few deep, never in
a circle. Version 1.0 has no groups: whoever reads it passes none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from skillport_sync.access.model import Group, GroupName, People, PrincipalId
from skillport_sync.access.places import canonical, shown_name, shown_place
from skillport_sync.access.strict import MalformedError, named_parts, object_at, only, shown_value
from skillport_sync.catalog.written_json import JsonPath

MAX_GROUP_DEPTH = 10
"""How many groups may stand in each other, the outermost included."""

_PRINCIPAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*:\S(?:.*\S)?")
_DOMAIN_PART = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_DOMAIN_PART}(?:\.{_DOMAIN_PART})*")
_SHOWN = 10

GroupNames = frozenset[GroupName] | None
"""The groups that may be named. None in a version that has none."""


def people_at(path: JsonPath, value: object, expected: str, groups: GroupNames) -> People:
    """The list of people at ``path``; ``expected`` says what may stand there."""
    if not isinstance(value, list):
        raise MalformedError(path, f"{shown_place(path)} must be {expected}, not {shown_value(value)}")
    return _members(path, value, ("id",) if groups is None else ("id", "group"), groups).members


def groups_at(path: JsonPath, value: object) -> dict[GroupName, tuple[JsonPath, Group]]:
    """The groups at ``path``, each with its own place."""
    written = named_parts(path, value)
    for name, (key, below) in written.items():
        place = (*path, key)
        if not is_a_name(name) or "*" in name:
            raise MalformedError(place, f"{shown_place(place)}: {shown_value(key)} cannot be the name of a group")
        if not isinstance(below, list):
            raise MalformedError(place, f"{shown_place(place)} must be a list of members, not {shown_value(below)}")
    names = frozenset(map(GroupName, written))
    groups = {
        GroupName(name): ((*path, key), _members((*path, key), below, ("id", "domain", "claim", "group"), names))
        for name, (key, below) in written.items()
        if isinstance(below, list)
    }
    _refuse_circles(groups)
    return groups


def is_a_name(name: str) -> bool:
    """Whether something can be called so: one line, something in it, no space around it."""
    return name != "" and name == name.strip() and name.isprintable()


def _members(path: JsonPath, value: list[object], kinds: tuple[str, ...], groups: GroupNames) -> Group:
    ids: set[PrincipalId] = set()
    domains: set[str] = set()
    claims: set[tuple[str, str]] = set()
    named: set[GroupName] = set()
    for index, person in enumerate(value):
        place = (*path, index)
        written = object_at(place, person)
        match _kind(place, written, kinds, groups):
            case "id":
                ids.add(_id(place, written))
            case "domain":
                domains.add(_domain(place, written))
            case "claim":
                claims.add((_claim(place, written, "claim"), _claim(place, written, "value")))
            case _:
                named.add(_group(place, written, groups or frozenset()))
    return Group(People(frozenset(ids), frozenset(named)), frozenset(domains), frozenset(claims))


def _kind(path: JsonPath, written: Mapping[str, object], kinds: tuple[str, ...], groups: GroupNames) -> str:
    """The one way in which this member is told."""
    if "claim" not in kinds and groups is not None:
        for kind in ("domain", "claim"):
            if kind in written:
                message = f"{shown_place((*path, kind))} can stand in a group only; write the group's name here"
                raise MalformedError((*path, kind), message)
    known = (*kinds, "value") if "claim" in kinds else kinds
    only(path, written, known, later=("domain", "claim", "value", "group") if groups is None else ())
    told = [kind for kind in kinds if kind in written]
    if len(told) != 1 and len(kinds) > 1:
        message = f"{shown_place(path)} must say who in exactly one way: {', '.join(kinds)}"
        raise MalformedError(path, message)
    if "value" in written and told != ["claim"]:
        raise MalformedError((*path, "value"), f"{shown_place((*path, 'value'))} goes with claim only")
    return kinds[0] if len(kinds) == 1 else told[0]


def _id(path: JsonPath, written: Mapping[str, object]) -> PrincipalId:
    identity = written.get("id")
    if isinstance(identity, str) and _PRINCIPAL_ID.fullmatch(identity):
        return PrincipalId(identity)
    raise _wrong(path, written, "id", 'write "provider:uid", as whoami shows it')


def _domain(path: JsonPath, written: Mapping[str, object]) -> str:
    domain = written["domain"]
    if isinstance(domain, str) and domain.isascii() and _DOMAIN.fullmatch(domain.lower()):
        return domain.lower()
    advice = 'write what stands after the "@", as in "acme.com"; every subdomain is one of its own'
    raise _wrong(path, written, "domain", advice)


def _claim(path: JsonPath, written: Mapping[str, object], key: str) -> str:
    value = written.get(key)
    if isinstance(value, str) and value.strip():
        return value
    raise _wrong(path, written, key, 'write {"claim": "groups", "value": "…"}, both as text')


def _group(path: JsonPath, written: Mapping[str, object], groups: frozenset[GroupName]) -> GroupName:
    name = written["group"]
    if isinstance(name, str) and canonical(name) in groups:
        return GroupName(canonical(name))
    there_are = ", ".join(map(shown_name, sorted(groups)[:_SHOWN])) + (", …" if len(groups) > _SHOWN else "")
    raise _wrong(path, written, "group", f"there is {there_are or 'no group'} under groups")


def _wrong(path: JsonPath, written: Mapping[str, object], key: str, advice: str) -> MalformedError:
    place = (*path, key)
    said = f"cannot be {shown_value(written[key])}" if key in written else "is missing"
    return MalformedError(place, f"{shown_place(place)} {said}; {advice}")


def _refuse_circles(groups: Mapping[GroupName, tuple[JsonPath, Group]]) -> None:
    """Raises where a group holds itself, through others or not, or where groups stand in each other too deep."""
    depth: dict[GroupName, int] = {}

    def visit(name: GroupName, above: tuple[GroupName, ...]) -> int:
        place, group = groups[name]
        if name in above:
            circle = " → ".join(map(shown_name, (*above[above.index(name) :], name)))
            raise MalformedError(place, f"{shown_place(place)} holds itself: {circle}")
        if len(above) >= MAX_GROUP_DEPTH:
            raise MalformedError(place, f"{shown_place(place)} is more than {MAX_GROUP_DEPTH} groups deep")
        if name not in depth:
            inner = [visit(other, (*above, name)) for other in sorted(group.members.groups)]
            depth[name] = 1 + max(inner, default=0)
        if len(above) + depth[name] > MAX_GROUP_DEPTH:
            raise MalformedError(place, f"{shown_place(place)} is more than {MAX_GROUP_DEPTH} groups deep")
        return depth[name]

    for name in sorted(groups):
        visit(name, ())
