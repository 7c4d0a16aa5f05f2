"""The last cases of what is given out: names nobody can use, files that are not held, texts that readers disagree on."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from joserfc.jwk import KeySet

from mcp_server.edit.working_folder import working_folder
from mcp_server.identity import keys
from mcp_server.identity.id_token import Expected, Fault, verify
from mcp_server.install.bundle import NotInstallable, package_bundle
from mcp_server.install.installable import Installable, Piece, _held
from mcp_server.install.package_yaml import is_read_alike
from mcp_server.rest.changes_asked import MAX_TEXT, rename_of
from mcp_server.skill_uri import SkillUri
from skillport_sync.errors import Invalid
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import CommitId, Mode, TreeId, blob_id
from skillport_sync.ports import MarketplaceName
from skillport_sync.standin.identity import SigningKey


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
    made = package_bundle(skill("SKILL.md", b"\xff"), b"\xff")
    assert isinstance(made, NotInstallable)
    assert made.code == "skill_md_not_utf8"


def test_a_skill_is_called_by_all_its_names_in_a_question() -> None:
    assert SkillUri("acme", "docs", "pdf").label == "docs/pdf@acme"


def test_what_only_yaml_1_2_can_read_is_not_read_alike() -> None:
    assert not is_read_alike("a: [:b]\n", {"a": [":b"]})


def test_a_text_that_is_too_long_is_refused_and_one_that_is_not_is_taken() -> None:
    with pytest.raises(Invalid, match="may be"):
        rename_of("pdf", {"to": "x" * (MAX_TEXT + 1)})
    assert rename_of("pdf", {"to": "x" * MAX_TEXT}).to == "x" * MAX_TEXT


def test_what_is_not_held_is_no_piece() -> None:
    held = HeldFile(Mode.EXECUTABLE, blob_id(b"x"), 1, b"1" * 32)
    absent = HeldFile(Mode.FILE, blob_id(b"y"), 1, None)
    assert [(piece.path, piece.executable) for piece in _held((("a", absent), ("b", held)))] == [("b", True)]


def test_an_access_token_that_no_hash_can_be_made_of_fails_the_id_token() -> None:
    key = SigningKey()
    known = keys.parse({"keys": [key.jwk()]})
    assert isinstance(known, KeySet)
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    at = int(now.timestamp())
    claims = {"iss": "https://idp", "aud": "us", "sub": "ada", "iat": at, "exp": at + 300, "nonce": "n", "at_hash": "h"}
    expected = Expected(lambda _: "https://idp", "us", "n", "\ud800")
    assert verify(key.sign(claims, {}), known, expected, now) is Fault.CLAIM
