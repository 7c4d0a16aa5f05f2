"""access.json is the policy it seems to be, or it is refused with the place of the fault."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.model import (
    Absent,
    AccessPolicy,
    Action,
    Audience,
    Grant,
    Group,
    GroupName,
    Malformed,
    People,
    PrincipalId,
    Section,
)
from skillport_sync.access.patterns import NamePattern, Patterns
from skillport_sync.access.people import MAX_GROUP_DEPTH
from skillport_sync.access.policy import MAX_POLICY_BYTES, POLICY_PATH, read_policy
from skillport_sync.access.rules import Rules

SOUND: dict[str, Any] = {
    "$schema": "https://example.com/access.schema.json",
    "version": "1.0",
    "editors": [{"id": "google:1", "label": "ada@example.com"}],
    "skills": {"internal": {"read": [{"id": "github:7"}], "write": "editors"}},
    "defaults": {"read": "*", "write": "editors"},
}
SOUND_1_1: dict[str, Any] = {
    "version": "1.1",
    "editors": [{"id": "google:1"}, {"group": "leads"}],
    "groups": {
        "sales": [
            {"domain": "Acme.com", "label": "everybody at Acme"},
            {"claim": "groups", "value": "sales@okta"},
            {"id": "github:7"},
        ],
        "leads": [{"group": "sales"}],
    },
    "plugins": {
        "docs": {"read": [{"group": "sales"}], "write": [{"id": "google:2"}]},
        "hr-*": {"read": "editors"},
    },
    "skills": {
        "internal": {"read": [{"id": "github:7"}, {"group": "leads"}], "write": "editors"},
        "docs": {"write": []},
        "fin-*": {"read": "*"},
    },
    "defaults": {"read": [{"group": "sales"}], "write": "editors"},
}
IDS = st.sampled_from(["google:1", "github:583231", "token:ci", "demo:ada", "x:y:z"])
PEOPLE = st.lists(st.fixed_dictionaries({"id": IDS}, optional={"label": st.text(max_size=5)}), max_size=3)
READS = st.one_of(st.just("*"), PEOPLE)
WRITES = st.one_of(st.just("editors"), PEOPLE)
POLICIES = st.fixed_dictionaries(
    {
        "version": st.just("1.0"),
        "defaults": st.fixed_dictionaries({"read": READS, "write": WRITES}),
    },
    optional={
        "editors": PEOPLE,
        "skills": st.dictionaries(
            st.text(max_size=5), st.fixed_dictionaries({}, optional={"read": READS, "write": WRITES}), max_size=3
        ),
        "description": st.text(max_size=5),
    },
)


def read(value: object) -> AccessPolicy | Absent | Malformed:
    return read_policy(json.dumps(value, indent=1).encode())


def refused(value: object) -> Malformed:
    policy = read(value)
    assert isinstance(policy, Malformed), policy
    assert policy.path == POLICY_PATH
    return policy


def with_changed(path: tuple[str | int, ...], change: object, sound: dict[str, Any] = SOUND) -> Any:
    """The sound policy with one part replaced, or removed where the change is Ellipsis."""
    whole = json.loads(json.dumps(sound))
    at = whole
    for step in path[:-1]:
        at = at[step]
    if change is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = change
    return whole


def people(*ids: str, groups: tuple[str, ...] = ()) -> People:
    return People(frozenset(map(PrincipalId, ids)), frozenset(map(GroupName, groups)))


def skills(name: str, action: Action, audience: Audience) -> Grant:
    return Grant(Section.SKILLS, name, action, audience)


def plugins(name: str, action: Action, audience: Audience) -> Grant:
    return Grant(Section.PLUGINS, name, action, audience)


def defaults(action: Action, audience: Audience) -> Grant:
    return Grant(Section.DEFAULTS, "", action, audience)


R, W = Action.READ, Action.WRITE
NONE = (Patterns(), Patterns())


def test_a_sound_policy_of_1_0_is_read() -> None:
    assert read(SOUND) == AccessPolicy(
        version="1.0",
        editors=people("google:1"),
        groups={},
        read=Rules({"internal": skills("internal", R, people("github:7"))}, {}, *NONE, defaults(R, "*")),
        write=Rules({}, {"internal": (skills("internal", W, "editors"),)}, *NONE, defaults(W, "editors")),
    )


def test_a_sound_policy_of_1_1_is_read() -> None:
    sales = people(groups=("sales",))
    assert read(SOUND_1_1) == AccessPolicy(
        version="1.1",
        editors=people("google:1", groups=("leads",)),
        groups={
            GroupName("sales"): Group(
                people("github:7"), frozenset({"acme.com"}), frozenset({("groups", "sales@okta")})
            ),
            GroupName("leads"): Group(sales),
        },
        read=Rules(
            {"internal": skills("internal", R, people("github:7", groups=("leads",)))},
            {"docs": (plugins("docs", R, sales),)},
            Patterns(frozenset({NamePattern(skills("fin-*", R, "*"), ("fin-", ""), 4)})),
            Patterns(frozenset({NamePattern(plugins("hr-*", R, "editors"), ("hr-", ""), 3)})),
            defaults(R, sales),
        ),
        write=Rules(
            {"internal": skills("internal", W, "editors"), "docs": skills("docs", W, people())},
            {
                "docs": (plugins("docs", W, people("google:2")), skills("docs", W, people())),
                "internal": (skills("internal", W, "editors"),),
            },
            *NONE,
            defaults(W, "editors"),
        ),
    )


def test_every_rule_and_every_group_knows_its_line() -> None:
    policy = read(SOUND_1_1)
    assert isinstance(policy, AccessPolicy)
    written = json.dumps(SOUND_1_1, indent=1).splitlines()
    seen = 0
    for action in Action:
        for grant in policy.rules(action):
            assert grant.line is not None
            assert f'"{action.value}": ' in written[grant.line - 1], grant
            seen += 1
    for name, group in policy.groups.items():
        assert group.line is not None
        assert f'"{name}": [' in written[group.line - 1]
    assert seen == 9


def test_the_lines_of_a_rule_are_not_what_it_says() -> None:
    compact = read_policy(json.dumps(SOUND_1_1).encode())
    assert compact == read(SOUND_1_1)
    assert isinstance(compact, AccessPolicy)
    assert {grant.line for grant in compact.read} == {1}


def test_absent_and_malformed_are_never_confused() -> None:
    assert read_policy(None) == Absent()
    assert isinstance(read_policy(b""), Malformed)
    assert isinstance(read_policy(b"null"), Malformed)
    assert isinstance(read_policy(b"{}"), Malformed)


@given(POLICIES)
def test_every_sound_policy_of_1_0_is_read_as_it_is_written(written: dict[str, Any]) -> None:
    policy = read(written)
    assert isinstance(policy, AccessPolicy)

    def said(audience: Any) -> Audience:
        return people(*(person["id"] for person in audience)) if isinstance(audience, list) else audience

    assert policy.editors == said(written.get("editors", []))
    assert policy.read.default.audience == said(written["defaults"]["read"])
    assert policy.write.default.audience == said(written["defaults"]["write"])
    rules = {unicodedata.normalize("NFC", name): rule for name, rule in written.get("skills", {}).items()}
    assert {name: grant.audience for name, grant in policy.read.skills.items()} == {
        name: said(rule["read"]) for name, rule in rules.items() if "read" in rule
    }
    assert {name: grant.audience for name, (grant,) in policy.write.plugins.items()} == {
        name: said(rule["write"]) for name, rule in rules.items() if "write" in rule
    }
    assert (policy.read.skill_patterns, policy.read.plugin_patterns) == NONE


@pytest.mark.parametrize(
    ("path", "change", "line"),
    [
        (("version",), "2.0", 3),
        (("version",), 1.0, 3),
        (("version",), [], 3),
        (("version",), ..., 1),
        (("editors",), "*", 4),
        (("editors",), None, 4),
        (("editors",), {}, 4),
        (("editors", 0), "google:1", 5),
        (("editors", 0, "id"), ..., 5),
        (("editors", 0, "id"), "ada@example.com", 6),
        (("editors", 0, "id"), "google: 1", 6),
        (("editors", 0, "id"), "google:", 6),
        (("editors", 0, "id"), ":1", 6),
        (("editors", 0, "id"), 5, 6),
        (("editors", 0, "role"), "x", 8),
        (("editors", 0, "label"), ["x"], 7),
        (("skills",), [], 10),
        (("skills",), None, 10),
        (("skills", "internal"), "*", 11),
        (("skills", "internal", "reed"), "*", 18),
        (("skills", "internal", "read"), "everybody", 12),
        (("skills", "internal", "read"), "**", 12),
        (("skills", "internal", "read"), None, 12),
        (("skills", "internal", "read"), True, 12),
        (("skills", "internal", "read", 0), "*", 13),
        (("skills", "internal", "write"), "*", 17),
        (("skills", "internal", "write"), [["x"]], 18),
        (("defaults",), ..., 1),
        (("defaults",), {}, 20),
        (("defaults", "read"), ..., 20),
        (("defaults", "write"), ..., 20),
        (("defaults", "read"), "everybody", 21),
        (("defaults", "write"), "*", 22),
        (("skils",), {}, 24),
        (("groups",), {}, 24),
        (("plugins",), {}, 24),
        (("skills", "internal", "read", 0), {"group": "sales"}, 14),
        (("description",), {"a": 1}, 24),
    ],
)
def test_a_fault_is_pointed_at(path: tuple[str | int, ...], change: object, line: int) -> None:
    malformed = refused(with_changed(path, change))
    assert malformed.line == line
    assert malformed.column is not None
    assert malformed.message


@pytest.mark.parametrize(
    ("path", "change", "place"),
    [
        (("groups",), [], "groups must be an object"),
        (("groups",), {}, "editors[1].group"),
        (("groups", "sales"), "*", "groups.sales must be a list"),
        (("groups", "sales"), {"id": "google:1"}, "groups.sales must be a list"),
        (("groups", "sales", 0), "acme.com", "groups.sales[0]"),
        (("groups", "sales", 0), {}, "groups.sales[0] must say who"),
        (("groups", "sales", 0), {"domain": "acme.com", "id": "google:1"}, "groups.sales[0] must say who"),
        (("groups", "sales", 0), {"domain": "acme.com", "value": "x"}, "groups.sales[0].value"),
        (("groups", "sales", 0), {"domain": "acme.com", "subdomains": True}, "groups.sales[0].subdomains"),
        (("groups", "sales", 0, "domain"), "@acme.com", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "ada@acme.com", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "*.acme.com", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "acme.com.", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), ".acme.com", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "acme.com\n", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "münchen.example", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "\u212aelvin.example", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "a" * 64 + ".com", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), "", "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), None, "groups.sales[0].domain"),
        (("groups", "sales", 0, "domain"), ["acme.com"], "groups.sales[0].domain"),
        (("groups", "sales", 1, "claim"), " ", "groups.sales[1].claim"),
        (("groups", "sales", 1, "claim"), ..., "groups.sales[1] must say who"),
        (("groups", "sales", 1, "value"), ..., "groups.sales[1].value is missing"),
        (("groups", "sales", 1, "value"), True, "groups.sales[1].value"),
        (("groups", "sales", 1, "value"), ["a"], "groups.sales[1].value"),
        (("groups", "sales", 2, "id"), "ada", "groups.sales[2].id"),
        (("groups", "leads", 0, "group"), "nobody", "groups.leads[0].group"),
        (("groups", "leads", 0, "group"), "Sales", "groups.leads[0].group"),
        (("groups", "leads", 0, "group"), ["sales"], "groups.leads[0].group"),
        (("groups", "leads", 0, "group"), "leads", "groups.leads holds itself"),
        (("groups", "sales", 0), {"group": "leads"}, "groups.leads holds itself"),
        (("groups", ""), [], 'groups.""'),
        (("groups", " sales"), [], 'groups." sales"'),
        (("groups", "a*"), [], 'groups."a*"'),
        (("groups", "a\u202eb"), [], 'groups."a\\u202eb"'),
        (("editors", 1, "group"), "leeds", "editors[1].group"),
        (("editors",), "*", "editors must be a list"),
        (("plugins",), [], "plugins must be an object"),
        (("plugins", "docs"), [], "plugins.docs must be an object"),
        (("plugins", "docs", "delete"), [], "plugins.docs.delete"),
        (("plugins", "docs", "read"), "everybody", "plugins.docs.read"),
        (("plugins", "docs", "write"), "*", "plugins.docs.write"),
        (("plugins", ""), {}, 'plugins.""'),
        (("plugins", "docs/pdf"), {}, 'plugins."docs/pdf"'),
        (("skills", "docs/pdf"), {}, 'skills."docs/pdf"'),
        (("skills", "pdf "), {}, 'skills."pdf "'),
        (("skills", "fin-*", "read"), {"group": "sales"}, 'skills."fin-*".read'),
        (("skills", "fin-*", "read"), [{"group": "nobody"}], 'skills."fin-*".read[0].group'),
        (("skills", "fin-*", "read"), [{"domain": "acme.com"}], 'skills."fin-*".read[0].domain'),
        (("skills", "fin-*", "read"), [{"claim": "a", "value": "b"}], 'skills."fin-*".read[0].claim'),
        (("skills", "fin-*", "read"), ["sales"], 'skills."fin-*".read[0]'),
        (("skills", "fin-*", "read"), [{}], 'skills."fin-*".read[0] must say who'),
        (("defaults", "read"), None, "defaults.read"),
        (("defaults", "read"), "none", "defaults.read"),
        (("defaults", "read"), ..., "defaults.read is missing"),
        (("defaults", "write"), "*", "defaults.write"),
        (("version",), "1.10", "version"),
        (("version",), 1.1, "version"),
    ],
)
def test_a_fault_of_1_1_is_pointed_at(path: tuple[str | int, ...], change: object, place: str) -> None:
    malformed = refused(with_changed(path, change, SOUND_1_1))
    assert malformed.message.startswith(place)
    assert malformed.line is not None
    assert malformed.column is not None


def test_messages_say_what_to_write_instead() -> None:
    assert refused(with_changed(("version",), "2.0")).message == (
        'version "2.0" is not known here; write "1.0" or "1.1"'
    )
    assert refused(with_changed(("defaults", "read"), "all")).message == (
        'defaults.read must be "*" (everybody signed in), "editors" or a list of people, not "all"'
    )
    assert refused(with_changed(("skills", "internal", "read", 0, "id"), "ada")).message == (
        'skills.internal.read[0].id cannot be "ada"; write "provider:uid", as whoami shows it'
    )
    assert refused(with_changed(("skills", "internal", "read", 0), {"group": "sales"})).message == (
        'skills.internal.read[0].group needs "version": "1.1"'
    )
    assert refused(with_changed(("editors", 1, "group"), "leeds", SOUND_1_1)).message == (
        'editors[1].group cannot be "leeds"; there is leads, sales under groups'
    )
    assert refused(with_changed(("skills", "fin-*", "read"), [{"domain": "acme.com"}], SOUND_1_1)).message == (
        'skills."fin-*".read[0].domain can stand in a group only; write the group\'s name here'
    )
    assert refused(with_changed(("groups", "sales", 0), {"group": "leads"}, SOUND_1_1)).message == (
        "groups.leads holds itself: leads → sales → leads"
    )


def chain(length: int) -> dict[str, Any]:
    """Groups that hold one another, ``length`` of them in a row."""
    groups = {f"g{n}": [{"group": f"g{n + 1}"}] for n in range(length - 1)}
    return {
        "version": "1.1",
        "groups": {**groups, f"g{length - 1}": [{"id": "google:1"}]},
        "defaults": {"read": [{"group": "g0"}], "write": []},
    }


@pytest.mark.parametrize("inner_first", [False, True])
def test_groups_stand_in_each_other_only_so_deep(inner_first: bool) -> None:
    def told(length: int) -> AccessPolicy | Absent | Malformed:
        text = json.dumps(chain(length))
        if inner_first:  # by name, whatever the order in the file
            text = re.sub(r'"g(\d+)"', lambda name: f'"g{9_999 - int(name[1])}"', text)
        return read_policy(text.encode())

    assert isinstance(told(MAX_GROUP_DEPTH), AccessPolicy)
    for length in (MAX_GROUP_DEPTH + 1, 5_000):
        malformed = told(length)
        assert isinstance(malformed, Malformed)
        assert f"more than {MAX_GROUP_DEPTH} groups deep" in malformed.message


def test_many_groups_in_many_groups_are_read_in_a_moment() -> None:
    """Ten layers of forty, each holding all of the next: as paths they would be forty to the tenth."""
    layers, width = MAX_GROUP_DEPTH, 40
    groups = {
        f"g{layer}-{n}": [{"group": f"g{layer + 1}-{m}"} for m in range(width)] if layer + 1 < layers else []
        for layer in range(layers)
        for n in range(width)
    }
    assert isinstance(read({**chain(1), "groups": {**groups, "g0": []}}), AccessPolicy)


def test_a_name_is_the_same_in_either_unicode_form_and_stands_once() -> None:
    composed, apart = "r\u00e9sum\u00e9", unicodedata.normalize("NFD", "r\u00e9sum\u00e9")
    for section in ("skills", "plugins"):
        once = [read(with_changed((section, name), {"read": []}, SOUND_1_1)) for name in (composed, apart)]
        assert once[0] == once[1]
        assert isinstance(once[0], AccessPolicy)
        twice = with_changed((section, composed), {"read": []}, SOUND_1_1)
        twice[section][apart] = {"read": "*"}
        assert "twice" in refused(twice).message
    grouped = with_changed(("groups", composed), [], SOUND_1_1)
    grouped["editors"] = [{"group": apart}]
    policy = read(grouped)
    assert isinstance(policy, AccessPolicy)
    assert policy.editors == people(groups=(composed,))
    grouped["groups"][apart] = []
    assert "twice" in refused(grouped).message


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b'{"version": "1.0", "defaults": {"read": "*", "write": "editors"},\n "version": "1.0"}', 2, 13),
        (b'{"version": "1.0", "defaults": {"read": [],\n"read": "*", "write": "editors"}}', 2, 9),
        (b'{"version": "1.0" "defaults": 1}', 1, 19),
        (b'{"version": NaN}', None, None),
        (b'{"version": Infinity}', None, None),
        (b"[" * 100_000, None, None),
        (b"", 1, 1),
        (b"\xef\xbb\xbf", 1, 1),
        (b"\n\n", 3, 1),
        (b'{"version": "1.1", "groups": {"a": [], "a": []}, "defaults": {"read": [], "write": []}}', 1, 45),
        (b'{"version": "1.1", "defaults": {"read": [{"id": "a:b", "id": "a:b"}], "write": []}}', 1, 62),
        (json.dumps(SOUND).encode("utf-16"), 1, None),
        (json.dumps(SOUND).encode() + b"}", 1, len(json.dumps(SOUND)) + 1),
        (json.dumps(SOUND).encode() + b" " * MAX_POLICY_BYTES, None, None),
        (json.dumps({**SOUND, "label": "x" * 10_000_000}).encode(), None, None),
        (b'{\n"version": "\xff"}', 2, None),
    ],
)
def test_bytes_that_are_no_sound_document_are_malformed(content: bytes, line: int | None, column: int | None) -> None:
    policy = read_policy(content)
    assert isinstance(policy, Malformed)
    assert (policy.line, policy.column) == (line, column)


DEEP_PLACES = [
    '{{"version": "1.1", "x": {deep}, "defaults": {{"read": [], "write": []}}}}',
    '{{"version": "1.1", "label": {deep}, "defaults": {{"read": [], "write": []}}}}',
    '{{"version": "1.1", "defaults": {{"read": {deep}, "write": []}}}}',
    '{{"version": "1.1", "groups": {{"a": {deep}}}, "defaults": {{"read": [], "write": []}}}}',
    '{{"version": {deep}}}',
    "{deep}",
]


@pytest.mark.parametrize("place", DEEP_PLACES)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_whatever_is_nested_too_deep_is_malformed(place: str, opening: str, closing: str) -> None:
    """At every depth, those included at which the stack would just do for reading it and not for saying where it is wrong."""
    for depth in [*range(1, 20), *range(300, 1_100, 1), 10_000]:
        deep = opening * depth + "1" + closing * depth
        assert isinstance(read_policy(place.format(deep=deep).encode()), Malformed), depth


def test_a_byte_order_mark_is_tolerated() -> None:
    assert isinstance(read_policy(b"\xef\xbb\xbf" + json.dumps(SOUND).encode()), AccessPolicy)


def test_text_for_people_may_stand_anywhere() -> None:
    noted: Any = {**SOUND, "description": "ours", "$comment": "x"}
    noted["skills"] = {"internal": {**SOUND["skills"]["internal"], "label": "Internal", "comment": "x"}}
    noted["defaults"] = {**SOUND["defaults"], "description": "x"}
    assert read(noted) == read(SOUND)


@pytest.mark.parametrize("sound", [SOUND, SOUND_1_1])
def test_a_note_in_any_object_changes_nothing(sound: dict[str, Any]) -> None:
    def noted(part: Any, names: bool) -> Any:
        if isinstance(part, list):
            return [noted(below, False) for below in part]
        if not isinstance(part, dict):
            return part
        below = {key: noted(value, key in ("skills", "plugins", "groups") and not names) for key, value in part.items()}
        # An object whose keys are names has no room for notes: each would be a name.
        return below if names else {"$comment": "*", **below, "label": "editors", "description": None, "comment": 1}

    assert read(noted(sound, False)) == read(sound)


def test_readers_may_be_the_editors() -> None:
    policy = read(with_changed(("defaults", "read"), "editors"))
    assert isinstance(policy, AccessPolicy)
    assert policy.read.default.audience == "editors"
