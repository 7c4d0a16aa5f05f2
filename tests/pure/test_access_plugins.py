"""Who may have a plugin as a whole: what its own rules say, and what stands in for a plugin without skills."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skillport_sync.access.model import Absent, AccessPolicy, Denied, Principal, PrincipalId
from skillport_sync.access.plugins import as_skill, may_have, refused_as_whole
from skillport_sync.access.policy import read_policy
from skillport_sync.access.rules import names_of
from skillport_sync.catalog.model import OWN_SOURCE

ADA, BOB = Principal(PrincipalId("google:1")), Principal(PrincipalId("google:2"))
TO_ADA, TO_BOTH, TO_NOBODY = [{"id": "google:1"}], [{"id": "google:1"}, {"id": "google:2"}], []


def policy(**parts: Any) -> AccessPolicy:
    document = {"version": "1.1", "defaults": {"read": [], "write": []}, **parts}
    read = read_policy(json.dumps(document, indent=1).encode())
    assert isinstance(read, AccessPolicy), read
    return read


def plugins(**rules: object) -> AccessPolicy:
    return policy(plugins={name: {"read": audience} for name, audience in rules.items()})


def test_without_access_json_everybody_may_have_every_plugin() -> None:
    assert refused_as_whole(Absent(), BOB, "docs") is None
    assert may_have(Absent(), BOB, "docs")


def test_a_plugin_without_a_rule_of_its_own_is_not_shut_by_the_default() -> None:
    assert refused_as_whole(policy(), BOB, "docs") is None
    assert refused_as_whole(plugins(other=TO_ADA), BOB, "docs") is None


def test_the_rule_for_a_plugin_by_name_decides_and_is_named_with_its_line() -> None:
    rules = plugins(docs=TO_ADA)
    refused = refused_as_whole(rules, BOB, "docs")
    assert refused == Denied("plugins.docs.read does not list google:2")
    assert refused is not None
    assert refused.line == 9
    assert refused_as_whole(rules, ADA, "docs") is None


def test_a_name_goes_before_every_pattern() -> None:
    open_by_name = policy(plugins={"docs": {"read": TO_BOTH}, "doc*": {"read": TO_NOBODY}})
    shut_by_name = policy(plugins={"docs": {"read": TO_NOBODY}, "doc*": {"read": TO_BOTH}})
    assert refused_as_whole(open_by_name, BOB, "docs") is None
    assert refused_as_whole(shut_by_name, BOB, "docs") == Denied("plugins.docs.read does not list google:2")


def test_of_patterns_those_with_the_most_letters_decide_and_all_of_them() -> None:
    rules = policy(
        plugins={
            "x*cs": {"read": TO_NOBODY},
            "*": {"read": TO_NOBODY},
            "d*": {"read": TO_NOBODY},
            "do*": {"read": TO_ADA},
            "*cs": {"read": TO_ADA},
        }
    )
    assert refused_as_whole(rules, ADA, "docs") is None
    assert refused_as_whole(rules, BOB, "docs") == Denied('plugins."*cs".read does not list google:2')
    assert refused_as_whole(rules, ADA, "drafts") == Denied('plugins."d*".read does not list google:1')


@pytest.mark.parametrize("plugin", ["docs", "team", "legal", "sales", "people", "tools", "web", "data"])
def test_of_several_that_refuse_the_first_by_name_is_told(plugin: str) -> None:
    patterns = {f"{plugin[0]}*": TO_NOBODY, f"*{plugin[-1]}": TO_NOBODY, f"*{plugin[1]}*": TO_NOBODY}
    refused = refused_as_whole(plugins(**patterns), BOB, plugin)
    assert refused == Denied(f'plugins."{min(patterns)}".read does not list google:2')


def test_a_pattern_for_skills_says_nothing_of_plugins_nor_does_a_rule_for_writing() -> None:
    rules = policy(skills={"docs": {"read": TO_NOBODY}, "*": {"read": TO_NOBODY}}, plugins={"docs": {"write": []}})
    assert refused_as_whole(rules, BOB, "docs") is None


@pytest.mark.parametrize("written", ["caf\u00e9", "cafe\u0301"])
@pytest.mark.parametrize("called", ["caf\u00e9", "cafe\u0301"])
def test_a_plugin_is_the_same_in_either_unicode_form(written: str, called: str) -> None:
    assert refused_as_whole(plugins(**{written: TO_ADA}), BOB, called) is not None
    assert refused_as_whole(plugins(**{f"{written}*": TO_ADA}), BOB, f"{called}-au-lait") is not None


@pytest.mark.parametrize(
    ("parts", "ada", "bob"),
    [
        ({}, False, False),
        ({"defaults": {"read": TO_ADA, "write": []}}, True, False),
        ({"plugins": {"docs": {"read": TO_ADA}}}, True, False),
        ({"skills": {"docs": {"read": TO_ADA}}, "plugins": {"docs": {"read": TO_BOTH}}}, True, False),
        ({"skills": {"d*": {"read": TO_ADA}}}, True, False),
        ({"skills": {"docs": {"write": TO_BOTH}}}, False, False),
    ],
)
def test_a_plugin_without_skills_is_asked_for_like_a_skill_of_its_name(
    parts: dict[str, Any], ada: bool, bob: bool
) -> None:
    assert (may_have(policy(**parts), ADA, "docs"), may_have(policy(**parts), BOB, "docs")) == (ada, bob)


def test_what_rules_are_held_against_answers_to_its_name_and_to_where_it_is() -> None:
    assert names_of(as_skill("docs")) == ("docs",)
    assert names_of(as_skill("docs", directory="skills/pdf")) == ("pdf",)
    assert names_of(as_skill("docs", directory="a/b/pdf")) == ("pdf",)
    assert names_of(as_skill("docs", "xls", "skills/pdf")) == ("xls", "pdf")
    assert names_of(as_skill("docs", "xls", "skills/pdf", "shared/real")) == ("xls", "pdf", "real")
    assert names_of(as_skill("docs", "xls", "skills/pdf", "")) == ("xls", "pdf", "docs")


def test_what_rules_are_held_against_holds_nothing_else() -> None:
    skill = as_skill("docs", "xls", "skills/pdf")
    assert (skill.plugin.name, skill.plugin.source, skill.plugin.description) == ("docs", OWN_SOURCE, "")
    assert (skill.plugin.directory, skill.frontmatter, skill.plugin.surfaces) == ("", {}, frozenset())
    assert (skill.directory, skill.skill_md, skill.description, skill.linked) == ("skills/pdf", "SKILL.md", "", None)
    linked = as_skill("docs", "xls", "skills/pdf", "shared/real").linked
    assert linked is not None
    assert (linked.directory, dict(linked.files)) == ("shared/real", {})
