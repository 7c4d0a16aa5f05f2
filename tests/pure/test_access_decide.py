"""Who may do what, as tables: the predecessor's documented matrix, and 1.1 rule by rule."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from skillport_sync.access.decide import decide, is_editor, readable
from skillport_sync.access.model import Absent, AccessPolicy, Action, Allowed, Denied, Principal, PrincipalId
from skillport_sync.access.policy import read_policy
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Linked, Plugin, PluginName, Skill
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath


def skill(label: str, directory: str | None = None, real: str | None = None) -> Skill:
    """The skill ``plugin/name`` in a directory of its name, or in this one; ``real`` is where a link leads."""
    plugin, _, name = label.partition("/")
    return named(name, plugin, directory, real)


def named(name: str, plugin: str = "p", directory: str | None = None, real: str | None = None) -> Skill:
    of = Plugin(PluginName(plugin), OWN_SOURCE, f"plugins/{plugin}", None, "", None, None, (), (), frozenset())
    where = f"plugins/{plugin}/skills/{name}" if directory is None else directory
    linked = None if real is None else Linked(real, {})
    return Skill(of, where, RepoPath(f"{where}/SKILL.md"), name, "", {}, EMPTY_TREE, linked)


def policy(version: str = "1.1", **parts: Any) -> AccessPolicy:
    document = {"version": version, "defaults": {"read": [], "write": []}, **parts}
    read = read_policy(json.dumps(document, indent=1).encode())
    assert isinstance(read, AccessPolicy), read
    return read


def who(identity: str, email: str | None = None, **more: Any) -> Principal:
    return Principal(PrincipalId(identity), email=email, **more)


def ids(*identities: str) -> list[dict[str, str]]:
    return [{"id": identity} for identity in identities]


def says(rules: AccessPolicy | Absent, person: Principal, action: Action, of: Skill) -> str:
    return "yes" if isinstance(decide(rules, person, action, of), Allowed) else "no"


# --- the predecessor's matrix ---------------------------------------------------------------------------------------------
# Read: the skill's rule, else the defaults. Write: asked by the plugin's name in the same map, else the defaults.

EDITOR, WRITER, READER, OUTSIDER = who("google:1"), who("google:2"), who("google:3"), who("google:4")
FIRST = policy(
    "1.0",
    editors=[{"id": "google:1", "label": "ada@example.com"}],
    skills={
        "open": {"read": "*", "write": "editors"},
        "close": {"read": ids("google:2", "google:3"), "write": ids("google:4")},
        "for-editors": {"read": "editors"},
        "nobodys": {"read": []},
        "team": {"write": ids("google:2")},
        "locked": {"read": ids("google:4"), "write": []},
    },
    defaults={"read": "*", "write": "editors"},
)
MATRIX = """
    skill               | read: editor writer reader outsider | write: editor writer reader outsider
    docs/open           |       yes    yes    yes    yes      |        yes    no     no     no
    docs/other          |       yes    yes    yes    yes      |        yes    no     no     no
    docs/close          |       no     yes    yes    no       |        yes    no     no     no
    docs/for-editors    |       yes    no     no     no       |        yes    no     no     no
    docs/nobodys        |       no     no     no     no       |        yes    no     no     no
    team/other          |       yes    yes    yes    yes      |        no     yes    no     no
    team/close          |       no     yes    yes    no       |        no     yes    no     no
    team/team           |       yes    yes    yes    yes      |        no     yes    no     no
    locked/other        |       yes    yes    yes    yes      |        no     no     no     no
    docs/locked         |       no     no     no     yes      |        yes    no     no     no
    close/other         |       yes    yes    yes    yes      |        no     no     no     yes
"""
CREATES = {"editor": True, "writer": False, "reader": False, "outsider": False}
"""Saving a new skill and publishing ask for an editor; saving, bumping and deleting an existing one for the right to write."""


def rows(table: str) -> list[tuple[str, list[str], list[str]]]:
    _, *lines = [[cell.split() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [(name, reads, writes) for (name,), reads, writes in lines]


@pytest.mark.parametrize(("label", "reads", "writes"), rows(MATRIX), ids=[name for name, _, _ in rows(MATRIX)])
def test_the_predecessors_matrix(label: str, reads: list[str], writes: list[str]) -> None:
    people = (EDITOR, WRITER, READER, OUTSIDER)
    assert [says(FIRST, person, Action.READ, skill(label)) for person in people] == reads
    assert [says(FIRST, person, Action.WRITE, skill(label)) for person in people] == writes


def test_creating_and_publishing_ask_for_an_editor() -> None:
    assert [is_editor(FIRST, person) for person in (EDITOR, WRITER, READER, OUTSIDER)] == list(CREATES.values())
    assert not is_editor(Absent(), EDITOR)


def test_without_access_json_everybody_reads_and_nobody_writes() -> None:
    other = skill("docs/other")
    assert decide(Absent(), EDITOR, Action.READ, other) == Allowed("there is no access.json: everybody signed in reads")
    assert decide(Absent(), EDITOR, Action.WRITE, other) == Denied("there is no access.json: nobody writes")
    assert readable(Absent(), EDITOR, Catalog("m", (), (other,), ())) == (other,)


def test_1_0_knows_no_patterns() -> None:
    rules = policy("1.0", skills={"*": {"read": "*", "write": ids("google:1")}, "d*": {"write": ids("google:1")}})
    assert says(rules, EDITOR, Action.READ, skill("docs/pdf")) == "no"
    assert says(rules, EDITOR, Action.WRITE, skill("docs/pdf")) == "no"


# --- 1.1 ------------------------------------------------------------------------------------------------------------------

ADA, BOB, EVE = who("google:1"), who("github:2"), who("google:3", "eve@acme.com")
JOE = who("google:4", "joe@ACME.com", groups=frozenset({"fin@okta"}), claims=frozenset({("department", "legal")}))
SECOND = policy(
    editors=[*ids("google:1"), {"group": "legal"}],
    groups={
        "acme": [{"domain": "acme.com"}],
        "fin": [{"claim": "groups", "value": "fin@okta"}],
        "legal": [{"claim": "department", "value": "legal"}],
        "both": [{"group": "fin"}, {"id": "github:2"}],
        "nobody": [],
    },
    plugins={
        "finance": {"read": [{"group": "fin"}], "write": [{"group": "both"}]},
        "legal": {"read": "editors"},
        "lab-*": {"read": ids("github:2"), "write": ids("github:2")},
        "shared": {"write": ids("google:1", "github:2")},
    },
    skills={
        "expenses": {"read": "*"},
        "close": {"read": [{"group": "both"}], "write": ids("google:1")},
        "secret": {"read": [{"group": "nobody"}]},
        "draft-*": {"read": "editors", "write": [{"group": "acme"}]},
        "*-public": {"read": "*"},
        "draft-for-*": {"read": [{"group": "acme"}]},
        "shared": {"write": ids("github:2", "google:3")},
    },
    defaults={"read": [{"group": "acme"}, {"id": "google:1"}], "write": "editors"},
)
SECOND_TABLE = """
    skill                     | read:  ada bob eve joe | write: ada bob eve joe
    docs/pdf                  |        yes no  yes yes |        yes no  no  yes
    finance/ledger            |        no  no  no  yes |        no  yes no  yes
    finance/expenses          |        yes yes yes yes |        no  yes no  yes
    finance/close             |        no  yes no  yes |        yes no  no  no
    docs/close                |        no  yes no  yes |        yes no  no  no
    finance/secret            |        no  no  no  no  |        no  yes no  yes
    finance/draft-budget      |        no  no  no  yes |        no  yes no  yes
    finance/budget-public     |        no  no  no  yes |        no  yes no  yes
    legal/terms               |        yes no  no  yes |        yes no  no  yes
    docs/draft-faq            |        yes no  no  yes |        no  no  yes yes
    docs/draft-for-review     |        no  no  yes yes |        no  no  yes yes
    docs/faq-public           |        yes yes yes yes |        yes no  no  yes
    docs/draft-faq-public     |        yes yes yes yes |        no  no  yes yes
    docs/draft-for-all-public |        no  no  yes yes |        no  no  yes yes
    lab-7/rats                |        no  yes no  no  |        no  yes no  no
    lab-7/rats-public         |        yes yes yes yes |        no  yes no  no
    lab-7/draft-rats          |        yes no  no  yes |        no  no  yes yes
    lab/rats                  |        yes no  yes yes |        yes no  no  yes
    shared/tool               |        yes no  yes yes |        no  yes no  no
    shared/shared             |        yes no  yes yes |        no  yes yes no
    docs/shared               |        yes no  yes yes |        no  yes yes no
"""


@pytest.mark.parametrize(
    ("label", "reads", "writes"), rows(SECOND_TABLE), ids=[name for name, _, _ in rows(SECOND_TABLE)]
)
def test_the_matrix_of_1_1(label: str, reads: list[str], writes: list[str]) -> None:
    assert [says(SECOND, person, Action.READ, skill(label)) for person in (ADA, BOB, EVE, JOE)] == reads
    assert [says(SECOND, person, Action.WRITE, skill(label)) for person in (ADA, BOB, EVE, JOE)] == writes


@pytest.mark.parametrize("action", Action)
def test_rule_after_rule_taken_away_the_next_one_decides(action: Action) -> None:
    """Each rule lets in one person of its own, so that who is let in says which one decided."""

    def only(person: str) -> dict[str, Any]:
        return {action.value: ids(f"x:{person}")}

    skills = {"pdf-tables": only("skill"), "pdf-*": only("long"), "*s": only("short"), "*": only("any")}
    plugins = {"docs": only("plugin"), "do*": only("middle")}
    for expected in ("skill", "plugin", "long", "middle", "short", "any", "defaults"):
        rules = policy(skills=skills, plugins=plugins, defaults={"read": ids("x:defaults"), "write": ids("x:defaults")})
        people = ("skill", "plugin", "long", "middle", "short", "any", "defaults")
        let_in = [one for one in people if says(rules, who(f"x:{one}"), action, skill("docs/pdf-tables")) == "yes"]
        assert let_in == [expected]
        for section in (skills, plugins):
            for name in [name for name, rule in section.items() if rule == only(expected)]:
                del section[name]


def test_patterns_that_are_equally_specific_must_all_admit() -> None:
    patterns = {"fin-*": {"read": ids("a:1", "a:2")}, "*-pdf": {"read": ids("a:2", "a:3")}}
    for skills in (patterns, dict(reversed(patterns.items()))):
        rules = policy(skills=skills)
        assert [says(rules, who(f"a:{n}"), Action.READ, skill("p/fin-pdf")) for n in (1, 2, 3)] == ["no", "yes", "no"]
    across = policy(skills={"fin-*": {"read": ids("a:1")}}, plugins={"p-12*": {"read": ids("a:2")}})
    assert [says(across, who(f"a:{n}"), Action.READ, skill("p-123/fin-pdf")) for n in (1, 2)] == ["no", "no"]


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("*", ["pdf", "a b", "é", "a/b"], []),
        ("**", ["pdf"], []),
        ("fin-*", ["fin-", "fin-close"], ["fin", "a-fin-", "Fin-close", "fi*n-"]),
        ("*-close", ["-close", "fin-close"], ["close", "fin-close-"]),
        ("a*a", ["aa", "aba", "aaa"], ["a", "ab", "ba"]),
        ("ab*ba", ["abba", "ab-ba"], ["aba", "abab"]),
        ("a*b*c", ["abc", "axbxc", "abcbc"], ["acb", "ac", "abcd"]),
        ("*ab*ab*", ["abab", "xabyabz"], ["ab", "aba", "aab"]),
        ("f.n-*", ["f.n-x"], ["fin-x"]),
        ("[ab]*", ["[ab]"], ["a", "b"]),
    ],
)
def test_a_star_stands_for_any_letters_and_every_other_letter_for_itself(
    pattern: str, fitting: list[str], other: list[str]
) -> None:
    rules = policy(skills={pattern: {"read": "*"}})
    plugins = policy(plugins={pattern: {"read": "*"}})
    for name in fitting:
        assert says(rules, ADA, Action.READ, named(name)) == says(plugins, ADA, Action.READ, named("x", name)) == "yes"
    for name in other:
        assert says(rules, ADA, Action.READ, named(name)) == says(plugins, ADA, Action.READ, named("x", name)) == "no"


def test_a_pattern_of_many_stars_is_asked_in_a_moment() -> None:
    rules = policy(skills={"*a" * 100 + "*b": {"read": "*"}})
    assert says(rules, ADA, Action.READ, named("a" * 256)) == "no"


# --- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "open_to"),
    [
        (skill("docs/pdf"), "12"),
        (skill("docs/renamed", "plugins/docs/skills/pdf"), "12"),
        (skill("docs/pdf", "plugins/docs/skills/renamed"), "12"),
        (skill("docs/xls", "plugins/docs/skills/pdf"), "2"),
        (skill("docs/pdf", "plugins/docs/skills/xls"), "2"),
        (skill("docs/renamed", "plugins/docs/skills/renamed", "shared/pdf"), "12"),
        (skill("docs/xls", "plugins/docs/skills/renamed", "shared/pdf"), "2"),
        (skill("docs/renamed", "pdf"), "12"),
        (skill("pdf/renamed", ""), "12"),
        (skill("docs/renamed", ""), ""),
        (skill("docs/a/pdf", "plugins/docs/skills/a/pdf"), "12"),
        (skill("docs/pdfs"), ""),
        (skill("docs/PDF"), ""),
    ],
)
@pytest.mark.parametrize(("version", "action"), [("1.0", Action.READ), ("1.1", Action.READ), ("1.1", Action.WRITE)])
def test_a_skill_leaves_no_rule_behind_by_another_name_in_its_frontmatter(
    version: str, action: Action, of: Skill, open_to: str
) -> None:
    rules = policy(version, skills={"pdf": {action.value: ids("a:1", "a:2")}, "xls": {action.value: ids("a:2", "a:3")}})
    assert "".join(n for n in "123" if says(rules, who(f"a:{n}"), action, of) == "yes") == open_to


def test_a_pattern_is_asked_for_each_name_of_a_skill() -> None:
    rules = policy(skills={"finance-*": {"read": ids("a:1", "a:2")}, "hr-*": {"read": ids("a:2", "a:3")}})
    moved = skill("docs/finance-pay", "plugins/docs/skills/hr-pay")
    assert [says(rules, who(f"a:{n}"), Action.READ, moved) for n in (1, 2, 3)] == ["no", "yes", "no"]


def test_a_name_is_the_same_in_either_unicode_form_and_in_no_other() -> None:
    composed, apart = "caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")
    for written in (composed, apart):
        rules = policy(
            skills={written: {"read": "*"}, f"{written}-*": {"read": "*"}},
            plugins={written: {"write": ids("google:1")}},
        )
        for called in (composed, apart):
            assert says(rules, ADA, Action.READ, named(called)) == "yes"
            assert says(rules, ADA, Action.READ, named(f"{called}-au-lait")) == "yes"
            assert says(rules, ADA, Action.WRITE, named("x", called)) == "yes"
        for called in ("cafe", "CAF\u00c9", "\u0441af\u00e9", "caf\u00e9\u200b", "\uff43af\u00e9"):
            assert says(rules, ADA, Action.READ, named(called)) == "no"


# --- groups ---------------------------------------------------------------------------------------------------------------

BY_DOMAIN = policy(groups={"g": [{"domain": "Acme.com"}]}, defaults={"read": [{"group": "g"}], "write": []})


@pytest.mark.parametrize(
    ("email", "inside"),
    [
        ("ada@acme.com", True),
        ("ada@ACME.Com", True),
        ("a@b@acme.com", True),
        ('"ada@other.example"@acme.com', True),
        (None, False),
        ("", False),
        ("acme.com", False),
        ("@acme.com", False),
        ("ada@acme.com@other.example", False),
        ("ada@mail.acme.com", False),
        ("ada@notacme.com", False),
        ("ada@acme.com.evil.example", False),
        ("ada@acme.com.", False),
        ("ada@acme.com ", False),
        ("ada@acme", False),
        ("ada@acm\u0435.com", False),
    ],
)
def test_a_domain_is_exactly_what_stands_after_the_last_at(email: str | None, inside: bool) -> None:
    assert says(BY_DOMAIN, who("google:9", email), Action.READ, skill("docs/pdf")) == ("yes" if inside else "no")


def test_a_letter_that_only_becomes_another_in_lower_case_is_no_part_of_a_domain() -> None:
    rules = policy(groups={"g": [{"domain": "kiosk.example"}]}, defaults={"read": [{"group": "g"}], "write": []})
    assert says(rules, who("google:9", "ada@KIOSK.example"), Action.READ, skill("docs/pdf")) == "yes"
    assert "\u212aIOSK.example".lower() == "kiosk.example"
    assert says(rules, who("google:9", "ada@\u212aIOSK.example"), Action.READ, skill("docs/pdf")) == "no"


def test_a_claim_is_compared_letter_for_letter_and_groups_are_one() -> None:
    rules = policy(
        groups={"g": [{"claim": "groups", "value": "Sales"}, {"claim": "team", "value": "a"}]},
        defaults={"read": [{"group": "g"}], "write": []},
    )

    def inside(**more: Any) -> bool:
        return says(rules, who("google:9", "Sales@a", **more), Action.READ, skill("docs/pdf")) == "yes"

    assert inside(groups=frozenset({"x", "Sales"}))
    assert inside(claims=frozenset({("groups", "Sales")}))
    assert inside(claims=frozenset({("team", "b"), ("team", "a")}))
    assert not inside(groups=frozenset({"sales", "a", "g"}))
    assert not inside(claims=frozenset({("team", "Sales"), ("groups", "a"), ("Team", "a")}))
    assert not inside(name="Sales")


def test_a_group_of_the_identity_provider_is_no_group_of_the_file() -> None:
    rules = policy(groups={"sales": []}, defaults={"read": [{"group": "sales"}], "write": []})
    assert says(rules, who("google:9", groups=frozenset({"sales"})), Action.READ, skill("docs/pdf")) == "no"


# --- because --------------------------------------------------------------------------------------------------------------

TOLD = policy(
    editors=[*ids("google:1"), {"group": "a b"}],
    groups={
        "sales": [{"domain": "acme.com"}, {"id": "google:7"}],
        "staff": [{"group": "sales"}, {"claim": "dep t", "value": "x"}],
        "a b": [{"group": "staff"}],
        "a-first": ids("google:7"),
    },
    plugins={"docs": {"read": [{"group": "sales"}]}, "team": {"write": ids("google:1")}},
    skills={
        "pdf": {"read": ids("google:1")},
        "fin-*": {"read": [{"group": "staff"}, {"group": "a-first"}]},
        "dots.and spaces": {"read": "*"},
        "xls": {"read": ids("google:1", "google:2")},
        "team": {"write": ids("google:2", "google:1")},
    },
    defaults={"read": [], "write": "editors"},
)
SEVEN = who("google:7")


@pytest.mark.parametrize(
    ("person", "action", "of", "decision"),
    [
        (ADA, Action.READ, "docs/pdf", Allowed("skills.pdf.read lists google:1")),
        (EVE, Action.READ, "docs/pdf", Denied("skills.pdf.read does not list google:3")),
        (EVE, Action.READ, "docs/x", Allowed("plugins.docs.read lists google:3 through group sales, by domain acme.com")),
        (ADA, Action.READ, "docs/x", Denied("plugins.docs.read does not list google:1, nor a group they are in")),
        (EVE, Action.READ, "p/fin-x", Allowed(
            'skills."fin-*".read lists google:3 through group staff, by group sales, by domain acme.com')),
        (SEVEN, Action.READ, "p/fin-x", Allowed('skills."fin-*".read lists google:7 through group a-first, by id google:7')),
        (who("g:1", claims=frozenset({("dep t", "x")})), Action.READ, "p/fin-x", Allowed(
            'skills."fin-*".read lists g:1 through group staff, by claim "dep t" = x')),
        (BOB, Action.READ, "p/dots.and spaces", Allowed('skills."dots.and spaces".read is "*": everybody signed in')),
        (BOB, Action.READ, "p/x", Denied("defaults.read does not list github:2")),
        (ADA, Action.WRITE, "p/x", Allowed('defaults.write is "editors", who google:1 is among')),
        (BOB, Action.WRITE, "p/x", Denied('defaults.write is "editors", who github:2 is not among')),
        (SEVEN, Action.WRITE, "p/x", Allowed(
            'defaults.write is "editors", who google:7 is among through group "a b", by group staff, by group sales, '
            "by id google:7")),
        (ADA, Action.WRITE, "team/x", Allowed("plugins.team.write lists google:1 and skills.team.write lists google:1")),
        (who("google:2"), Action.WRITE, "team/x", Denied("plugins.team.write does not list google:2")),
    ],
)  # fmt: skip
def test_the_deciding_rule_is_named_as_it_stands_in_the_file(
    person: Principal, action: Action, of: str, decision: Allowed | Denied
) -> None:
    assert decide(TOLD, person, action, skill(of)) == decision


def test_the_line_of_the_deciding_rule_is_told_and_of_the_first_that_refuses() -> None:
    document = """{"version": "1.1",
 "skills": {
  "pdf": {"read": [{"id": "a:1"}]},
  "xls": {
   "read": [{"id": "a:1"}, {"id": "a:2"}]
  }
 },
 "defaults": {"read": "*",
  "write": []}}"""
    rules = read_policy(document.encode())
    assert isinstance(rules, AccessPolicy)
    both = skill("docs/pdf", "plugins/docs/skills/xls")
    for person, of, action, line in [
        ("a:1", skill("docs/pdf"), Action.READ, 3),
        ("a:1", skill("docs/xls"), Action.READ, 5),
        ("a:1", skill("docs/x"), Action.READ, 8),
        ("a:1", skill("docs/x"), Action.WRITE, 9),
        ("a:1", both, Action.READ, 3),
        ("a:2", both, Action.READ, 3),
        ("a:3", skill("docs/x", "plugins/docs/skills/xls"), Action.READ, 5),
    ]:
        assert decide(rules, who(person), action, of).line == line


def test_what_cannot_be_seen_in_a_name_is_escaped_where_it_is_told() -> None:
    rules = policy("1.0", skills={"a\u202eb\n": {"read": "*"}})
    assert decide(rules, ADA, Action.READ, named("a\u202eb\n")).because.startswith('skills."a\\u202eb\\n".read ')


# --- readable -------------------------------------------------------------------------------------------------------------


def test_readable_leaves_out_what_a_rule_closes_and_keeps_what_a_rule_opens() -> None:
    close, other = skill("finance/close"), skill("docs/other")
    catalog = Catalog("m", (), (close, other), ())
    rules = policy(skills={"close": {"read": ids("google:1")}}, defaults={"read": "*", "write": []})
    assert readable(rules, ADA, catalog) is catalog.skills
    assert readable(rules, BOB, catalog) == (other,)
    closed = policy(plugins={"docs": {"read": "*"}})
    assert readable(closed, BOB, catalog) == (other,)


def test_readable_asks_every_rule_that_decides() -> None:
    both = skill("docs/pdf", "plugins/docs/skills/xls")
    rules = policy(skills={"pdf": {"read": ids("a:1", "a:2")}, "xls": {"read": ids("a:2", "a:3")}})
    catalog = Catalog("m", (), (both, skill("docs/pdf")), ())
    assert [len(readable(rules, who(f"a:{n}"), catalog)) for n in (1, 2, 3)] == [1, 2, 0]


def test_which_rules_decide_is_worked_out_once_a_catalog() -> None:
    catalogs = [Catalog("m", (), (skill("docs/pdf"), skill("docs/xls")), ()) for _ in range(2)]
    rules = policy(skills={"pdf": {"read": ids("google:1")}})
    arranged = rules.read.arranged(catalogs[0])
    assert rules.read.arranged(catalogs[0]) is arranged
    assert rules.read.arranged(catalogs[1]) is not arranged
    assert rules.read.arranged(catalogs[1]).catalog is catalogs[1]
