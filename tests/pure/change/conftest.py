"""Owns a small marketplace to be changed: files → catalog → wish → edits → the files afterwards, and their catalog."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from skillport_sync.catalog.change.planning import plan
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.wishes import ChangeRefused
from skillport_sync.catalog.discover import EMPTY_MEMO, discover
from skillport_sync.catalog.model import SourceFiles
from skillport_sync.git.edit import Edited, edited
from skillport_sync.git.listing import Entry, Listing, tree_ids
from skillport_sync.git.objects import Mode, blob_id
from skillport_sync.git.paths import RepoPath


class Link(bytes):
    """A symbolic link to this target."""


class Program(bytes):
    """An executable file."""


MODES = {Link: Mode.SYMLINK, Program: Mode.EXECUTABLE}


def skill_md(name, description="Does it.", body="Do it well.\n"):
    return f"---\nname: {name}\ndescription: {description}\n---\n{body}".encode()


def entry(name, **fields):
    return {"name": name, "source": f"./plugins/{name}", **fields}


def marketplace(*entries, **fields):
    return (
        json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": list(entries), **fields}, indent=2) + "\n"
    ).encode()


def plugin_json(name, **fields):
    return (json.dumps({"name": name, **fields}, indent=4) + "\n").encode()


class Here:
    """A commit: what may be asked of it, and what becomes of it."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        entries = {
            path.encode(): Entry(MODES.get(type(content), Mode.FILE), blob_id(content), len(content))
            for path, content in files.items()
        }
        trees = tree_ids({path: (one.mode, one.oid) for path, one in entries.items()})
        self.listing = Listing(trees[b""], entries, trees)
        self.own = SourceFiles(
            {RepoPath(path.decode()): one for path, one in entries.items()},
            {path.decode(): tree for path, tree in trees.items()},
            {blob_id(content): bytes(content) for content in files.values()},
        )
        discovered = discover(self.own, EMPTY_MEMO, others={}, host="github.com", repository="acme/skills")
        self.catalog = discovered[0]

    @property
    def present(self):
        return Present(self.catalog, self.own)

    def skill(self, name):
        return next((skill for skill in self.catalog.skills if name in (skill.name, skill.label)), None)

    def plan(self, wish, **how):
        return plan(self.present, wish, self.skill(wish.skill), author="Ada", **how)

    def after(self, wish, **how):
        """What there is afterwards, and what was planned."""
        planned = self.plan(wish, **how)
        assert not isinstance(planned, ChangeRefused), planned
        done = edited(self.listing, planned.edits)
        assert isinstance(done, Edited), done
        contents = {blob_id(content): bytes(content) for content in self.files.values()} | dict(done.blobs)
        kinds = {mode: kind for kind, mode in MODES.items()} | {Mode.FILE: bytes}
        files = {path.decode(): kinds[one.mode](contents[one.oid]) for path, one in done.listing.entries.items()}
        return Here(files), planned

    def json(self, path):
        return json.loads(self.files[path])

    def refusal(self, wish, **how):
        refused = self.plan(wish, **how)
        assert isinstance(refused, ChangeRefused), refused
        return refused


@pytest.fixture
def here():
    """``docs`` with two skills, ``pdf`` alone in a plugin of its name, a draft nobody lists."""
    return Here(
        {
            ".claude-plugin/marketplace.json": marketplace(
                entry("docs", version="1.0.0", tags=["surface:CC"]), entry("pdf")
            ),
            ".skillport/access.json": b"{}",
            "plugins/docs/.claude-plugin/plugin.json": plugin_json("docs", version="1.2.3", author={"name": "Bob"}),
            "plugins/docs/commands/go.md": b"Go.\n",
            "plugins/docs/skills/word/SKILL.md": skill_md("word"),
            "plugins/docs/skills/word/run.sh": Program(b"#!/bin/sh\n"),
            "plugins/docs/skills/sheet/SKILL.md": skill_md("sheet"),
            "plugins/pdf/.claude-plugin/plugin.json": plugin_json("pdf", version="2.0.0"),
            "plugins/pdf/skills/pdf/SKILL.md": skill_md("pdf"),
            "plugins/draft/skills/draft/SKILL.md": skill_md("draft"),
        }
    )


@pytest.fixture
def here_of():
    """A marketplace of these files and entries."""
    return lambda files, *entries: Here({".claude-plugin/marketplace.json": marketplace(*entries), **files})


@pytest.fixture
def link():
    return Link
