"""The last cases of what is given out: names nobody can use, files that are not held, texts that readers disagree on."""

from __future__ import annotations

import hashlib

import pytest

from mcp_server.edit.working_folder import working_folder
from mcp_server.install.bundle import NotInstallable, package_bundle
from mcp_server.install.installable import Installable, Piece
from mcp_server.install.package_yaml import is_read_alike
from mcp_server.rest.changes_asked import MAX_TEXT, rename_of
from skillport_sync.errors import Invalid
from skillport_sync.git.objects import CommitId, TreeId, blob_id
from skillport_sync.ports import MarketplaceName


def skill(path: str, content: bytes) -> Installable:
    return Installable(
        name="pdf",
        plugin="docs",
        marketplace=MarketplaceName("acme"),
        directory="plugins/docs/skills/pdf",
        version=None,
        revision=TreeId("a" * 40),
        commit=CommitId("b" * 40),
        repository="acme/skills",
        pieces=(Piece(path, blob_id(content), len(content), hashlib.sha256(content).digest(), executable=False),),
    )


def test_without_skill_md_there_is_no_folder_to_work_in() -> None:
    made = working_folder(skill("notes.txt", b"x"), "https://skills.acme.example")
    assert isinstance(made, NotInstallable)


def test_what_no_upload_takes_is_not_packaged() -> None:
    made = package_bundle(skill("SKILL.md", b"no frontmatter"), b"no frontmatter")
    assert isinstance(made, NotInstallable)


def test_what_only_yaml_1_2_can_read_is_not_read_alike() -> None:
    assert not is_read_alike("a: [:b]\n", {"a": [":b"]})


def test_a_text_that_is_too_long_is_refused_and_one_that_is_not_is_taken() -> None:
    with pytest.raises(Invalid, match="may be"):
        rename_of("pdf", {"to": "x" * (MAX_TEXT + 1)})
    assert rename_of("pdf", {"to": "x" * MAX_TEXT}).to == "x" * MAX_TEXT
