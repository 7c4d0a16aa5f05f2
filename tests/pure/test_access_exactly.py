"""Limits of access.json to the letter, which of several faults is told, and what is remembered or sorted on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skillport_sync.access.decide import decide, permitted
from skillport_sync.access.explain import explain
from skillport_sync.access.model import Absent, AccessPolicy, Action, Allowed, Denied, Malformed, Principal, PrincipalId
from skillport_sync.access.patterns import Patterns
from skillport_sync.access.policy import POLICY_PATH, read_policy
from skillport_sync.access.rules import Rules, names_of
from skillport_sync.access.strict import MalformedError
from skillport_sync.access.unused import unused_rules
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Linked, Plugin, PluginName, Skill
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath

ADA = Principal(PrincipalId("google:1"))


def skill(label: str, directory: str | None = None, real: str | None = None) -> Skill:
    plugin, _, name = label.partition("/")
    of = Plugin(PluginName(plugin), OWN_SOURCE, plugin, None, "", None, None, (), (), frozenset())
    where = f"skills/{name}" if directory is None else directory
    linked = None if real is None else Linked(real, {})
    return Skill(of, where, RepoPath("SKILL.md"), name, "", {}, EMPTY_TREE, linked)


def catalog(*labels: str) -> Catalog:
    return Catalog("m", (), tuple(map(skill, labels)), ())


def read(version: str | None = "1.1", **parts: Any) -> AccessPolicy | Absent | Malformed:
    document = {"defaults": {"read": [], "write": []}, **parts}
    if version is not None:
        document["version"] = version
    return read_policy(json.dumps(document).encode())


def policy(version: str = "1.1", **parts: Any) -> AccessPolicy:
    found = read(version, **parts)
    assert isinstance(found, AccessPolicy), found
    return found


def fault(version: str | None = "1.1", **parts: Any) -> str:
    found = read(version, **parts)
    assert isinstance(found, Malformed), found
    return found.message


# --- reading --------------------------------------------------------------------------------------------------------------


def test_the_file_is_where_the_documents_say() -> None:
    assert POLICY_PATH == ".skillport/access.json"


def test_a_file_may_have_a_million_bytes() -> None:
    sound = json.dumps({"version": "1.1", "defaults": {"read": "*", "write": []}}).encode()
    assert isinstance(read_policy(sound.ljust(1_000_000)), AccessPolicy)
    assert read_policy(sound.ljust(1_000_001)) == Malformed(POLICY_PATH, "is larger than 1000000 bytes")


def test_of_several_keys_that_are_set_twice_the_first_is_told() -> None:
    found = read_policy(b'{"editors": [], "editors": [],\n "skills": {}, "skills": {}}')
    assert isinstance(found, Malformed)
    assert found.message == "editors is set twice; keep one of them"


def test_a_version_that_is_not_there_is_missing_and_another_is_not_known() -> None:
    assert fault(None) == 'version is missing; write "1.0" or "1.1"'
    assert fault("2") == 'version "2" is not known here; write "1.0" or "1.1"'


@pytest.mark.parametrize("part", ["groups", "plugins"])
def test_a_part_that_only_1_1_knows_is_told_so(part: str) -> None:
    assert fault("1.0", **{part: {}}) == f'{part} needs "version": "1.1"'


@pytest.mark.parametrize("key", ["domain", "claim", "value", "group"])
def test_a_way_to_name_people_that_only_1_1_knows_is_told_so(key: str) -> None:
    assert fault("1.0", editors=[{key: "x"}]) == f'editors[0].{key} needs "version": "1.1"'
    assert fault("1.0", editors=[{"id": "a:1", key: "x"}]) == f'editors[0].{key} needs "version": "1.1"'


@pytest.mark.parametrize("key", ["domain", "claim"])
def test_what_describes_people_stands_in_groups_only(key: str) -> None:
    message = f"editors[0].{key} can stand in a group only; write the group's name here"
    assert fault(editors=[{key: "x"}]) == message


def test_a_member_who_is_not_told_at_all_is_told_what_to_write() -> None:
    assert fault("1.0", editors=[{}]) == 'editors[0].id is missing; write "provider:uid", as whoami shows it'
    assert fault(editors=[{}]) == "editors[0] must say who in exactly one way: id, group"


def test_a_value_goes_with_a_claim_only_and_is_pointed_at() -> None:
    assert fault(editors=[{"id": "a:1", "value": "x"}]) == "editors[0].value is not known here; there are id, group"
    document = b"""{"version": "1.1", "defaults": {"read": [], "write": []},
 "groups": {"g": [{"id": "a:1",
   "value": "x"}]}}"""
    found = read_policy(document)
    assert isinstance(found, Malformed)
    assert (found.message, found.line) == ("groups.g[0].value goes with claim only", 3)


@pytest.mark.parametrize("identity", ["google:1 ", "google:1\n", " google:1", "google: 1", "google:", ":1", "google"])
def test_an_id_is_taken_whole(identity: str) -> None:
    assert fault(editors=[{"id": identity}]).startswith("editors[0].id cannot be ")


def test_ten_groups_are_named_and_more_are_not() -> None:
    groups: dict[str, Any] = {f"g{number}": [] for number in (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)}
    first_ten = ", ".join(f"g{number}" for number in range(10))
    said = 'editors[0].group cannot be "x"; there is '
    assert fault(groups=groups, editors=[{"group": "x"}]) == f"{said}{first_ten} under groups"
    assert fault(groups={**groups, "z": []}, editors=[{"group": "x"}]) == f"{said}{first_ten}, … under groups"
    assert fault(editors=[{"group": "x"}]) == f"{said}no group under groups"


def chain(*names: str) -> dict[str, list[dict[str, str]]]:
    """Each in the one before it."""
    return {name: [{"group": inner}] if inner else [] for name, inner in zip(names, (*names[1:], ""), strict=True)}


def test_ten_groups_may_stand_in_each_other() -> None:
    outer_first = [f"g{number:02}" for number in range(13)]
    policy(groups=chain(*outer_first[:10]))
    policy(groups=chain(*outer_first[:10][::-1]))
    for count in (11, 12, 13):
        assert fault(groups=chain(*outer_first[:count])) == "groups.g10 is more than 10 groups deep"
        assert "is more than 10 groups deep" in fault(groups=chain(*outer_first[:count][::-1]))


def test_the_deepest_of_several_counts() -> None:
    inner_first = [f"g{number:02}" for number in range(11)]
    groups = {name: [*members, {"group": "a"}] for name, members in chain(*inner_first[::-1]).items()}
    del groups["g00"]
    assert "is more than 10 groups deep" in fault(groups={**groups, "g00": [], "a": []})


def test_only_the_circle_itself_is_shown() -> None:
    groups = {"a": [{"group": "b"}], "b": [{"group": "c"}], "c": [{"group": "b"}]}
    assert fault(groups=groups) == "groups.b holds itself: b → c → b"


@pytest.mark.parametrize("letters", ["gfedcb", "mnopqr", "zyxwvu"])
def test_of_several_circles_the_first_by_name_is_told(letters: str) -> None:
    groups = {"a": [{"group": letter} for letter in letters], **{letter: [{"group": letter}] for letter in letters}}
    assert fault(groups=groups) == f"groups.{min(letters)} holds itself: {min(letters)} → {min(letters)}"


def test_a_complaint_is_an_exception_with_its_message() -> None:
    assert str(MalformedError(("a",), "must be text")) == "must be text"


# --- deciding -------------------------------------------------------------------------------------------------------------


def test_without_access_json_nobody_may_change_anything() -> None:
    here = catalog("docs/pdf")
    assert permitted(Absent(), ADA, Action.READ, here) == here.skills
    assert permitted(Absent(), ADA, Action.WRITE, here) == ()


def test_somebody_may_be_without_a_name() -> None:
    assert (ADA.name, ADA.email, ADA.groups, ADA.claims) == ("", None, frozenset(), frozenset())


def test_what_is_remembered_of_a_catalog_is_no_part_of_a_policy() -> None:
    first, second = (policy(skills={"pdf": {"read": "*"}}) for _ in range(2))
    first.read.arranged(catalog("docs/pdf"))
    assert first == second
    with pytest.raises(TypeError):
        Rules({}, {}, Patterns(), Patterns(), first.read.default, [])  # type: ignore[call-arg]


def test_every_set_of_rules_is_arranged_once() -> None:
    rules = policy(skills={"pdf": {"read": "*"}}).read
    arranged = rules.arranged(catalog("a/pdf", "a/x", "b/pdf", "b/x", "b/y"))
    assert arranged.deciding == ((rules.skills["pdf"],), (rules.default,))
    assert list(arranged.of_skill) == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("name", ["docs", "team", "legal", "sales", "people", "tools", "web", "data"])
def test_of_patterns_that_are_equally_specific_the_first_by_section_and_name_refuses(name: str) -> None:
    patterns = {pattern: {"read": []} for pattern in (f"{name[0]}*", f"*{name[-1]}", f"*{name[1]}*")}
    rules = policy(skills=patterns, plugins=patterns)
    refused = decide(rules, ADA, Action.READ, skill(f"{name}/{name}"))
    assert refused == Denied(f'plugins."{min(patterns)}".read does not list google:1')


def test_of_a_real_directory_the_last_part_counts() -> None:
    assert names_of(skill("docs/xls", "a/b/pdf")) == ("xls", "pdf")
    assert names_of(skill("docs/xls", "a/b/pdf", "c/d/real")) == ("xls", "pdf", "real")


def test_the_groups_of_somebody_are_sorted() -> None:
    groups = {name: [{"id": "google:1"}] for name in ("sales", "legal", "team", "all", "b", "z")}
    explained = explain(policy(groups=groups), ADA, catalog(), None)
    assert explained.groups == tuple(f"{name}, by id google:1" for name in sorted(groups))


def test_of_several_claims_the_first_is_told() -> None:
    claims = [("team", "b"), ("team", "a"), ("dept", "z"), ("unit", "c"), ("role", "d")]
    groups = {"g": [{"claim": claim, "value": value} for claim, value in claims]}
    person = Principal(PrincipalId("google:1"), claims=frozenset(claims))
    rules = policy(groups=groups, defaults={"read": [{"group": "g"}], "write": []})
    decided = decide(rules, person, Action.READ, skill("docs/pdf"))
    assert decided == Allowed("defaults.read lists google:1 through group g, by claim dept = z")


# --- remarks --------------------------------------------------------------------------------------------------------------


def test_five_skills_of_one_name_are_shown_and_more_are_not() -> None:
    rules = policy(skills={"pdf": {"read": []}})
    labels = ["e/pdf", "c/pdf", "a/pdf", "d/pdf", "b/pdf"]
    shown = ", ".join(sorted(labels))
    (remark,) = unused_rules(rules, catalog(*labels))
    assert remark.message == f"skills.pdf is about 5 skills: {shown}"
    (remark,) = unused_rules(rules, catalog("f/pdf", *labels))
    assert remark.message == f"skills.pdf is about 6 skills: {shown}, …"


def test_of_several_names_in_other_letters_the_last_by_name_is_meant() -> None:
    names = ["pdF", "PDf", "pDF", "Pdf", "pDf", "PdF"]
    for order in (names, names[::-1], sorted(names)):
        (remark,) = unused_rules(policy(skills={"PDF": {"read": []}}), catalog(*(f"docs/{name}" for name in order)))
        assert remark.message == "skills.PDF decides nothing: no skill is called PDF; there is pdF"


def test_a_group_that_no_rule_reaches_has_a_code_of_its_own() -> None:
    (remark,) = unused_rules(policy(groups={"g": []}), catalog())
    assert (remark.code, remark.message) == ("access_group_unused", "groups.g is named by no rule")
