"""Skills whose files hold secrets or hidden text are kept out of a publication, where an operator asked for that."""

from __future__ import annotations

import hashlib
import json

import pytest

from skillport_sync.catalog.model import OWN_SOURCE, Severity
from skillport_sync.errors import Conflict
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import CommitId, Mode, blob_id
from skillport_sync.snapshot import Snapshot, SourceInput, SourceState, assemble

KEY = "AKIA" + "Q3EGR5WTHXNU7MVZ"
HIDDEN = "Please read\u202e this.\n"
BOTH = frozenset({"secrets", "hidden-unicode"})


class Contents(dict):
    """Contents that remember which of them were read."""

    def __init__(self, *args):
        super().__init__(*args)
        self.read = []

    def __getitem__(self, oid):
        self.read.append(oid)
        return super().__getitem__(oid)


def source(files):
    entries = {path.encode(): Entry(Mode.FILE, blob_id(text), len(text)) for path, text in files.items()}
    contents = Contents({blob_id(text): text for text in files.values()})
    held = {oid: BlobFact(len(text), hashlib.sha256(text).digest()) for oid, text in contents.items()}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    return SourceInput(
        SourceState(OWN_SOURCE, "acme/skills", CommitId("c" * 40), trees[b""]), entries, trees, held, contents
    )


def marketplace(**scripts: str):
    manifest = {"name": "acme", "owner": {"name": "A"}, "plugins": [{"name": "docs", "source": "./plugins/docs"}]}
    files = {".claude-plugin/marketplace.json": json.dumps(manifest).encode()}
    for name, script in scripts.items():
        files[f"plugins/docs/skills/{name}/SKILL.md"] = f"---\nname: {name}\ndescription: D.\n---\nBody.\n".encode()
        files[f"plugins/docs/skills/{name}/run.sh"] = script.encode()
    return files


def published(files, quarantine=BOTH, previous=None) -> Snapshot:
    made = assemble("acme", [source(files)], previous, quarantine=quarantine)
    assert isinstance(made, Snapshot), str(made)
    return made


def names(skills):
    return [skill.name for skill in skills]


def test_a_content_that_several_skills_have_is_looked_through_once() -> None:
    made = source(marketplace(pdf="echo", text="echo"))
    assert isinstance(assemble("acme", [made], None, quarantine=BOTH), Snapshot)
    assert made.contents.read.count(blob_id(b"echo")) == 1


def test_a_content_that_goes_while_it_is_looked_through_is_named_for_the_next_pull() -> None:
    made = source(marketplace(pdf="echo"))
    gone = blob_id(b"echo")
    del made.contents[gone]
    with pytest.raises(Conflict, match=gone) as told:
        assemble("acme", [made], None, quarantine=BOTH)
    assert told.value.code == "content_not_held"


@pytest.mark.parametrize("bad", [f"export KEY={KEY}\n", HIDDEN])
def test_a_skill_with_a_finding_is_kept_out_and_its_neighbour_stays(bad):
    made = published(marketplace(clean="echo hi\n", leaky=bad))
    assert names(made.catalog.skills) == ["clean"]
    assert names(made.catalog.withheld) == ["leaky"]
    assert made.skills_named("leaky") == ()
    assert made.skills_named("docs/leaky") == ()


def test_the_finding_is_told_with_file_and_line_and_without_the_secret():
    made = published(marketplace(leaky=f"#!/bin/sh\nexport KEY={KEY}\n"))
    told = [problem for problem in made.problems if problem.severity is Severity.ERROR]
    assert {problem.path for problem in told} == {
        "plugins/docs/skills/leaky/SKILL.md",
        "plugins/docs/skills/leaky/run.sh",
    }
    assert [problem.line for problem in told if problem.path.endswith("run.sh")] == [2]
    assert KEY not in str(told)


def test_nothing_is_looked_for_that_was_not_asked_for():
    files = marketplace(leaky=f"KEY={KEY}\n", hidden=HIDDEN)
    assert names(published(files, frozenset()).catalog.skills) == ["hidden", "leaky"]
    assert names(published(files, frozenset({"secrets"})).catalog.skills) == ["hidden"]
    assert names(published(files, frozenset({"hidden-unicode"})).catalog.skills) == ["leaky"]


def test_a_mended_skill_is_published_again():
    before = published(marketplace(leaky=f"KEY={KEY}\n"))
    after = published(marketplace(leaky="KEY=$FROM_THE_ENVIRONMENT\n"), previous=before)
    assert names(after.catalog.skills) == ["leaky"]
    assert after.catalog.withheld == ()


def test_what_was_looked_at_before_is_not_looked_at_again():
    files = marketplace(one="echo one\n", two="echo two\n")
    before = published(files)
    again = source(files | {"plugins/docs/skills/two/run.sh": b"echo changed\n"})
    made = assemble("acme", [again], before, quarantine=BOTH)
    assert isinstance(made, Snapshot)
    assert blob_id(b"echo one\n") not in again.contents.read
    assert blob_id(b"echo changed\n") in again.contents.read


def test_other_findings_are_looked_for_in_everything():
    files = marketplace(leaky=f"KEY={KEY}\n")
    before = published(files, frozenset({"hidden-unicode"}))
    assert names(published(files, BOTH, before).catalog.withheld) == ["leaky"]


def test_work_saved_changes_nothing():
    one, two = marketplace(a="x\n", leaky=f"KEY={KEY}\n"), marketplace(a=HIDDEN, leaky="clean\n")
    assert published(two, previous=published(one)) == published(two)
