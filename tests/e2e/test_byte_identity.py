"""A repository made with C git is mirrored to the same root tree, and every file that is served is ``git cat-file``'s bytes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from skillport_sync.reports import ReconcileOptions
from skillport_sync.standin import StandInGitHub

SKILL = "plugins/odd/skills/odd"

FILES: dict[bytes, bytes] = {
    b".claude-plugin/marketplace.json": json.dumps(
        {"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "odd", "source": "./plugins/odd"}]}
    ).encode(),
    b".gitattributes": (b"*.secret export-ignore\nversion.txt export-subst\nident.txt ident\ncrlf.bat text eol=crlf\n"),
    b"SKILL.md": b"\xef\xbb\xbf---\r\nname: odd\r\ndescription: odd bytes\r\n---\r\nbody\r\n",
    b"binary.bin": bytes(range(256)) * 16,
    b"crlf.txt": b"one\r\ntwo\r\n",
    b"crlf.bat": b"echo one\necho two\n",
    b"bom.txt": b"\xef\xbb\xbfmarked\n",
    b"latin1.txt": "Grüße\n".encode("latin-1"),
    b"empty": b"",
    b"large.txt": b"0123456789abcdef" * 65536,
    b"hidden.secret": b"left out of every archive\n",
    b"version.txt": b"$Format:%H$\n",
    b"ident.txt": b"$Id$\n",
    b"with space/and # hash?.md": b"named oddly\n",
    b"/".join([b"deep"] * 30) + b"/file.txt": b"far down\n",
    "ünï/☃.md".encode(): b"snow\n",
    b"caf\xe9.txt": b"a name that is not UTF-8\n",
    b"scripts/run.sh": b"#!/bin/sh\nexit 0\n",
}


def git(folder: Path, *arguments: str | bytes, stdin: bytes | None = None) -> bytes:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, input=stdin, env=environment
    ).stdout


def write_tree(folder: Path) -> None:
    """The files above through C git's plumbing, so that no attribute changes a byte on the way in."""
    git(folder, "init", "-q", "-b", "main")
    for name, content in FILES.items():
        path = name if name.startswith(b".") else SKILL.encode() + b"/" + name
        oid = git(folder, "hash-object", "-w", "--stdin", "--no-filters", stdin=content).strip()
        mode = b"100755" if name.endswith(b".sh") else b"100644"
        git(folder, "update-index", "--index-info", stdin=mode + b" " + oid + b"\t" + path + b"\n")
    link = git(folder, "hash-object", "-w", "--stdin", stdin=b"SKILL.md").strip()
    git(folder, "update-index", "--index-info", stdin=b"120000 " + link + f"\t{SKILL}/link.md\n".encode())
    git(folder, "update-index", "--index-info", stdin=b"160000 " + b"1" * 40 + f"\t{SKILL}/submodule\n".encode())
    git(folder, "commit", "-q", "-m", "odd files")


async def test_a_repository_made_with_c_git_is_mirrored_byte_for_byte(
    standin: StandInGitHub, build_world: Callable[..., Awaitable[Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    write_tree(folder)
    root = git(folder, "rev-parse", "HEAD^{tree}").decode().strip()
    repository = standin.create_repository("acme/skills")
    repository.import_git(folder)
    world = await build_world(repository)

    published = next(iter(world.service.parts.current.get().values()))
    assert published.publication.tree == root
    verified = (await world.reconcile(ReconcileOptions(verify=True))).verified
    assert verified is not None
    assert (verified.corrupt, verified.root_matches) == (0, True)

    listed = await world.ask(operation="fetch", skill="odd/odd")
    rows = {row["path"]: row for row in listed["structuredContent"]["files"]}
    assert "caf\N{REPLACEMENT CHARACTER}.txt" not in rows
    assert [problem.code for problem in published.snapshot.problems if "caf" in problem.path] == ["path_not_utf8"]
    assert rows["scripts/run.sh"]["executable"] is True
    assert rows["SKILL.md"]["executable"] is False

    for path in rows.keys() - {"submodule"}:
        # A link is served as what it leads to.
        expected = git(folder, "cat-file", "blob", f"HEAD:{SKILL}/{'SKILL.md' if path == 'link.md' else path}")
        assert await fetched(world, path) == expected, path


async def fetched(world: Any, path: str) -> bytes:
    """A file as the tool hands it out, put together from its parts."""
    content, cursor = b"", None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        result = await world.ask(operation="fetch", skill="odd/odd", paths=[path], **more)
        for block in result["content"]:
            if block["type"] == "resource":
                resource = block["resource"]
                content += base64.b64decode(resource["blob"]) if "blob" in resource else resource["text"].encode()
        cursor = result["structuredContent"].get("next_cursor")
        if cursor is None:
            return content
