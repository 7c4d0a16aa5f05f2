"""Why somebody sees what they see; what is worth saying of a sound policy; and docs/ACCESS.md, held to its word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from skillport_sync.access.decide import decide
from skillport_sync.access.explain import ExplainedSkill, explain
from skillport_sync.access.model import Absent, AccessPolicy, Action, Allowed, Denied, GroupName, Principal, PrincipalId
from skillport_sync.access.policy import read_policy
from skillport_sync.access.unused import unused_rules
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Linked, Plugin, PluginName, Remark, Severity, Skill
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath


def skill(label: str, directory: str | None = None, real: str | None = None, *, published: bool = True) -> Skill:
    plugin, _, name = label.partition("/")
    of = Plugin(PluginName(plugin), OWN_SOURCE, plugin, None, "", None, None, (), (), frozenset(), published)
    where = f"plugins/{plugin}/skills/{name}" if directory is None else directory
    linked = None if real is None else Linked(real, {})
    return Skill(of, where, RepoPath(f"{where}/SKILL.md"), name, "", {}, EMPTY_TREE, linked)


def catalog(*skills: Skill, **more: Any) -> Catalog:
    return Catalog("acme", tuple({one.plugin.name: one.plugin for one in skills}.values()), skills, (), **more)


def policy(**parts: Any) -> AccessPolicy:
    document = {"version": "1.1", "defaults": {"read": "*", "write": "editors"}, **parts}
    read = read_policy(json.dumps(document, indent=1).encode())
    assert isinstance(read, AccessPolicy), read
    return read


def ids(*who: str) -> list[dict[str, str]]:
    return [{"id": one} for one in who]


ADA = Principal(PrincipalId("google:1"), "Ada", "ada@acme.com")

# --- explain --------------------------------------------------------------------------------------------------------------


def test_an_explanation_says_who_somebody_is_and_what_decides_for_each_skill() -> None:
    rules = policy(
        groups={"sales": [{"domain": "acme.com"}], "staff": [{"group": "sales"}], "hr": ids("google:9")},
        editors=[{"group": "staff"}],
        skills={"pay": {"read": [{"group": "hr"}]}},
    )
    explained = explain(rules, ADA, catalog(skill("docs/pdf"), skill("people/pay")), None)
    assert explained.principal == ADA
    assert explained.editor
    assert explained.groups == ("sales, by domain acme.com", "staff, by group sales, by domain acme.com")
    write = Allowed(
        'defaults.write is "editors", who google:1 is among through group staff, by group sales, by domain acme.com'
    )
    assert explained.rows == (
        ExplainedSkill(
            PluginName("docs"),
            "pdf",
            "plugins/docs/skills/pdf",
            Allowed('defaults.read is "*": everybody signed in'),
            write,
        ),
        ExplainedSkill(
            PluginName("people"),
            "pay",
            "plugins/people/skills/pay",
            Denied("skills.pay.read does not list google:1, nor a group they are in"),
            write,
        ),
    )
    written = json.dumps({"version": "1.1", "defaults": {"read": "*", "write": "editors"}}, indent=1).splitlines()
    assert explained.rows[0].read.line == 1 + next(n for n, line in enumerate(written) if '"read"' in line)


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("pdf", ["docs", "more"]),
        ("docs/pdf", ["docs"]),
        ("plugins/docs/skills/pdf", ["docs"]),
        ("tables", ["more"]),
        ("shared", ["more"]),
        ("docs", []),
        ("", []),
    ],
)
def test_a_skill_is_explained_by_any_name_that_it_answers_to(label: str, found: list[str]) -> None:
    skills = catalog(skill("docs/pdf"), skill("more/pdf", "plugins/more/skills/tables", "lib/shared"))
    assert [str(row.plugin) for row in explain(policy(), ADA, skills, label).rows] == found


def test_a_skill_in_quarantine_is_explained_as_nobodys_to_read() -> None:
    rules = policy(editors=ids("google:1"))
    skills = catalog(skill("docs/pdf"), skill("docs/xls"), withheld=(skill("docs/tex"),))
    rows = explain(rules, ADA, skills, None).rows
    assert [(row.name, isinstance(row.read, Allowed)) for row in rows] == [("pdf", True), ("tex", False), ("xls", True)]
    assert "quarantine" in rows[1].read.because
    assert isinstance(rows[1].write, Allowed)


def test_without_a_file_the_explanation_says_so() -> None:
    explained = explain(Absent(), ADA, catalog(skill("docs/pdf")), "pdf")
    assert (explained.editor, explained.groups) == (False, ())
    assert [(row.read.because, row.read.line) for row in explained.rows] == [
        ("there is no access.json: everybody signed in reads", None)
    ]


# --- unused_rules ---------------------------------------------------------------------------------------------------------

HERE = catalog(
    skill("docs/pdf"),
    skill("docs/tables", "plugins/docs/skills/xls"),
    skill("more/pdf"),
    skill("hidden/draft", published=False),
    withheld=(skill("leaky/tex"),),
    renames={PluginName("office"): PluginName("docs"), PluginName("old"): None},
)


def told(rules: AccessPolicy | Absent) -> list[tuple[str, str]]:
    return [(remark.code, remark.message) for remark in unused_rules(rules, HERE)]


def unused(*messages: str) -> list[tuple[str, str]]:
    return [("access_rule_unused", message) for message in messages]


@pytest.mark.parametrize("name", ["xls", "tables", "draft", "tex", "t*", "*xls", "*"])
def test_a_rule_that_is_about_some_skill_is_not_spoken_of(name: str) -> None:
    assert told(policy(skills={name: {"read": [], "write": []}})) == []


@pytest.mark.parametrize("name", ["docs", "hidden", "leaky", "d*s", "*"])
def test_a_rule_that_is_about_some_plugin_is_not_spoken_of(name: str) -> None:
    assert told(policy(plugins={name: {"read": [], "write": []}})) == []


@pytest.mark.parametrize(
    ("version", "section", "name", "rule", "message"),
    [
        ("1.1", "skills", "pfd", {"read": []}, "skills.pfd decides nothing: no skill is called pfd"),
        ("1.1", "skills", "pfd", {"write": []}, "skills.pfd decides nothing: no skill or plugin is called pfd"),
        ("1.1", "skills", "PDF", {"read": []}, "skills.PDF decides nothing: no skill is called PDF; there is pdf"),
        ("1.1", "skills", "docs", {"read": []},
         "skills.docs decides nothing: no skill is called docs; a plugin is: write it under plugins"),
        ("1.1", "skills", "docs", {"read": [], "write": []},
         "skills.docs.read decides nothing: no skill is called docs; a plugin is: write it under plugins"),
        ("1.1", "skills", "a b", {"read": []}, 'skills."a b" decides nothing: no skill is called "a b"'),
        ("1.1", "skills", "fin-*", {"read": []}, 'skills."fin-*" decides nothing: it fits no skill'),
        ("1.1", "skills", "doc*", {"write": []}, 'skills."doc*" decides nothing: it fits no skill'),
        ("1.1", "plugins", "fin-*", {"read": []}, 'plugins."fin-*" decides nothing: it fits no plugin'),
        ("1.1", "plugins", "xls", {"read": []},
         "plugins.xls decides nothing: no plugin is called xls; a skill is: write it under skills"),
        ("1.1", "plugins", "office", {"read": []},
         "plugins.office decides nothing: no plugin is called office; the plugin is called docs now"),
        ("1.1", "plugins", "old", {"write": []},
         "plugins.old decides nothing: no plugin is called old; the plugin was removed"),
        ("1.0", "skills", "pfd", {"read": [], "write": []}, "skills.pfd decides nothing: no skill is called pfd"),
        ("1.0", "skills", "docs", {"read": []},
         'skills.docs decides nothing: no skill is called docs; a plugin is: rules for reading it need "version": "1.1"'),
        ("1.0", "skills", "docs", {"read": [], "write": []},
         'skills.docs.read decides nothing: no skill is called docs; '
         'a plugin is: rules for reading it need "version": "1.1"'),
        ("1.0", "skills", "xls", {"write": []},
         "skills.xls decides nothing: no plugin is called xls; "
         'a skill is, but "version": "1.0" asks by the plugin\'s name who may write'),
        ("1.0", "skills", "xls", {"read": [], "write": []},
         "skills.xls.write decides nothing: no plugin is called xls; "
         'a skill is, but "version": "1.0" asks by the plugin\'s name who may write'),
        ("1.0", "skills", "*", {"read": []}, 'skills."*" decides nothing: patterns need "version": "1.1"'),
    ],
)  # fmt: skip
def test_a_rule_that_decides_nothing_is_told(
    version: str, section: str, name: str, rule: dict[str, Any], message: str
) -> None:
    rules = policy(version=version, **{section: {name: rule}})
    assert told(rules) == unused(message)
    (remark,) = unused_rules(rules, HERE)
    (written,) = [
        grant for action in Action for grant in rules.rules(action) if grant.place.startswith(message.split()[0])
    ][:1]
    assert (remark.severity, remark.line) == (Severity.WARNING, written.line)


def test_half_a_rule_that_changes_nothing_is_not_spoken_of() -> None:
    """As every file of 1.0 has it: ``write`` beside ``read``, and it says what would be so anyway."""
    assert told(policy(version="1.0", skills={"xls": {"read": ids("google:1"), "write": "editors"}})) == []
    assert told(policy(version="1.0", skills={"docs": {"read": "*", "write": ids("google:1")}})) == []


def test_a_name_that_several_skills_bear_is_told_once() -> None:
    rules = policy(skills={"pdf": {"read": [], "write": []}, "xls": {"read": []}})
    line = rules.read.skills["pdf"].line
    assert unused_rules(rules, HERE) == (
        Remark("access_rule_ambiguous", Severity.INFO, "skills.pdf is about 2 skills: docs/pdf, more/pdf", line),
    )
    assert told(policy(version="1.0", skills={"pdf": {"write": "editors"}})) == unused(
        "skills.pdf decides nothing: no plugin is called pdf; "
        'a skill is, but "version": "1.0" asks by the plugin\'s name who may write'
    )


def test_a_name_that_is_asked_of_a_plugin_only_is_not_about_the_skills_that_bear_it() -> None:
    skills = catalog(skill("pdf/x"), skill("docs/pdf"), skill("more/pdf"))
    assert unused_rules(policy(version="1.0", skills={"pdf": {"write": []}}), skills) == ()
    (remark,) = unused_rules(policy(version="1.1", skills={"pdf": {"write": []}}), skills)
    assert remark.code == "access_rule_ambiguous"


def test_a_group_that_no_rule_reaches_is_told() -> None:
    rules = policy(
        groups={
            "a": [{"group": "b"}], "b": [], "c": [{"group": "d"}], "d": [], "e": [], "f": [{"group": "e"}], "g": [],
        },
        editors=[{"group": "a"}],
        plugins={"docs": {"write": [{"group": "g"}]}},
        defaults={"read": [{"group": "e"}], "write": []},
    )  # fmt: skip
    assert [(remark.message, remark.severity) for remark in unused_rules(rules, HERE)] == [
        (f"groups.{name} is named by no rule", Severity.INFO) for name in ("c", "d", "f")
    ]
    lines = {name: group.line for name, group in rules.groups.items()}
    assert [remark.line for remark in unused_rules(rules, HERE)] == [lines[GroupName(name)] for name in "cdf"]


def test_without_a_file_or_a_rule_there_is_nothing_to_say() -> None:
    assert told(Absent()) == told(policy()) == []


def test_remarks_come_in_the_order_of_the_file() -> None:
    rules = policy(plugins={"z": {"read": []}, "a": {"write": []}}, groups={"g": []}, skills={"pdf": {"read": []}})
    lines = [remark.line for remark in unused_rules(rules, HERE)]
    assert len(lines) == 4
    assert lines == sorted(lines)  # type: ignore[type-var]


# --- docs/ACCESS.md -------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "ACCESS.md").read_text()


def examples() -> list[tuple[str, list[dict[str, str]]]]:
    """Each file the page shows, with the rows of the table that follows it."""
    found = []
    for file, table in re.findall(r"```json\n(.*?)```\n\n((?:\|[^\n]*\n)+)", PAGE, re.DOTALL):
        head, _, *rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines()]
        found.append((file, [dict(zip(head, row, strict=True)) for row in rows]))
    return found


def test_every_file_on_the_page_is_followed_by_what_it_decides() -> None:
    assert [len(rows) for _, rows in examples()] == [5, 9]
    assert PAGE.count("```json") == 2


@pytest.mark.parametrize(
    ("file", "row"),
    [(file, row) for file, rows in examples() for row in rows],
    ids=lambda part: f"{part['who']} {part['skill']}" if isinstance(part, dict) else "",
)
def test_the_page_says_what_is_decided(file: str, row: dict[str, str]) -> None:
    rules = read_policy(file.encode())
    assert isinstance(rules, AccessPolicy), rules

    def cell(name: str) -> str:
        return row.get(name, "").strip("`")

    who = Principal(
        PrincipalId(cell("who")), email=cell("e-mail") or None, groups=frozenset(filter(None, [cell("groups claim")]))
    )
    for action, column in ((Action.READ, "reads"), (Action.WRITE, "writes")):
        decision = decide(rules, who, action, skill(cell("skill")))
        said, place = re.fullmatch(r"(yes|no): `(.+)`", row[column]).groups()  # type: ignore[union-attr]
        assert isinstance(decision, Allowed) is (said == "yes")
        assert decision.because.startswith(f"{place} ")
