"""P3, P4, P5, P6: a disk that is full, that takes nothing any more, and databases that are damaged under a running service."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from skillport_sync.standin import Repository
from tests.faults.running import SECRET, Serve, ask, commit_of, marketplace, text_of

MIB = 1024 * 1024
MANY = 2_000
Serves = Callable[[Serve, str], Awaitable[None]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 24 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(words, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode != 0:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave not one byte."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
    return filler


async def fetched(http: aiohttp.ClientSession, serve: Serve) -> str:
    return text_of(await ask(http, serve.url, operation="fetch", skill="letters", paths=["SKILL.md"]))


async def archived(http: aiohttp.ClientSession, serve: Serve) -> tuple[int, int]:
    """How a request for Claude Code's catalog ends, and one for the archive that it names."""
    async with http.get(f"{serve.url}/marketplace.json") as catalog:
        said = await catalog.json()
    if catalog.status != 200:
        assert {"error", "message", "code"} <= said.keys()
        return catalog.status, catalog.status
    (entry,) = [each for each in said["plugins"] if each["name"] == "docs"]
    async with http.get(entry["source"]["url"]) as archive:
        await archive.read()
    return catalog.status, archive.status


async def first_refused(repository: Repository, limit: int = MANY) -> int:
    """Deliver until one is not taken; its status. What fits into space that the service has already is still taken."""
    repository.commit({"docs/notes.txt": os.urandom(32)})
    for _ in range(limit):
        change = repository.event("push", body={"ref": "refs/heads/main"})
        (delivery,) = await repository.deliver(change)
        if delivery.status_code != 202:
            return delivery.status_code
    raise AssertionError("every delivery was taken")


async def test_on_a_full_disk_reading_goes_on_deliveries_are_put_off_and_all_is_well_once_there_is_room(
    small_disk: Path,
    serve_of: Callable[..., Serve],
    repository: Repository,
    http: aiohttp.ClientSession,
    serves: Serves,
) -> None:
    serve = serve_of(data_dir=small_disk / "data")
    await serve.start()
    await serve.heard("snapshot_published")
    before = repository.head()
    repository.add_hook(f"{serve.url}/webhooks/github", SECRET, ["push"])
    assert await archived(http, serve) == (200, 200)
    filler = fill(small_disk)
    assert await first_refused(repository) == 503, serve.said[-3:]
    large = marketplace("second", **{"docs/skills/letters/large.bin": os.urandom(4 * MIB)})
    after = repository.commit(large)
    code, out, err = await serve.command("reconcile")
    assert code == 1, out + err
    assert "is full" in out + err
    assert commit_of(await ask(http, serve.url)) == before
    assert "first" in await fetched(http, serve)
    assert await archived(http, serve) == (200, 200)  # made before, and still on the shelf
    filler.unlink()
    (delivery,) = await repository.deliver(repository.changes[-1])
    assert delivery.status_code == 202
    await serves(serve, after)
    assert "second" in await fetched(http, serve)
    assert await archived(http, serve) == (200, 200)


async def test_a_disk_that_takes_nothing_any_more_costs_no_answer_and_heals(
    serve: Serve, repository: Repository, http: aiohttp.ClientSession, serves: Serves
) -> None:
    before = repository.head()
    serve.limit(resource.RLIMIT_FSIZE, 0)
    assert await first_refused(repository) == 503, serve.said[-3:]
    after = repository.commit(marketplace("second"))
    code, out, err = await serve.command("reconcile")
    assert code == 1, out + err
    assert commit_of(await ask(http, serve.url)) == before
    assert "first" in await fetched(http, serve)
    assert await archived(http, serve) == (503, 503)  # one that was never made cannot be made now
    code, out, err = await serve.command("token", "create", "ci")
    assert (code, out) == (1, ""), err
    assert "Traceback" not in err
    serve.limit(resource.RLIMIT_FSIZE, None)
    (delivery,) = await repository.deliver(repository.changes[-1])
    assert delivery.status_code == 202
    await serves(serve, after)
    assert "second" in await fetched(http, serve)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"not a database any more " * 2_000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@pytest.mark.parametrize("damage", [overwrite, empty, remove])
async def test_a_mirror_that_is_lost_under_a_running_service_is_made_anew(
    damage: Callable[[Path], None], serve: Serve, repository: Repository, http: aiohttp.ClientSession, serves: Serves
) -> None:
    first = repository.head()
    damage(serve.config.parent / "data" / "mirror.db")
    assert commit_of(await ask(http, serve.url)) == first  # from memory
    after = repository.commit(marketplace("second"))
    async with asyncio.timeout(60):
        await serve.command("reconcile", "--verify")
        await serve.command("reconcile")
    await serves(serve, after)
    assert "second" in await fetched(http, serve)
    await serve.kill()
    await serve.start()
    await serves(serve, after)
    assert "second" in await fetched(http, serve)


async def test_a_damaged_state_database_is_refused_with_the_way_out_and_left_alone(
    serve: Serve, repository: Repository
) -> None:
    assert await serve.stop() == 0
    state = serve.config.parent / "data" / "state.db"
    overwrite(state)
    damaged = state.read_bytes()
    await serve.begin()
    assert await serve.ended() == 1
    said = "\n".join(line["event"] for line in serve.said)
    assert "state.db is damaged" in said
    assert "skillport-sync restore FILE" in said
    assert "Traceback" not in said
    assert state.read_bytes() == damaged
    assert repository.head()
