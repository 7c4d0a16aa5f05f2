"""The last cases of what GitHub says: tars of other makers, answers of the few calls that nobody makes often."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from skillport_sync.errors import Broken, Invalid
from skillport_sync.git.objects import Mode
from skillport_sync.github.locations import organization_path
from skillport_sync.github.message import Message
from skillport_sync.github.refusal import words_of
from skillport_sync.github.tar import TarReader
from skillport_sync.github.wire import TarMember, read_account_installation

INSTALLATION = {
    "id": 5,
    "account": {"login": "acme", "type": "Organization"},
    "permissions": {"contents": "read", "odd": 3},
    "suspended_at": None,
}


def members(data: bytes) -> list[TarMember]:
    reader = TarReader(max_bytes=10**6, max_members=10)
    found = reader.feed(data)
    reader.close()
    return found


def tar_with(name: str, content: bytes, *, size: str | None = None, kind: bytes = tarfile.REGTYPE) -> bytes:
    """One file in the pax format; ``size`` as its extended header has it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size, info.type = len(content), kind
        info.pax_headers = {} if size is None else {"size": size}
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_the_size_of_an_extended_header_counts() -> None:
    assert members(tar_with("r/a", b"four", size="4")) == [TarMember(b"a", Mode.FILE, b"four")]


@pytest.mark.parametrize("size", ["-4", "four", "1" * 19])
def test_an_extended_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(Broken):
        members(tar_with("r/a", b"four", size=size))


def test_an_old_tars_file_whose_name_ends_in_a_slash_is_a_directory() -> None:
    block = bytearray(tarfile.TarInfo("r/a").tobuf(tarfile.USTAR_FORMAT))
    block[:4] = b"r/a/"
    block[156] = 0
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert members(bytes(block) + bytes(1024)) == []


def test_an_installation_says_whose_it_is_and_what_it_may() -> None:
    read = read_account_installation(json.dumps(INSTALLATION).encode())
    assert (read.id, read.account, read.account_type, read.is_suspended) == (5, "acme", "Organization", False)
    assert read.permissions == {"contents": "read"}
    gone = read_account_installation(json.dumps({**INSTALLATION, "suspended_at": "2026-11-20T12:00:00Z"}).encode())
    assert gone.is_suspended


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_organisation_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        organization_path(name, "installation")


def test_every_part_of_an_organisations_path_is_quoted() -> None:
    assert organization_path("ac me", "a/b") == "/orgs/ac%20me/a%2Fb"


def test_a_commit_that_nobody_asked_for_names_nobody() -> None:
    message = Message("Change skills", body="Why.")
    assert message.trailers == ()
    assert message.rest == "Why."


@pytest.mark.parametrize("body", [b"[]", b'"no"', b"<html>"])
def test_an_answer_that_is_no_object_says_nothing(body: bytes) -> None:
    assert words_of(body) == ""
