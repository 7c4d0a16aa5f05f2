"""The stand-in's tarball is the one ``git archive`` makes, behind a redirect whose link is a credential."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from skillport_sync.standin import File, Repository, StandInGitHub, Submodule, Symlink

LONG = "d" * 60 + "/" + "e" * 60 + "/" + "f" * 180
ATTRIBUTES = b"""
# comment
hidden export-ignore
/top.txt export-ignore
docs/** export-ignore
*.skip export-ignore
!kept.skip -export-ignore
crlf.txt text eol=crlf
ident.txt ident
version.txt export-subst
gone/ export-ignore
[a-c]?.cls export-ignore
"""
FILES = {
    ".gitattributes": ATTRIBUTES,
    "README.md": b"hello\n",
    "empty": b"",
    "hidden": b"left out",
    "deep/hidden": b"left out too",
    "top.txt": b"left out",
    "deep/top.txt": b"kept",
    "docs/a/b.md": b"left out",
    "one.skip": b"left out",
    "sub/.gitattributes": b"kept.skip -export-ignore\nlocal.txt export-ignore\n",
    "sub/kept.skip": b"kept",
    "sub/local.txt": b"left out",
    "gone/file": b"left out",
    "ax.cls": b"left out",
    "dx.cls": b"kept",
    "crlf.txt": b"one\ntwo\n",
    "ident.txt": b"$Id$\n",
    "version.txt": b"$Format:%H %h %T %ct$\n",
    "run.sh": File(b"#!/bin/sh\n", executable=True),
    "link": Symlink(b"README.md"),
    "long-link": Symlink(b"x" * 150),
    LONG: b"a long path",
    "p" * 120: b"a long name",
    "q/" + "r" * 98: b"just fits with its prefix",
    b"caf\xe9/na\xefve.md": b"raw names",
    "größe.md": b"text names",
    "lib": Submodule("1" * 40),
}


def members(body: bytes, mode: str) -> list[tuple[object, ...]]:
    """Everything an archive holds below its root directory, names as raw bytes."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(body), mode=mode, errors="surrogateescape") as archive:
        for member in archive:
            name = member.name.encode("utf-8", "surrogateescape").partition(b"/")[2]
            content = archive.extractfile(member).read() if member.isfile() else b""
            found.append((name, member.type, member.mode, member.linkname, member.mtime, content))
    return found


async def test_a_tarball_is_what_git_archive_makes(standin, api, tmp_path: Path):
    skills = standin.create_repository("acme/skills")
    commit = skills.commit(FILES)

    redirect = await api("GET", f"/repos/acme/skills/tarball/{commit}")
    assert redirect.status == 302
    link = redirect.headers["Location"]
    assert link.startswith(standin.codeload_url)
    assert not link.startswith(standin.api_url)
    body = (await api("GET", link, token=None)).raw

    expected, told = git_archive(tmp_path, skills, commit, body)
    assert members(body, "r:gz") == members(expected, "r:")
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.pax_headers["comment"] == told == commit
        assert archive.getnames()[0] == f"acme-skills-{commit[:7]}"


def git_archive(directory: Path, repository: Repository, commit: str, ours: bytes) -> tuple[bytes, str]:
    """What C git archives of the same objects, and which commit it finds named in our archive."""

    def git(*arguments: str, stdin: bytes = b"") -> bytes:
        return subprocess.run(
            ["git", "-C", str(directory), *arguments], input=stdin, capture_output=True, check=True
        ).stdout

    git("init", "-q", "--bare")
    for oid in repository.objects.ids():
        kind = repository.objects.kind_of(oid)
        hashed = git("hash-object", "-t", kind, "-w", "--stdin", stdin=repository.objects.read(oid, kind))
        assert hashed.decode().strip() == oid
    archived = git("archive", "--format=tar", f"--prefix=acme-skills-{commit[:7]}/", commit)
    return archived, git("get-tar-commit-id", stdin=gzip.decompress(ours)).decode().strip()


async def test_the_link_opens_for_five_minutes_without_and_never_with_another_credential():
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    github = StandInGitHub(now=lambda: clock[0])
    github.accept_token("token-of-the-tests")
    github.create_repository("acme/skills").commit({"a": b"1"})
    await github.start()
    try:
        async with aiohttp.ClientSession() as session:
            asked = {"Authorization": "token token-of-the-tests"}
            url = f"{github.api_url}/repos/acme/skills/tarball"
            async with session.get(url, headers=asked, allow_redirects=False) as answer:
                link = answer.headers["Location"]
            for headers, expected in (({}, 200), (asked, 401)):
                async with session.get(link, headers=headers) as answer:
                    assert answer.status == expected
            clock[0] += timedelta(minutes=5, seconds=1)
            async with session.get(link) as answer:
                assert answer.status == 404
        assert [entry.kind for entry in github.journal] == ["api", "codeload", "codeload", "codeload"]
        assert github.journal.primary_cost() == 1
    finally:
        await github.close()


@pytest.mark.parametrize("ref", ["HEAD", "main", "heads/main", "refs/heads/main"])
async def test_a_tarball_may_be_asked_for_by_any_name_of_the_commit(standin, api, ref):
    skills = standin.create_repository("acme/skills")
    skills.commit({"a": b"1"})
    link = (await api("GET", f"/repos/acme/skills/tarball/{ref}")).headers["Location"]
    with tarfile.open(fileobj=io.BytesIO((await api("GET", link, token=None)).raw)) as archive:
        assert archive.pax_headers["comment"] == skills.head()
