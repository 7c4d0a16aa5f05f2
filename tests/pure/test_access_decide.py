"""Who may do what: the rule that decides is the one in the file, and nothing else decides."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.decide import decide, is_editor, readable
from skillport_sync.access.model import (
    Absent,
    AccessPolicy,
    Action,
    Allowed,
    Audience,
    Denied,
    Principal,
    PrincipalId,
    Rule,
)
from skillport_sync.access.policy import read_policy
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Plugin, PluginName, Skill
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath

IDS = [PrincipalId(identity) for identity in ("google:1", "google:10", "github:1")]
NAMES = ["a", "b", "c"]
PEOPLE = st.frozensets(st.sampled_from(IDS))
READS: st.SearchStrategy[Audience] = st.one_of(st.just("*"), PEOPLE)  # type: ignore[arg-type]
WRITES: st.SearchStrategy[Audience] = st.one_of(st.just("editors"), PEOPLE)  # type: ignore[arg-type]
POLICIES = st.builds(
    AccessPolicy,
    version=st.just("1.0"),
    editors=PEOPLE,
    skills=st.dictionaries(st.sampled_from(NAMES), st.builds(Rule, st.none() | READS, st.none() | WRITES)),
    default_read=READS,
    default_write=WRITES,
)
PRINCIPALS = st.builds(Principal, st.sampled_from(IDS), name=st.text(max_size=3))


def skill(name: str, plugin: str = "p") -> Skill:
    of = Plugin(PluginName(plugin), OWN_SOURCE, plugin, None, "", None, None, (), (), frozenset())
    return Skill(of, f"{plugin}/skills/{name}", RepoPath(f"{plugin}/skills/{name}/SKILL.md"), name, "", {}, EMPTY_TREE)


SKILLS = st.builds(skill, st.sampled_from(NAMES), st.sampled_from(NAMES))
ACTIONS = st.sampled_from(Action)


def allowed(policy: AccessPolicy | Absent, principal: Principal, action: Action, of: Skill) -> bool:
    return isinstance(decide(policy, principal, action, of), Allowed)


def without(audience: Audience, identity: PrincipalId) -> Audience:
    return audience - {identity} if isinstance(audience, frozenset) else audience


@given(POLICIES, PRINCIPALS, ACTIONS, SKILLS)
def test_taking_somebody_off_every_list_never_grants_them_anything(
    policy: AccessPolicy, principal: Principal, action: Action, of: Skill
) -> None:
    less = replace(
        policy,
        editors=policy.editors - {principal.id},
        skills={
            name: Rule(
                None if rule.read is None else without(rule.read, principal.id),
                None if rule.write is None else without(rule.write, principal.id),
            )
            for name, rule in policy.skills.items()
        },
        default_read=without(policy.default_read, principal.id),
        default_write=without(policy.default_write, principal.id),
    )
    assert allowed(policy, principal, action, of) or not allowed(less, principal, action, of)


@given(POLICIES, PRINCIPALS, ACTIONS, SKILLS, st.sampled_from(NAMES))
def test_a_rule_decides_for_its_own_name_only(
    policy: AccessPolicy, principal: Principal, action: Action, of: Skill, removed: str
) -> None:
    asked = of.name if action is Action.READ else of.plugin.name
    fewer = replace(policy, skills={name: rule for name, rule in policy.skills.items() if name != removed})
    if asked != removed:
        assert decide(fewer, principal, action, of) == decide(policy, principal, action, of)


@given(POLICIES, PRINCIPALS, ACTIONS, SKILLS)
def test_the_decision_is_what_the_deciding_rule_says(
    policy: AccessPolicy, principal: Principal, action: Action, of: Skill
) -> None:
    if action is Action.READ:
        rule = policy.skills.get(of.name, Rule(None, None)).read
        audience = policy.default_read if rule is None else rule
    else:
        rule = policy.skills.get(of.plugin.name, Rule(None, None)).write
        audience = policy.default_write if rule is None else rule
    expected = (
        audience == "*"
        or (audience == "editors" and principal.id in policy.editors)
        or (isinstance(audience, frozenset) and principal.id in audience)
    )
    assert allowed(policy, principal, action, of) is expected


@given(POLICIES, PRINCIPALS, ACTIONS, SKILLS, st.text(max_size=3), st.text(max_size=3))
def test_names_and_addresses_of_a_person_never_matter(
    policy: AccessPolicy, principal: Principal, action: Action, of: Skill, name: str, email: str
) -> None:
    renamed = replace(principal, name=name, email=email, groups=frozenset(IDS))
    assert decide(policy, renamed, action, of) == decide(policy, principal, action, of)


@given(POLICIES | st.just(Absent()), PRINCIPALS, st.lists(SKILLS))
def test_readable_is_what_decide_says_of_each(
    policy: AccessPolicy | Absent, principal: Principal, skills: list[Skill]
) -> None:
    catalog = Catalog("m", (), tuple(skills), ())
    expected = tuple(found for found in skills if allowed(policy, principal, Action.READ, found))
    assert readable(policy, principal, catalog) == expected


@given(st.randoms(use_true_random=False), PRINCIPALS, ACTIONS, SKILLS)
def test_the_order_of_lists_rules_and_labels_means_nothing(
    rnd: Any, principal: Principal, action: Action, of: Skill
) -> None:
    people = [{"id": identity, "label": f"person {n}"} for n, identity in enumerate(IDS[:2])]
    rules = [("a", {"read": people, "write": people}), ("b", {"write": "editors"}), ("c", {"read": []})]
    parts = [
        ("version", "1.0"),
        ("editors", people),
        ("skills", dict(rules)),
        ("defaults", {"read": "*", "write": people}),
    ]
    policy = read_policy(json.dumps(dict(parts)).encode())
    rnd.shuffle(people)
    rnd.shuffle(rules)
    rnd.shuffle(parts)
    for person in people:
        person["label"] = "google:10"
    shuffled = read_policy(json.dumps({**dict(parts), "skills": dict(rules)}).encode())
    assert isinstance(policy, AccessPolicy)
    assert isinstance(shuffled, AccessPolicy)
    assert decide(shuffled, principal, action, of) == decide(policy, principal, action, of)


@given(PRINCIPALS, SKILLS)
def test_without_access_json_everybody_reads_and_nobody_writes(principal: Principal, of: Skill) -> None:
    assert isinstance(decide(Absent(), principal, Action.READ, of), Allowed)
    assert isinstance(decide(Absent(), principal, Action.WRITE, of), Denied)
    assert not is_editor(Absent(), principal)


@given(POLICIES, PRINCIPALS)
def test_an_editor_is_whoever_is_listed_as_one(policy: AccessPolicy, principal: Principal) -> None:
    assert is_editor(policy, principal) is (principal.id in policy.editors)


ADA, BOB = Principal(PrincipalId("google:1")), Principal(PrincipalId("google:2"))
POLICY = AccessPolicy(
    version="1.0",
    editors=frozenset({ADA.id}),
    skills={"close": Rule(read=frozenset({ADA.id}), write=None), "finance": Rule(read=None, write=frozenset({BOB.id}))},
    default_read="*",
    default_write="editors",
)


@pytest.mark.parametrize(
    ("principal", "action", "decision"),
    [
        (ADA, Action.READ, Allowed("skills.close.read lists google:1")),
        (BOB, Action.READ, Denied("skills.close.read does not list google:2")),
        (BOB, Action.WRITE, Allowed("skills.finance.write lists google:2")),
        (ADA, Action.WRITE, Denied("skills.finance.write does not list google:1")),
    ],
)
def test_the_deciding_rule_is_named(principal: Principal, action: Action, decision: Allowed | Denied) -> None:
    assert decide(POLICY, principal, action, skill("close", "finance")) == decision


def test_the_defaults_are_named_where_they_decide() -> None:
    other = skill("other")
    assert decide(POLICY, BOB, Action.READ, other) == Allowed('defaults.read is "*": everybody signed in')
    assert decide(POLICY, BOB, Action.WRITE, other) == Denied('defaults.write is "editors", who google:2 is not among')
    assert decide(POLICY, ADA, Action.WRITE, other) == Allowed('defaults.write is "editors", who google:1 is among')


def test_readable_leaves_out_what_a_rule_closes_and_keeps_what_a_rule_opens() -> None:
    close, other = skill("close", "finance"), skill("other")
    catalog = Catalog("m", (), (close, other), ())
    assert readable(POLICY, ADA, catalog) == (close, other)
    assert readable(POLICY, BOB, catalog) == (other,)
    closed = replace(POLICY, default_read=frozenset({ADA.id}), skills={"other": Rule(read="*", write=None)})
    assert readable(closed, BOB, catalog) == (other,)
