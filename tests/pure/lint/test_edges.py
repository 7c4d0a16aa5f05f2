"""The last cases of the linter: what is not held, not text or not the linter's to judge is passed over, never a crash."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from skillport_sync.catalog.model import Problem, Severity
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import Mode, blob_id
from skillport_sync.lint.agreed_yaml import LARGEST_INTEGER, disagreements, surely_agreed
from skillport_sync.lint.arrangement import LocalFiles, arranged
from skillport_sync.lint.linting import lint
from skillport_sync.lint.plugin_rules import SYNC_MAX_BYTES
from skillport_sync.lint.scope import Scope
from skillport_sync.lint.written_marketplace import NOTHING_WRITTEN, written_marketplace

PDF = "plugins/docs/skills/pdf"
FINE = "---\nname: pdf\ndescription: Fills PDF forms.\n---\nBody\n"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"plugins": {}}'], ids=str)
def test_where_nothing_is_written_no_line_is_anybodys(content: bytes) -> None:
    assert written_marketplace(content) == NOTHING_WRITTEN
    assert written_marketplace(content).plugin_at(1) is None


def test_a_problem_of_no_line_is_no_plugins() -> None:
    written = written_marketplace(b'{"plugins": [{"name": "docs", "source": "./x"}]}')
    assert written.plugin_at(1) == "docs"
    assert written.plugin_at(None) is None


def test_readers_agree_on_what_is_neither_text_nor_a_number() -> None:
    assert surely_agreed({"a": None, "b": [True, {"c": 1.5}]})
    assert not surely_agreed({"a": LARGEST_INTEGER + 1})


def test_where_readers_end_a_text_at_different_places_nothing_else_is_asked() -> None:
    told = list(disagreements("a: 1\n...\na: 2\n"))
    assert [(each.what, each.line) for each in told] == [("has a line of dots", 2)]


def test_a_name_that_is_no_text_is_the_catalogs_to_judge(maker: Any) -> None:
    snapshot, source = maker.snapshot({f"{PDF}/SKILL.md": "---\nname: [pdf]\ndescription: x\n---\n"})
    codes = {finding.code for finding in lint(snapshot, source.contents).findings}
    assert not {code for code in codes if code.startswith("skill_name_not") or code == "skill_name_missing"}


def test_a_skill_that_was_made_a_marketplace_has_every_content_and_one_more() -> None:
    content = FINE.encode()
    oid = blob_id(content)
    files = LocalFiles(
        {b"SKILL.md": Entry(Mode.FILE, oid, len(content))}, {oid: BlobFact(len(content), b"0" * 32)}, {oid: content}
    )
    contents = arranged("pdf", "pdf", files).source.contents
    assert len(contents) == 2
    assert contents[oid] == content
    (made,) = set(contents) - {oid}
    assert json.loads(contents[made])["plugins"][0]["name"] == "pdf"


def test_a_plugin_of_more_bytes_than_are_synced_is_told(maker: Any) -> None:
    _, source = maker.snapshot({f"{PDF}/SKILL.md": FINE, f"{PDF}/big": b"x"})
    big = blob_id(b"x")
    for size_bytes, is_told in ((SYNC_MAX_BYTES - len(FINE), False), (SYNC_MAX_BYTES, True)):
        entries = {
            path: replace(entry, size_bytes=size_bytes) if entry.oid == big else entry
            for path, entry in source.entries.items()
        }
        held = {**source.held, big: replace(source.held[big], size_bytes=size_bytes)}
        snapshot = maker.assembled(replace(source, entries=entries, held=held))
        codes = {finding.code for finding in lint(snapshot, source.contents).findings}
        assert ("plugin_over_size" in codes) is is_told


def test_what_is_wrong_with_a_file_behind_a_link_concerns_its_skill(maker: Any) -> None:
    real = {"shared/pdf/SKILL.md": FINE, "shared/pdf/more.txt": b"x"}
    files = {**real, PDF: "../../../shared/pdf"}
    snapshot, source = maker.snapshot(files, links=[PDF])
    scope = Scope(snapshot, NOTHING_WRITTEN)
    for path in real:
        problem = Problem(path, "anything", Severity.WARNING, "m")
        assert set(scope.of(problem)) == {0}
    assert source.contents
