"""Owns reading ``.skillport/access.json``, versions 1.0 and 1.1, strictly: it is the policy it seems to be, or it is refused.

A rule that is misspelled, doubled or of the wrong type could open what its author meant to close, so nothing is guessed: unknown
keys, keys set twice, wrong types, unknown versions and groups that nobody defined are all Malformed, told with line and column.

What a version means ends here: the rules that come out say for themselves what they are asked about.

* 1.0 knows exact names only. Reading asks by the skill's name, writing by its plugin's, and both stand under ``skills``: the
  marketplaces that exist already have it so.
* 1.1 adds ``groups``, ``plugins`` and patterns. Writing asks by the skill's name too, and a plugin's name under ``skills`` still
  counts for it, beside what stands under ``plugins``.

Absent (no file) and Malformed are different things, and neither is a policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from skillport_sync.access.model import (
    Absent,
    AccessPolicy,
    Action,
    Audience,
    Grant,
    Group,
    GroupName,
    Malformed,
    Section,
)
from skillport_sync.access.patterns import NamePattern, Patterns
from skillport_sync.access.people import GroupNames, groups_at, is_a_name, people_at
from skillport_sync.access.places import shown_place
from skillport_sync.access.rules import Rules
from skillport_sync.access.strict import MalformedError, named_parts, object_at, only, shown_value
from skillport_sync.catalog.written_json import JsonPath, JsonText, NotJson, read_json
from skillport_sync.git.paths import RepoPath

POLICY_PATH = RepoPath(".skillport/access.json")
VERSIONS = ("1.0", "1.1")
MAX_POLICY_BYTES = 1_000_000

_PARTS = ("version", "editors", "skills", "defaults")
_LATER_PARTS = ("groups", "plugins")
_READ = '"*" (everybody signed in), "editors" or a list of people'
_WRITE = '"editors" or a list of people'
_WORDS: Mapping[Action, tuple[Mapping[str, Audience], str]] = {
    Action.READ: ({"*": "*", "editors": "editors"}, _READ),
    Action.WRITE: ({"editors": "editors"}, _WRITE),
}

_Placed = tuple[JsonPath, Grant]


def read_policy(content: bytes | None) -> AccessPolicy | Absent | Malformed:
    """The policy in these bytes; ``None`` stands for a commit without the file. Never raises."""
    if content is None:
        return Absent()
    if len(content) > MAX_POLICY_BYTES:
        return Malformed(POLICY_PATH, f"is larger than {MAX_POLICY_BYTES} bytes")
    document = read_json(content)
    if isinstance(document, NotJson):
        return Malformed(POLICY_PATH, document.message, document.line, document.column)
    try:
        if document.repeated:
            path = document.repeated[0]
            raise MalformedError(path, f"{shown_place(path)} is set twice; keep one of them")
        return _policy(document)
    except MalformedError as malformed:
        line, column = document.locate(malformed.path)
        return Malformed(POLICY_PATH, malformed.message, line, column)


def _policy(document: JsonText) -> AccessPolicy:
    top = object_at((), document.value)
    version = top.get("version")
    if not isinstance(version, str) or version not in VERSIONS:
        known = " or ".join(f'"{known}"' for known in VERSIONS)
        said = "is missing" if "version" not in top else f"{shown_value(version)} is not known here"
        raise MalformedError(("version",), f"version {said}; write {known}")
    first = version == "1.0"
    only((), top, _PARTS if first else (*_PARTS, *_LATER_PARTS), later=_LATER_PARTS if first else ())
    groups = {} if first else groups_at(("groups",), top.get("groups", {}))
    names = None if first else frozenset(groups)
    editors = people_at(("editors",), top.get("editors", []), "a list of people", names)
    placed = [
        grant
        for section in (Section.PLUGINS, Section.SKILLS)
        for grant in _section(section, top.get(section.value, {}), names)
    ]
    if "defaults" not in top:
        raise MalformedError((), "defaults is missing; say who reads and writes what no rule names")
    placed += _defaults(top["defaults"], names)
    lines = document.lines([path for path, _ in placed] + [path for path, _ in groups.values()])
    grants = [replace(grant, line=line) for (_, grant), line in zip(placed, lines, strict=False)]
    rules = _rules_of_1_0 if first else _rules_of_1_1
    return AccessPolicy(
        version=version,
        editors=editors,
        groups=_with_lines(groups, lines[len(placed) :]),
        read=rules([grant for grant in grants if grant.action is Action.READ]),
        write=rules([grant for grant in grants if grant.action is Action.WRITE]),
    )


def _with_lines(groups: Mapping[GroupName, tuple[JsonPath, Group]], lines: Iterable[int]) -> dict[GroupName, Group]:
    return {name: replace(group, line=line) for (name, (_, group)), line in zip(groups.items(), lines, strict=True)}


def _section(section: Section, value: object, groups: GroupNames) -> list[_Placed]:
    placed: list[_Placed] = []
    for name, (key, below) in named_parts((section.value,), value).items():
        path = (section.value, key)
        if groups is not None and (not is_a_name(name) or "/" in name):
            message = f"{shown_place(path)}: {shown_value(key)} cannot be the name of a {section.value[:-1]} here"
            raise MalformedError(path, message)
        placed += _rule(path, below, section, name, groups)
    return placed


def _defaults(value: object, groups: GroupNames) -> list[_Placed]:
    path = (Section.DEFAULTS.value,)
    placed = _rule(path, value, Section.DEFAULTS, "", groups)
    for action in Action:
        if not any(grant.action is action for _, grant in placed):
            raise MalformedError(path, f"{shown_place((*path, action.value))} is missing; write {_WORDS[action][1]}")
    return placed


def _rule(path: JsonPath, value: object, section: Section, name: str, groups: GroupNames) -> list[_Placed]:
    rule = object_at(path, value)
    only(path, rule, tuple(action.value for action in Action))
    return [
        (place, Grant(section, name, action, _audience(place, rule[action.value], action, groups)))
        for action in Action
        if action.value in rule
        for place in [(*path, action.value)]
    ]


def _audience(path: JsonPath, value: object, action: Action, groups: GroupNames) -> Audience:
    words, expected = _WORDS[action]
    if isinstance(value, str) and value in words:
        return words[value]
    return people_at(path, value, expected, groups)


def _rules_of_1_0(grants: list[Grant]) -> Rules:
    *named, default = grants
    if default.action is Action.READ:
        return Rules({grant.name: grant for grant in named}, {}, Patterns(), Patterns(), default)
    return Rules({}, {grant.name: (grant,) for grant in named}, Patterns(), Patterns(), default)


def _rules_of_1_1(grants: list[Grant]) -> Rules:
    *named, default = grants
    exact = [grant for grant in named if "*" not in grant.name]
    plugins: dict[str, tuple[Grant, ...]] = {}
    for grant in exact:
        if grant.section is Section.PLUGINS or grant.action is Action.WRITE:
            plugins[grant.name] = (*plugins.get(grant.name, ()), grant)
    return Rules(
        skills={grant.name: grant for grant in exact if grant.section is Section.SKILLS},
        plugins=plugins,
        skill_patterns=_patterns(named, Section.SKILLS),
        plugin_patterns=_patterns(named, Section.PLUGINS),
        default=default,
    )


def _patterns(grants: list[Grant], section: Section) -> Patterns:
    return Patterns(
        frozenset(NamePattern.of(grant) for grant in grants if grant.section is section and "*" in grant.name)
    )
