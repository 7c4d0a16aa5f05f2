"""What install.sh believes of what it downloads: nothing. Tampered, evil or broken off, it leaves everything as it was."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from aiohttp import web

Member = tuple[tarfile.TarInfo, bytes]
REVISION = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
TOKEN = "sp_in_" + "x" * 43


def file(name: str, content: bytes = b"x\n", **how: Any) -> Member:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    for key, value in how.items():
        setattr(member, key, value)
    return member, content if member.isfile() else b""


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> Member:
    member, _ = file(name, b"", type=kind)
    member.linkname, member.size = to, 0
    return member, b""


def listed(*members: Member, **changed: str) -> Member:
    """A manifest that lists exactly these, and lies where told."""
    files = {
        member.name.removeprefix("evil/"): hashlib.sha256(content).hexdigest()
        for member, content in members
        if member.isfile()
    }
    lines = [f'    "{name}": "{changed.get(name, digest)}"' for name, digest in files.items()]
    text = '{{\n  "format": 1,\n  "name": "evil",\n  "revision": "{}",\n  "files": {{\n{}\n  }}\n}}\n'
    return file("evil/.skillport.json", text.format(REVISION, ",\n".join(lines)).encode())


def tar_of(members: Iterable[Member]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=0)


SKILL = file("evil/SKILL.md", b"---\nname: evil\ndescription: Evil.\n---\n")
EVIL: Mapping[str, tuple[list[Member], str]] = {
    "a symbolic link": ([SKILL, link("evil/passwd", "/etc/passwd"), listed(SKILL)], "a link"),
    "a hard link": ([SKILL, link("evil/twin", "evil/SKILL.md", tarfile.LNKTYPE), listed(SKILL)], "a link"),
    "a hard link to outside": ([SKILL, link("evil/x", "../../../../secret", tarfile.LNKTYPE)], "a link"),
    "a link to write through": ([SKILL, link("evil/d", "../../.."), file("evil/d/x"), listed(SKILL)], "a link"),
    "a device": ([SKILL, link("evil/null", "", tarfile.CHRTYPE), listed(SKILL)], "device"),
    "a pipe": ([SKILL, link("evil/pipe", "", tarfile.FIFOTYPE), listed(SKILL)], "device"),
    "a way up": ([SKILL, file("evil/../../../pwned"), listed(SKILL)], "It was not unpacked"),
    "a way up at once": ([SKILL, file("../pwned"), listed(SKILL)], "outside"),
    "an absolute path": ([SKILL, file("/tmp/pwned-by-a-test"), listed(SKILL)], "outside"),
    "another folder": ([SKILL, file("other/SKILL.md"), listed(SKILL)], "outside"),
    "a folder that begins alike": ([SKILL, file("evil2/SKILL.md"), listed(SKILL)], "outside"),
    "a plugin": ([SKILL, file("evil/.claude-plugin/plugin.json"), listed(SKILL)], "run or trust"),
    "a plugin, spelled otherwise": ([SKILL, file("evil/.Claude-Plugin/plugin.json"), listed(SKILL)], "run or trust"),
    "servers": ([SKILL, file("evil/.mcp.json"), listed(SKILL)], "run or trust"),
    "settings": ([SKILL, file("evil/.claude/settings.json"), listed(SKILL)], "run or trust"),
    "a repository": ([SKILL, file("evil/sub/.git/config"), listed(SKILL)], "run or trust"),
    "a new line in a name": ([SKILL, file("evil/a\nb"), listed(SKILL)], ""),
    "an escape in a name": ([SKILL, file("evil/a\x1b[2Jb"), listed(SKILL)], "control character"),
    "no SKILL.md": ([file("evil/README.md"), listed(file("evil/README.md"))], "not what the archive lists"),
    "no manifest": ([SKILL], "not what the archive lists"),
    "more than it lists": ([SKILL, file("evil/more"), listed(SKILL)], "not what the archive lists"),
    "less than it lists": ([SKILL, listed(SKILL, file("evil/more"))], "not what the archive lists"),
    "other bytes than it lists": ([SKILL, listed(SKILL, **{"SKILL.md": "0" * 64})], "not what the archive lists"),
}


class Impostor:
    """A service that announces an archive truthfully, whatever is in it."""

    def __init__(self, archive: bytes, files: int, **plan: str) -> None:
        digest = hashlib.sha256(archive).hexdigest()
        self._archive = archive
        self._plan = {
            "format": "1",
            "name": "evil",
            "plugin": "docs",
            "marketplace": "acme",
            "revision": REVISION,
            "size": str(len(archive)),
            "files": str(files),
            "sha256": digest,
            **plan,
        }

    async def __call__(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.query.get("format") == "plan":
            return web.Response(text="".join(f"{key} {value}\n" for key, value in self._plan.items()))
        return web.Response(body=self._archive)


@pytest.mark.parametrize("evil", EVIL)
async def test_an_evil_archive_leaves_nothing(victim: Any, impostor: Any, evil: str) -> None:
    members, why = EVIL[evil]
    (victim.home.parent / "secret").write_text("precious")
    impostor.meddler = Impostor(tar_of(members), len(members))
    ran = await victim.run(TOKEN, "--skill")
    assert (ran.status, ran.out) == (1, ""), ran.said
    assert why in ran.said
    assert not (victim.skills / "evil").exists()
    assert victim.leftovers == []
    assert (victim.home.parent / "secret").stat().st_nlink == 1
    assert not list(victim.home.parent.rglob("pwned"))


async def test_an_archive_of_another_number_of_files_is_refused(victim: Any, impostor: Any) -> None:
    impostor.meddler = Impostor(tar_of([SKILL, listed(SKILL)]), 3)
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 1
    assert "as many files as announced" in ran.said


LINKS = ["a symbolic link", "a hard link"]


@pytest.mark.parametrize("evil", LINKS)
async def test_a_tar_that_shows_links_as_files_fools_nobody(victim: Any, impostor: Any, evil: str) -> None:
    members, _ = EVIL[evil]
    victim.shim(
        "tar",
        'case $1 in -t*) "$real" "$@" | sed "s/^[hl]/-/; s/ -> .*//; s/ link to .*//" ;; *) exec "$real" "$@" ;; esac',
    )
    impostor.meddler = Impostor(tar_of(members), len(members))
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 1
    assert "holds a link" in ran.said
    assert victim.names(victim.skills) == []


async def test_the_same_archive_without_evil_is_installed(victim: Any, impostor: Any) -> None:
    """Or the tests above would prove nothing."""
    members = [SKILL, file("evil/späße/☃.md"), file("evil/a b/-x"), file("evil/a -> b"), file('evil/say "x"')]
    members.append(listed(*members[:4], file('evil/say \\"x\\"')))
    impostor.meddler = Impostor(tar_of(members), len(members))
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 0, ran.said
    assert (victim.skills / "evil" / 'say "x"').exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", ".evil", "-rf", "e vil", "$(id)", "e;vil", "", "x" * 65])
async def test_a_name_that_is_no_folder_is_refused(victim: Any, impostor: Any, name: str) -> None:
    members = [SKILL, listed(SKILL)]
    impostor.meddler = Impostor(tar_of(members), 2, name=name)
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 1
    assert "a name that cannot be a folder's" in ran.said
    assert not (victim.home / ".claude").exists()


@pytest.mark.parametrize("plan", [{"format": "2"}, {"version": "\x1b[2J"}, {"version": "1.0 \u202e"}])
async def test_a_plan_that_is_none_is_refused(victim: Any, impostor: Any, plan: dict[str, str]) -> None:
    impostor.meddler = Impostor(tar_of([SKILL]), 1, **plan)
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 1
    assert not (victim.home / ".claude").exists()
    assert "\x1b" not in ran.said


async def test_a_page_of_some_proxy_is_no_plan(victim: Any, impostor: Any) -> None:
    async def portal(request: web.Request, handler: Any) -> web.StreamResponse:
        return web.Response(text="<html><title>Welcome to our Wi-Fi</title>", content_type="text/html")

    impostor.meddler = portal
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 1
    assert not (victim.home / ".claude").exists()


Meddle = Callable[[bytes], bytes]
MEDDLED: Mapping[str, tuple[Meddle, str]] = {
    "one bit": (lambda body: body[:100] + bytes([body[100] ^ 1]) + body[101:], "SHA-256 differs"),
    "cut": (lambda body: body[:-1], "broke off"),
    "longer": (lambda body: body + b"\0", "SHA-256 differs"),
    "another": (lambda body: gzip.compress(b"x" * 100)[:100].ljust(len(body), b"\0"), "SHA-256 differs"),
    "nothing": (lambda _: b"", "broke off"),
}


@pytest.mark.parametrize(("how", "target"), [*((how, "--skill") for how in MEDDLED), ("one bit", "--package")])
async def test_an_archive_that_was_tampered_with_is_refused(machine: Any, shop: Any, how: str, target: str) -> None:
    meddle, why = MEDDLED[how]
    machine.shim("sleep", "exit 0")
    offer = await shop.offer()
    ready = await shop.links.ready(offer.token, None if target == "--skill" else "package")
    body = ready.archive.path.read_bytes()

    async def tamper(request: web.Request, handler: Any) -> web.StreamResponse:
        return web.Response(body=meddle(body)) if request.query.get("format") == "archive" else await handler(request)

    shop.meddler = tamper
    ran = await machine.run(offer.token, target, "--dir", str(machine.home / "out"))
    assert (ran.status, ran.out) == (1, "")
    assert why in ran.said
    assert [path for path in machine.home.rglob("*") if path.is_file()] == []
    assert list(machine.temporary.iterdir()) == []


class Breaking:
    """Breaks the line while the first archives are on their way, as a train in a tunnel does."""

    def __init__(self, times: int, *, in_body: bool = False) -> None:
        self.times = times
        self.in_body = in_body
        self.attempts: list[str] = []

    async def __call__(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.query.get("format") == "archive":
            self.attempts.append(request.query["attempt"])
            if len(self.attempts) <= self.times:
                transport = request.transport
                assert transport is not None
                if self.in_body:
                    response = web.StreamResponse(headers={"Content-Length": "5000"})
                    await response.prepare(request)
                    await response.write(b"x" * 300)
                    transport.close()
                    return response
                write = transport.write
                transport.write = lambda data: write(bytes(data[:300])) or transport.abort()
        return await handler(request)


@pytest.mark.parametrize("in_body", [False, True])
async def test_a_download_that_breaks_off_is_begun_again(
    machine: Any, shop: Any, small: Any, files_of: Any, in_body: bool
) -> None:
    shop.meddler = breaking = Breaking(1, in_body=in_body)
    ran = await machine.install(await shop.offer())
    assert ran.status == 0, ran.said
    assert "trying again" in ran.said
    assert files_of(machine.skills / "pdf") == files_of(small)
    assert len(breaking.attempts) == 2
    assert len(set(breaking.attempts)) == 1


async def test_a_line_that_stays_broken_leaves_a_link_that_can_be_used(machine: Any, shop: Any) -> None:
    machine.shim("sleep", "exit 0")
    shop.meddler = Breaking(4)
    offer = await shop.offer()
    ran = await machine.install(offer)
    assert (ran.status, ran.out) == (1, "")
    assert "can be run again" in ran.said
    assert machine.leftovers == []
    shop.publisher.clock.advance(50)
    again = await machine.install(offer)
    assert again.status == 0, again.said


async def test_a_service_that_cannot_be_reached_is_named(victim: Any, impostor: Any) -> None:
    ran = await victim.run(TOKEN, "--skill", SKILLPORT_CONNECTOR_URL="http://127.0.0.1:1")
    assert ran.status == 1
    assert "http://127.0.0.1:1 cannot be reached" in ran.said
    assert not (victim.home / ".claude").exists()


async def test_an_unknown_link_says_what_to_do(machine: Any, shop: Any) -> None:
    ran = await machine.run(TOKEN, "--skill")
    assert ran.status == 1
    assert "unknown or has expired" in ran.said
    assert "(HTTP 404)" in ran.said or machine.world.name == "busybox"  # whose wget shows no body
    assert TOKEN not in ran.out + ran.said


async def test_a_link_works_once(machine: Any, shop: Any) -> None:
    offer = await shop.offer()
    assert (await machine.install(offer)).status == 0
    shop.publisher.clock.advance(61)
    ran = await machine.install(offer, "--dir", str(machine.home / "other"))
    assert ran.status == 1
    assert "was used already" in ran.said
    assert not (machine.home / "other").exists()


async def test_a_link_expires(machine: Any, shop: Any) -> None:
    offer = await shop.offer()
    shop.publisher.clock.advance(offer.expires_in_s + 1)
    ran = await machine.install(offer)
    assert ran.status == 1
    assert "unknown or has expired" in ran.said


async def test_a_right_that_was_taken_away_is_gone_at_once(machine: Any, shop: Any, small: Any) -> None:
    offer = await shop.offer()
    await shop.publisher.publish({**small, ".skillport/access.json": shop.publisher.access(pdf=["token:alice"])})
    ran = await machine.install(offer)
    assert ran.status == 1
    assert "unknown or has expired" in ran.said
    assert not (machine.home / ".claude").exists()


@pytest.mark.parametrize("status", [400, 404, 410, 503, 500, 502])
async def test_every_refusal_is_a_sentence(victim: Any, impostor: Any, status: int) -> None:
    async def refuse(request: web.Request, handler: Any) -> web.StreamResponse:
        if status < 500:
            return web.Response(status=status, text='{"message": "Say \\"please\\"\x1b[2J."}')
        return web.Response(status=status, text="<html>")

    impostor.meddler = refuse
    ran = await victim.run(TOKEN, "--skill")
    assert ran.status == 1
    assert ran.said.startswith("skillport: ")
    assert "html" not in ran.said
    if status < 500 and victim.world.name != "busybox":  # whose wget does not show what came with a refusal
        assert ran.said == f"skillport: Say 'please'[2J. (HTTP {status})\n"
    assert len(ran.said.splitlines()) == 1
    assert "\x1b" not in ran.said
    assert not (victim.home / ".claude").exists()


async def test_one_of_many_runs_with_the_same_link_wins(machine: Any, shop: Any) -> None:
    offer = await shop.offer()
    runs = await asyncio.gather(*(machine.install(offer, "--dir", str(machine.home / str(at))) for at in range(6)))
    assert sorted(ran.status for ran in runs) == [0, 1, 1, 1, 1, 1]
    assert all("was used already" in ran.said for ran in runs if ran.status)
