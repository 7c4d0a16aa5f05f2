"""What holds of every access.json there can be: nothing is guessed, nothing opens by taking away, one decision for every asker.

A second, plain reading of the file as it is written stands beside the one that is served, and the two always agree.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from skillport_sync.access.decide import decide, is_editor, readable
from skillport_sync.access.explain import explain
from skillport_sync.access.model import (
    Absent,
    AccessPolicy,
    Action,
    Allowed,
    Malformed,
    People,
    Principal,
    PrincipalId,
    Section,
)
from skillport_sync.access.policy import read_policy
from skillport_sync.access.rules import names_of
from skillport_sync.access.unused import unused_rules
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Linked, Plugin, PluginName, Skill
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath

Document = dict[str, Any]

# --- people and skills ----------------------------------------------------------------------------------------------------

IDS = ["google:1", "google:10", "github:1", "token:ci"]
DOMAINS = ["acme.com", "mail.acme.com", "other.example"]
CLAIMS = [("groups", "sales"), ("groups", "hr"), ("department", "sales")]
NAMES = ["pdf", "fin", "fin-close", "hr-close", "docs", "d\u00e9j\u00e0"]
APART = unicodedata.normalize("NFD", NAMES[-1])

PRINCIPALS = st.builds(
    Principal,
    st.sampled_from(IDS).map(PrincipalId),
    email=st.none()
    | st.builds("{}@{}".format, st.sampled_from(["ada", "a@b"]), st.sampled_from([*DOMAINS, "ACME.com"])),
    groups=st.frozensets(st.sampled_from(["sales", "hr", "editors"]), max_size=2),
    claims=st.frozensets(st.sampled_from(CLAIMS), max_size=2),
)
ACTIONS = st.sampled_from(Action)


def skill(name: str, plugin: str = "docs", directory: str | None = None, real: str | None = None) -> Skill:
    of = Plugin(PluginName(plugin), OWN_SOURCE, f"plugins/{plugin}", None, "", None, None, (), (), frozenset())
    where = f"plugins/{plugin}/skills/{name}" if directory is None else directory
    linked = None if real is None else Linked(real, {})
    return Skill(of, where, RepoPath(f"{where}/SKILL.md"), name, "", {}, EMPTY_TREE, linked)


DIRECTORIES = st.one_of(st.none(), st.just(""), st.sampled_from([*NAMES, APART]).map("plugins/p/skills/{}".format))
SKILLS = st.builds(
    skill, st.sampled_from([*NAMES, APART]), st.sampled_from(["docs", "fin", "fin-close", "hr"]), DIRECTORIES,
    st.none() | st.sampled_from(["", "shared/fin", "shared/pdf"]),
)  # fmt: skip

# --- files ----------------------------------------------------------------------------------------------------------------

GROUPS = ["sales", "staff", "leads"]
TEXT = st.sampled_from(["*", "editors", "google:1", "sales", ""])
NOTES = st.dictionaries(st.sampled_from(["label", "comment", "$comment", "description"]), TEXT, max_size=1)


def noted(written: st.SearchStrategy[Document]) -> st.SearchStrategy[Document]:
    return st.builds(lambda said, note: {**said, **note}, written, NOTES)


BY_ID = st.sampled_from(IDS).map(lambda one: {"id": one})
BY_GROUP = st.sampled_from(GROUPS).map(lambda one: {"group": one})
BY_CLAIM = st.sampled_from(CLAIMS).map(lambda one: {"claim": one[0], "value": one[1]})
BY_DOMAIN = st.sampled_from([*DOMAINS, "Acme.COM"]).map(lambda one: {"domain": one})


def lists(*members: st.SearchStrategy[Document]) -> st.SearchStrategy[list[Document]]:
    return st.lists(noted(st.one_of(*members)), max_size=3)


def rules(names: list[str], listed: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    reads, writes = st.one_of(st.sampled_from(["*", "editors"]), listed), st.one_of(st.just("editors"), listed)
    rule = noted(st.fixed_dictionaries({}, optional={"read": reads, "write": writes}))
    return st.dictionaries(st.sampled_from(names), rule, max_size=4)


def defaults(listed: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    reads, writes = st.one_of(st.sampled_from(["*", "editors"]), listed), st.one_of(st.just("editors"), listed)
    return noted(st.fixed_dictionaries({"read": reads, "write": writes}))


LISTED_1_0, LISTED_1_1 = lists(BY_ID), lists(BY_ID, BY_GROUP)
FIRST = noted(
    st.fixed_dictionaries(
        {"version": st.just("1.0"), "defaults": defaults(LISTED_1_0)},
        optional={"editors": LISTED_1_0, "skills": rules(NAMES, LISTED_1_0)},
    )
)
PATTERNS = ["*", "fin*", "fin-*", "*-close", "f*-*e", "*d*", "hr-*"]
SECOND = noted(
    st.fixed_dictionaries(
        {
            "version": st.just("1.1"),
            "groups": st.fixed_dictionaries(
                {
                    "sales": lists(BY_ID, BY_DOMAIN, BY_CLAIM),
                    "staff": lists(BY_ID, BY_CLAIM, st.just({"group": "sales"})),
                    "leads": lists(BY_ID, st.sampled_from([{"group": "sales"}, {"group": "staff"}])),
                }
            ),
            "defaults": defaults(LISTED_1_1),
        },
        optional={
            "editors": LISTED_1_1,
            "skills": rules([*NAMES, *PATTERNS], LISTED_1_1),
            "plugins": rules(["docs", "fin", "fin-close", *PATTERNS], LISTED_1_1),
        },
    )
)
DOCUMENTS = FIRST | SECOND


def encoded(document: Document) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def policy_of(document: Document) -> AccessPolicy:
    policy = read_policy(encoded(document))
    assert isinstance(policy, AccessPolicy), policy
    return policy


def allowed(policy: AccessPolicy | Absent, principal: Principal, action: Action, of: Skill) -> bool:
    return isinstance(decide(policy, principal, action, of), Allowed)


# --- the second reading: slow, plain, from the document itself ------------------------------------------------------------


def called(of: Skill) -> set[str]:
    places = [of.directory] if of.linked is None else [of.directory, of.linked.directory]
    names = [of.name, *(place.split("/")[-1] or of.plugin.name for place in places)]
    return {unicodedata.normalize("NFC", name) for name in names}


def fits(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def letters(pattern: str) -> int:
    return len(pattern.replace("*", ""))


def deciding(document: Document, action: Action, of: Skill) -> set[tuple[str, str]]:
    """Section and name of each rule that decides, by the words of the specification."""

    def having(section: str, wanted: Callable[[str], bool]) -> set[tuple[str, str]]:
        return {(section, name) for name, rule in document.get(section, {}).items() if action in rule and wanted(name)}

    plugin, names = str(of.plugin.name), called(of)
    if document["version"] == "1.0":
        asked = names if action is Action.READ else {plugin}
        return having("skills", lambda name: name in asked) or {("defaults", "")}
    by_name = having("skills", lambda name: name in names)
    by_plugin = having("plugins", lambda name: name == plugin)
    if action is Action.WRITE:
        by_plugin |= having("skills", lambda name: name == plugin)
    by_pattern: set[tuple[str, str]] = set()
    for one in names:
        fitting = having("skills", lambda name, one=one: "*" in name and fits(name, one))  # type: ignore[misc]
        fitting |= having("plugins", lambda name: "*" in name and fits(name, plugin))
        most = max((letters(name) for _, name in fitting), default=0)
        by_pattern |= {(section, name) for section, name in fitting if letters(name) == most}
    return by_name or by_plugin or by_pattern or {("defaults", "")}


def includes(document: Document, audience: Any, principal: Principal) -> bool:
    if audience == "*":
        return True
    return any(
        is_member(document, member, principal)
        for member in (document.get("editors", []) if audience == "editors" else audience)
    )


def is_member(document: Document, member: Document, principal: Principal) -> bool:
    if "id" in member:
        return bool(member["id"] == principal.id)
    if "domain" in member:
        return (principal.email or "").lower().endswith("@" + member["domain"].lower())
    if "claim" in member:
        pair = (member["claim"], member["value"])
        return pair in principal.claims or (pair[0] == "groups" and pair[1] in principal.groups)
    return any(is_member(document, inner, principal) for inner in document["groups"][member["group"]])


def audience_at(document: Document, section: str, name: str, action: Action) -> Any:
    return (document[section][name] if name else document[section])[action]


def expected(document: Document, principal: Principal, action: Action, of: Skill) -> bool:
    return all(
        includes(document, audience_at(document, section, name, action), principal)
        for section, name in deciding(document, action, of)
    )


@given(DOCUMENTS, PRINCIPALS, ACTIONS, SKILLS)
def test_every_decision_is_what_the_file_says(
    document: Document, principal: Principal, action: Action, of: Skill
) -> None:
    assert allowed(policy_of(document), principal, action, of) is expected(document, principal, action, of)


@given(DOCUMENTS, PRINCIPALS, ACTIONS, SKILLS)
def test_a_decision_names_one_of_the_deciding_rules_and_its_line(
    document: Document, principal: Principal, action: Action, of: Skill
) -> None:
    decision = decide(policy_of(document), principal, action, of)
    named = {
        (grant.section.value, grant.name): grant
        for grant in policy_of(document).rules(action)
        if decision.because.startswith(f"{grant.place} ")
    }
    ((place, grant),) = named.items()
    assert place in deciding(document, action, of)
    assert decision.line == grant.line


@given(DOCUMENTS | st.none(), PRINCIPALS, st.lists(SKILLS, max_size=6))
def test_readable_is_what_decide_says_of_each(
    document: Document | None, principal: Principal, skills: list[Skill]
) -> None:
    policy = Absent() if document is None else policy_of(document)
    catalog = Catalog("m", (), tuple(skills), ())
    for _ in range(2):
        assert readable(policy, principal, catalog) == tuple(
            one for one in skills if allowed(policy, principal, Action.READ, one)
        )


@given(DOCUMENTS, st.lists(PRINCIPALS, max_size=3), st.lists(st.lists(SKILLS, max_size=4), max_size=3))
def test_what_is_remembered_of_one_catalog_or_person_never_answers_for_another(
    document: Document, principals: list[Principal], shelves: list[list[Skill]]
) -> None:
    policy = policy_of(document)
    catalogs = [Catalog("m", (), tuple(skills), ()) for skills in shelves]
    for principal in principals:
        for catalog in catalogs:
            assert readable(policy, principal, catalog) == readable(policy_of(document), principal, catalog)


@given(DOCUMENTS, PRINCIPALS)
def test_an_editor_is_whoever_is_among_the_editors(document: Document, principal: Principal) -> None:
    assert is_editor(policy_of(document), principal) is includes(document, "editors", principal)


@given(DOCUMENTS, PRINCIPALS, st.lists(SKILLS, max_size=4))
def test_an_explanation_says_what_decide_says(document: Document, principal: Principal, skills: list[Skill]) -> None:
    policy = policy_of(document)
    explained = explain(policy, principal, Catalog("m", (), tuple(skills), ()), None)
    assert len(explained.rows) == len(skills)
    for row in explained.rows:
        assert any(
            (row.name, row.directory, row.read, row.write)
            == (one.name, one.directory, *(decide(policy, principal, action, one) for action in Action))
            for one in skills
        )
    groups = document.get("groups", {})
    inside = {name for name in groups if is_member(document, {"group": name}, principal)}
    assert {said.partition(",")[0] for said in explained.groups} == inside


# --- what changes nothing -------------------------------------------------------------------------------------------------


def everywhere(part: Any, change: Callable[[Any], Any]) -> Any:
    """The document with ``change`` made to each of its objects and lists, the innermost first."""
    if isinstance(part, dict):
        return change({key: everywhere(value, change) for key, value in part.items()})
    return change([everywhere(value, change) for value in part]) if isinstance(part, list) else part


@given(DOCUMENTS, st.randoms(use_true_random=False), PRINCIPALS, ACTIONS, SKILLS)
def test_the_order_of_keys_and_lists_means_nothing(
    document: Document, rnd: Any, principal: Principal, action: Action, of: Skill
) -> None:
    def shuffled(part: Any) -> Any:
        items = list(part.items() if isinstance(part, dict) else part)
        rnd.shuffle(items)
        return dict(items) if isinstance(part, dict) else items

    policy, other = policy_of(document), policy_of(everywhere(document, shuffled))
    assert other == policy
    assert decide(other, principal, action, of) == decide(policy, principal, action, of)


@given(DOCUMENTS, TEXT)
def test_text_for_people_means_nothing(document: Document, text: str) -> None:
    notes = {"$schema", "$comment", "comment", "description", "label"}

    def retold(part: Any) -> Any:
        return {key: text if key in notes else value for key, value in part.items()} if isinstance(part, dict) else part

    def untold(part: Any) -> Any:
        return {key: value for key, value in part.items() if key not in notes} if isinstance(part, dict) else part

    assert policy_of(everywhere(document, retold)) == policy_of(everywhere(document, untold)) == policy_of(document)


@given(DOCUMENTS, PRINCIPALS, ACTIONS, SKILLS, st.text(max_size=3))
def test_the_name_of_a_person_means_nothing(
    document: Document, principal: Principal, action: Action, of: Skill, name: str
) -> None:
    policy = policy_of(document)
    assert decide(policy, replace(principal, name=name), action, of) == decide(policy, principal, action, of)


@given(FIRST, PRINCIPALS, ACTIONS, SKILLS)
def test_nothing_but_the_id_of_a_person_matters_to_1_0(
    document: Document, principal: Principal, action: Action, of: Skill
) -> None:
    policy = policy_of(document)
    assert decide(policy, principal, action, of) == decide(policy, Principal(principal.id), action, of)


# --- taking away ----------------------------------------------------------------------------------------------------------


def member_places(document: Document) -> Iterator[tuple[str | int, ...]]:
    """Where each member of each list stands: in groups, among editors, in rules."""
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, dict):
            pending.extend(((*path, key), below) for key, below in part.items())
        elif isinstance(part, list):
            yield from ((*path, index) for index in range(len(part)))


def without(document: Document, path: tuple[str | int, ...]) -> Document:
    fewer: Document = json.loads(json.dumps(document))
    at: Any = fewer
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return fewer


@given(DOCUMENTS, st.data(), st.lists(PRINCIPALS, min_size=1, max_size=3), st.lists(SKILLS, min_size=1, max_size=4))
def test_taking_somebody_off_a_list_lets_nobody_in_who_was_out(
    document: Document, data: st.DataObject, principals: list[Principal], skills: list[Skill]
) -> None:
    places = list(member_places(document))
    assume(places)
    before, after = policy_of(document), policy_of(without(document, data.draw(st.sampled_from(places))))
    for principal in principals:
        assert is_editor(before, principal) or not is_editor(after, principal)
        for of in skills:
            for action in Action:
                assert allowed(before, principal, action, of) or not allowed(after, principal, action, of)


@given(DOCUMENTS, ACTIONS, SKILLS, st.lists(PRINCIPALS, min_size=1, max_size=3), st.data())
def test_without_a_rule_the_next_one_decides_and_nothing_else_changes(
    document: Document, action: Action, of: Skill, principals: list[Principal], data: st.DataObject
) -> None:
    named = [(section, name) for section in ("skills", "plugins") for name in document.get(section, {})]
    assume(named)
    removed = data.draw(st.sampled_from(named))
    fewer = without(document, removed)
    before, after = policy_of(document), policy_of(fewer)
    decided = deciding(document, action, of)
    for principal in principals:
        if removed not in decided:
            assert decide(after, principal, action, of) == decide(before, principal, action, of)
        elif len(decided) > 1 and deciding(fewer, action, of) != decided - {removed}:
            # Each of a skill's names is asked: for one of them the next rule decides, beside the rest.
            assert len(names_of(of)) > 1
            assert decided - {removed} < deciding(fewer, action, of)
            assert allowed(after, principal, action, of) is expected(fewer, principal, action, of)
        elif len(decided) > 1:
            assert allowed(after, principal, action, of) or not allowed(before, principal, action, of)
        else:
            assert allowed(after, principal, action, of) is expected(fewer, principal, action, of)


# --- malformed never becomes a policy -------------------------------------------------------------------------------------


def meaning(policy: AccessPolicy) -> dict[str, Any]:
    """All that a policy says, as plain values."""

    def people(listed: People) -> frozenset[Any]:
        return frozenset([("id", one) for one in listed.ids] + [("group", one) for one in listed.groups])

    return {
        "version": policy.version,
        "editors": people(policy.editors),
        "groups": {
            name: people(group.members)
            | {("domain", domain) for domain in group.domains}
            | {("claim", *claim) for claim in group.claims}
            for name, group in policy.groups.items()
        },
        "rules": {
            (grant.section.value, grant.name, grant.action.value): people(grant.audience)
            if isinstance(grant.audience, People)
            else grant.audience
            for action in Action
            for grant in policy.rules(action)
        },
    }


def said(content: bytes) -> dict[str, Any]:
    """All that a file says, read as plainly as can be. Fails on whatever it does not know."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({unicodedata.normalize("NFC", key) for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    def fields(part: Mapping[str, Any], *known: str) -> dict[str, Any]:
        notes = {"$schema", "$comment", "comment", "description", "label"}
        assert all(key in known or (key in notes and not isinstance(part[key], dict | list)) for key in part)
        return {key: value for key, value in part.items() if key in known}

    document = json.loads(content.decode("utf-8-sig"), object_pairs_hook=once)
    second = document["version"] == "1.1"
    groups = document.get("groups", {})
    top = fields(document, "version", "editors", "skills", "defaults", *(["groups", "plugins"] if second else []))
    assert top["version"] in ("1.0", "1.1")

    def member(written: Any, *kinds: str) -> tuple[str, ...]:
        found = fields(written, *kinds, *(["value"] if "claim" in kinds else []))
        (kind,) = set(found) & set(kinds)
        assert all(isinstance(value, str) and value.strip() for value in found.values())
        assert ("value" in found) is (kind == "claim")
        assert kind != "id" or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*:\S(.*\S)?", found["id"])
        assert kind != "group" or found["group"] in groups
        assert kind != "domain" or re.fullmatch(r"[A-Za-z0-9.-]+", found["domain"])
        value = found[kind].lower() if kind == "domain" else found[kind]
        return (kind, value, found["value"]) if kind == "claim" else (kind, value)

    def audience(written: Any, action: str) -> Any:
        if isinstance(written, str):
            assert written == "editors" or (written == "*" and action == "read")
            return written
        assert isinstance(written, list)
        return frozenset(member(one, "id", *(["group"] if second else [])) for one in written)

    rules: dict[tuple[str, str, str], Any] = {}
    for section in ("skills", "plugins"):
        for name, rule in top.get(section, {}).items():
            for action, written in fields(rule, "read", "write").items():
                rules[section, unicodedata.normalize("NFC", name), action] = audience(written, action)
    for action in ("read", "write"):
        rules["defaults", "", action] = audience(fields(top["defaults"], "read", "write")[action], action)
    assert isinstance(top.get("editors", []), list)
    return {
        "version": top["version"],
        "editors": audience(top.get("editors", []), "read"),
        "groups": {
            name: frozenset(member(one, "id", "domain", "claim", "group") for one in members)
            for name, members in groups.items()
            if isinstance(members, list) or not members["a group is a list"]
        },
        "rules": rules,
    }


PIECES = st.one_of(
    st.binary(max_size=3),
    st.sampled_from(
        [b'"', b"*", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\\u0000", b"\\ud800", b"1.1", b"1.0", b"true", b"NaN",
         b'"*"', b'"editors"', b'"read": "*",', b'"write": "editors",', b'{"id": "google:1"},', b'{"group": "sales"},',
         b'"skills": {},', b'"groups": {},', b'"label": "x",', b'"label": [],', b"\xef\xbb\xbf", b"1e999"]
    ),
)  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=3)


@given(DOCUMENTS, EDITS)
@example({"version": "1.0", "defaults": {"read": "*", "write": "editors"}}, [(0.0, 0, b"\xef\xbb\xbf")])
def test_a_file_that_was_changed_anyhow_is_malformed_or_the_policy_that_it_says(
    document: Document, edits: list[tuple[float, int, bytes]]
) -> None:
    content = encoded(document)
    for where, dropped, piece in edits:
        at = int(where * len(content))
        content = content[:at] + piece + content[at + dropped :]
    policy = read_policy(content)
    assert isinstance(policy, AccessPolicy | Malformed)
    if isinstance(policy, AccessPolicy):
        assert meaning(policy) == said(content)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.sampled_from(["*", "editors", "1.1"])),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "group", "domain", "claim", "value", "read", "label", "x"]), below, max_size=3
        ),
    ),
    max_leaves=5,
)


@given(DOCUMENTS, st.data(), JSON)
def test_a_part_that_was_replaced_is_malformed_or_the_policy_that_it_says(
    document: Document, data: st.DataObject, value: object
) -> None:
    places: list[tuple[str | int, ...]] = []
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while pending:
        path, part = pending.pop()
        below = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        pending.extend(((*path, key), inner) for key, inner in below)
        places.extend((*path, key) for key, _ in below)
    *above, last = data.draw(st.sampled_from(places))
    changed = json.loads(json.dumps(document))
    at = changed
    for step in above:
        at = at[step]
    at[last] = value
    policy = read_policy(encoded(changed))
    if isinstance(policy, AccessPolicy):
        assert meaning(policy) == said(encoded(changed))
    else:
        assert isinstance(policy, Malformed)
        assert policy.line is not None
        assert policy.column is not None


@given(DOCUMENTS)
def test_a_sound_file_is_the_policy_that_it_says(document: Document) -> None:
    assert meaning(policy_of(document)) == said(encoded(document))


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_policy_or_malformed(content: bytes) -> None:
    assert isinstance(read_policy(content), AccessPolicy | Malformed)


# --- 1.0 and 1.1 ----------------------------------------------------------------------------------------------------------


@given(FIRST, PRINCIPALS, SKILLS)
def test_a_file_of_1_0_decides_reading_the_same_as_1_1(document: Document, principal: Principal, of: Skill) -> None:
    first, second = policy_of(document), policy_of({**document, "version": "1.1"})
    assert decide(first, principal, Action.READ, of) == decide(second, principal, Action.READ, of)
    assert is_editor(first, principal) is is_editor(second, principal)


@given(FIRST, PRINCIPALS, SKILLS)
def test_a_file_of_1_0_decides_writing_the_same_as_1_1_unless_the_skill_itself_has_a_rule(
    document: Document, principal: Principal, of: Skill
) -> None:
    ruled = {name for name, rule in document.get("skills", {}).items() if "write" in rule}
    assume(not (called(of) & ruled) or called(of) & ruled == {str(of.plugin.name)})
    first, second = policy_of(document), policy_of({**document, "version": "1.1"})
    assert decide(first, principal, Action.WRITE, of) == decide(second, principal, Action.WRITE, of)


# --- what is said of a policy ---------------------------------------------------------------------------------------------


@given(DOCUMENTS, st.lists(SKILLS, max_size=4))
def test_a_rule_is_called_unused_exactly_if_it_can_be_asked_about_nothing(
    document: Document, skills: list[Skill]
) -> None:
    policy = policy_of(document)
    told = {
        remark.message.partition(" decides nothing")[0]
        for remark in unused_rules(policy, Catalog("m", (), tuple(skills), ()))
        if remark.code == "access_rule_unused"
    }
    for section in (Section.SKILLS, Section.PLUGINS):
        for name, rule in document.get(section.value, {}).items():
            alone = {**document, "skills": {}, "plugins": {}, section.value: {name: rule}}
            if document["version"] == "1.0":
                del alone["plugins"]
            halves = [action for action in Action if action in rule]
            live = [
                action
                for action in halves
                if any((section.value, name) in deciding(alone, action, of) for of in skills)
            ]
            place = next(
                (grant.place for action in halves for grant in policy.rules(action)
                 if (grant.section, grant.name) == (section, name)), "."
            )  # fmt: skip
            assert (place.rpartition(".")[0] in told) is (halves != [] and live == [])
