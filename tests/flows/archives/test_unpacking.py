"""Archives of a published skill are unpacked by what people have: the same files, bytes and modes."""

from __future__ import annotations

import asyncio
import shutil
import stat
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from mcp_server.archives.layout import Member, layout
from mcp_server.archives.shelf import Shelf
from skillport_sync.git.objects import blob_id

WITHIN_S = 60.0

FILES = {
    "pdf/SKILL.md": (False, b"---\nname: pdf\ndescription: Use it.\n---\n"),
    "pdf/scripts/fill.py": (True, b"print()\n"),
    "pdf/empty": (False, b""),
    "pdf/-rf": (False, b"a name like an option"),
    "pdf/with space $x `y` 'z' \"q\"": (False, b"a name like a command"),
    "pdf/ü/日本語.md": (True, "Ü".encode()),
    "pdf/" + "/".join(["deeper" * 4] * 12) + "/long.txt": (False, b"a path of 300 letters"),
    "pdf/" + "n" * 200 + ".bin": (False, bytes(range(256)) * 4_000),
}
TOOLS = {
    "unzip": ("zip", ["unzip", "-q", "{archive}", "-d", "{into}"]),
    "busybox unzip": ("zip", ["busybox", "unzip", "-q", "{archive}", "-d", "{into}"]),
    "bsdtar, a zip": ("zip", ["bsdtar", "-xf", "{archive}", "-C", "{into}"]),
    "python -m zipfile": ("zip", ["python3", "-m", "zipfile", "-e", "{archive}", "{into}"]),
    "tar": ("tar.gz", ["tar", "-xzf", "{archive}", "-C", "{into}"]),
    "tar, through gzip": ("tar.gz", ["sh", "-c", 'gzip -dc "$0" | tar -xf - -C "$1"', "{archive}", "{into}"]),
    "busybox tar": ("tar.gz", ["busybox", "tar", "-xzf", "{archive}", "-C", "{into}"]),
    "bsdtar": ("tar.gz", ["bsdtar", "-xzf", "{archive}", "-C", "{into}"]),
    "python -m tarfile": ("tar.gz", ["python3", "-m", "tarfile", "-e", "{archive}", "{into}"]),
}
KEEPS_NO_MODES = {"python -m zipfile"}


@pytest.mark.parametrize("tool", TOOLS)
async def test_files_bytes_and_modes_come_out_as_they_went_in(publisher, tmp_path: Path, clock, tool: str):
    kind, command = TOOLS[tool]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    await publisher.store.put_blobs([(blob_id(content), content) for _, content in FILES.values()])
    members = [Member(path, executable, blob_id(content)) for path, (executable, content) in FILES.items()]
    archive = await Shelf(tmp_path / "archives", publisher.store, clock).archive(layout(kind, members))
    into = tmp_path / "into"
    into.mkdir()
    words = [word.format(archive=archive.path, into=into) for word in command]
    async with asyncio.timeout(WITHIN_S):
        unpacking = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=STDOUT)
        said, _ = await unpacking.communicate()
    assert (unpacking.returncode, said) == (0, b"")
    found = {str(path.relative_to(into)): path for path in into.rglob("*") if path.is_file()}
    assert {path: file.read_bytes() for path, file in found.items()} == {
        path: content for path, (_, content) in FILES.items()
    }
    if tool not in KEEPS_NO_MODES:
        modes = {path: stat.S_IMODE(file.stat().st_mode) & 0o700 for path, file in found.items()}
        assert modes == {path: 0o700 if executable else 0o600 for path, (executable, _) in FILES.items()}
