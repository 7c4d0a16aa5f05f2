"""P13: a backup that was made while deliveries poured in is put back after a death, and the service starts from it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import aiohttp

from skillport_sync.standin import Repository
from tests.faults.running import SECRET, Serve, ask, marketplace, text_of


async def test_a_backup_made_under_load_is_restored_and_started_from(
    serve_of: Callable[..., Serve],
    repository: Repository,
    http: aiohttp.ClientSession,
    serves: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> None:
    serve = serve_of(auth="token")
    await serve.start()
    await serve.heard("snapshot_published")
    hook = repository.add_hook(f"{serve.url}/webhooks/github", SECRET, ["push"])
    code, token, err = await serve.command("token", "create", "before")
    assert code == 0, err
    taken: list[str] = []
    loaded, enough = asyncio.Event(), asyncio.Event()

    async def pour() -> None:
        while not enough.is_set():
            repository.commit(marketplace(f"version {len(taken)}"))
            for delivery in await repository.deliver(repository.changes[-1]):
                assert delivery.status_code == 202
                taken.append(delivery.guid)
            if len(taken) >= 20:
                loaded.set()

    file = tmp_path / "backups" / "state.backup"
    file.parent.mkdir()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(pour())
        await loaded.wait()
        acknowledged = set(taken)
        code, out, err = await serve.command("backup", str(file))
        assert code == 0, out + err
        enough.set()
    assert len(taken) > len(acknowledged)
    code, late, err = await serve.command("token", "create", "since")
    assert code == 0, err
    await serve.kill()

    # The disk takes the database along.
    state = serve.config.parent / "data" / "state.db"
    for path in state.parent.glob("state.db*"):
        path.unlink()
    code, out, err = await serve.command("restore", str(file))
    assert code == 0, out + err
    with closing(sqlite3.connect(state)) as rows:
        assert acknowledged <= {guid for (guid,) in rows.execute("SELECT guid FROM deliveries")}
        assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    await serve.start()
    hook.url = f"{serve.url}/webhooks/github"

    await serves(serve, repository.head(), token.strip())
    answer = await ask(http, serve.url, token.strip(), operation="fetch", skill="letters", paths=["SKILL.md"])
    assert text_of(answer).encode() == repository.read("docs/skills/letters/SKILL.md")
    async with http.post(
        f"{serve.url}/mcp", json={}, headers={"Authorization": f"Bearer {late.strip()}"}
    ) as since_the_backup:
        assert since_the_backup.status == 401
    # And it goes on as any other: a push arrives, a second process is turned away, another backup is made.
    head = repository.commit(marketplace("after the drill"))
    (delivery,) = await repository.deliver(repository.changes[-1])
    assert delivery.status_code == 202
    await serves(serve, head, token.strip())
    code, out, err = await serve.command("backup", str(file), "--force")
    assert code == 0, out + err


async def test_a_backup_needs_no_service_and_is_made_after_a_death_too(
    serve: Serve, repository: Repository, serves: Callable[[Serve, str], Awaitable[None]], tmp_path: Path
) -> None:
    head = await repository.push(marketplace("second"))
    await serves(serve, head)
    await serve.kill()
    code, out, err = await serve.command("backup", str(tmp_path / "state.backup"))
    assert code == 0, out + err
    with closing(sqlite3.connect(tmp_path / "state.backup")) as rows:
        assert rows.execute("SELECT count(*) FROM deliveries").fetchone() == (1,)
    await serve.start()
    await serves(serve, head)
