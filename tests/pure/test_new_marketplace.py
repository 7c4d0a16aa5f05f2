"""What a new marketplace repository begins with is sound for every surface, and says whose it is."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from ruamel.yaml import YAML

from skillport_sync.access.decide import decide, is_editor
from skillport_sync.access.model import AccessPolicy, Action, Allowed, Principal, PrincipalId
from skillport_sync.access.policy import POLICY_PATH, read_policy
from skillport_sync.catalog.discover import Undiscoverable, discover
from skillport_sync.catalog.model import Catalog, SourceFiles
from skillport_sync.errors import Invalid
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import Mode, blob_id
from skillport_sync.git.paths import PathProblem, check_path
from skillport_sync.template import files
from skillport_sync.template.new_marketplace import UNKNOWN_SERVICE, NewMarketplace, new_marketplace
from skillport_sync.template.own_skill import own_skill

ADA, BOB = Principal(PrincipalId("github:1")), Principal(PrincipalId("github:2"))


def catalog(made: NewMarketplace) -> Catalog:
    entries = {}
    for name, file in made.files.items():
        path = check_path(name.encode())
        assert not isinstance(path, PathProblem)
        mode = Mode.EXECUTABLE if file.executable else Mode.FILE
        entries[path] = Entry(mode, blob_id(file.content), len(file.content))
    trees = tree_ids({path.encode(): (entry.mode, entry.oid) for path, entry in entries.items()})
    contents = {blob_id(file.content): file.content for file in made.files.values()}
    found = discover(SourceFiles(entries, {raw.decode(): tree for raw, tree in trees.items()}, contents), None)
    assert not isinstance(found, Undiscoverable)
    return found[0]


def policy(made: NewMarketplace) -> AccessPolicy:
    read = read_policy(made.files[POLICY_PATH].content)
    assert isinstance(read, AccessPolicy)
    return read


def test_it_is_the_example_with_the_skill_that_teaches_the_others() -> None:
    made = catalog(new_marketplace("acme"))
    assert made.problems == ()
    assert [skill.name for skill in made.skills] == [
        "brand-kit",
        "csv-profile",
        "quarter-close",
        "minutes",
        "review",
        "skillport",
        "plain-language",
        "release-notes",
    ]


def test_what_is_discovered_of_the_own_skill_is_what_it_says_of_itself() -> None:
    (found,) = [skill for skill in catalog(new_marketplace("acme")).skills if skill.name == "skillport"]
    own = own_skill()
    assert (found.label, found.version, found.revision) == ("skillport/skillport", own.version, own.revision)
    assert found.description == own.description
    assert found.plugin.published


def test_the_example_alone_stays_as_the_demo_tells_it() -> None:
    assert not [path for path in files() if path.startswith(("plugins/skillport/", ".github/"))]


@given(
    owner=st.text(min_size=1, max_size=30),
    editors=st.lists(st.from_regex(r"[a-z]{1,6}:[0-9]{1,6}", fullmatch=True), max_size=4),
)
def test_any_owner_and_any_editors_make_a_sound_repository(owner: str, editors: list[str]) -> None:
    try:
        made = new_marketplace(owner, editors)
    except Invalid:
        reject()  # somebody who is called as Anthropic's own marketplaces are: see below
    found, rules = catalog(made), policy(made)
    assert found.problems == ()
    assert found.title == made.name
    assert list(made.files) == sorted(made.files)
    for person in editors:
        somebody = Principal(PrincipalId(person))
        assert is_editor(rules, somebody)
        assert all(isinstance(decide(rules, somebody, Action.READ, skill), Allowed) for skill in found.skills)


def test_only_editors_read_the_restricted_skill_and_nobody_else_writes() -> None:
    made = new_marketplace("acme", ["github:1"])
    rules = policy(made)
    for skill in catalog(made).skills:
        assert isinstance(decide(rules, ADA, Action.WRITE, skill), Allowed)
        assert not isinstance(decide(rules, BOB, Action.WRITE, skill), Allowed)
        assert isinstance(decide(rules, BOB, Action.READ, skill), Allowed) == (skill.name != "quarter-close")


def test_without_editors_nobody_writes_and_naming_one_later_is_all_it_takes() -> None:
    made = new_marketplace("acme")
    assert not is_editor(policy(made), ADA)
    written = json.loads(made.files[POLICY_PATH].content)
    written["editors"] = [{"id": "github:1"}]
    later = read_policy(json.dumps(written).encode())
    assert isinstance(later, AccessPolicy)
    for skill in catalog(made).skills:
        assert isinstance(decide(later, ADA, Action.READ, skill), Allowed)
        assert isinstance(decide(later, ADA, Action.WRITE, skill), Allowed)


def test_an_editor_named_twice_is_one() -> None:
    written = json.loads(new_marketplace("acme", ["github:1", "github:1"]).files[POLICY_PATH].content)
    assert [editor["id"] for editor in written["editors"]] == ["github:1"]


@pytest.mark.parametrize("owner", ["agent", "Claude official", "x" * 130])
def test_an_owner_whose_marketplace_claude_code_would_refuse_is_refused_here(owner: str) -> None:
    with pytest.raises(Invalid, match="another --owner"):
        new_marketplace(owner)


@pytest.mark.parametrize(
    ("owner", "name"), [("Acme", "acme-skills"), ("Acme Skills", "acme-skills"), ("", "our-skills")]
)
def test_it_is_named_after_its_owner(owner: str, name: str) -> None:
    assert new_marketplace(owner).name == name


def test_the_readme_names_owner_and_service_and_every_skill() -> None:
    readme = new_marketplace("Acme", service="https://skills.acme.example").files["README.md"].content.decode()
    assert readme.startswith("# Skills of Acme\n")
    assert "https://skills.acme.example/mcp" in readme
    assert "$" not in readme
    assert all(skill.name in readme for skill in catalog(new_marketplace("Acme")).skills)
    assert UNKNOWN_SERVICE in new_marketplace("Acme").files["README.md"].content.decode()


def test_the_readmes_links_lead_to_files() -> None:
    made = new_marketplace("acme")
    targets = re.findall(r"\]\(([^)]+)\)", made.files["README.md"].content.decode())
    assert targets
    assert set(targets) <= set(made.files)


def test_the_workflow_lints_and_runs_nothing_until_it_is_told_what_to_install() -> None:
    content = new_marketplace("acme").files[".github/workflows/lint.yml"].content
    workflow = YAML(typ="safe", pure=True).load(content.decode())
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request" in workflow["on"]
    assert job["if"] == "vars.SKILLPORT_SYNC != ''"
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[-1] == "skillport-sync lint --strict"
    assert not [command for command in commands if "${{" in command]
