"""Owns what a save costs: requests to GitHub, and how soon what was saved is served, beside the seed connector's way.

The seed connector reads the file's id and puts the file, one after the other, for each file, and makes a commit of each; what it
has read it keeps for minutes, so what was saved is seen when that time is over.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from benchmarks.content import EDITOR, SMALL
from benchmarks.cores import Cores
from benchmarks.figures import Figure
from benchmarks.servers.standin import OneRepository
from benchmarks.service import MARKETPLACE, configured, folder, settled
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.catalog.change.wishes import FileWish, Save
from skillport_sync.config import load
from skillport_sync.serve import Service, serving
from skillport_sync.sync.saves import Saved, Wanted

TITLE = "Saving: requests to GitHub, and round trips until it is served"
SERVES_HERE = True
LATENCY_S = 0.1
FILES = 3
SEED_A_FILE = 2
"""Of its documented calls: one reads the file's id, one puts the file. https://docs.github.com/rest/repos/contents"""
WRITE_TOKEN = "token-of-the-benchmarks-that-writes"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of change, and what it may cost."""

    label: str
    executable: bool
    requests: int | None


async def measure(_cores: Cores, *, quick: bool) -> list[Figure]:
    """Saves one after the other, of ordinary files and of programs."""
    rounds, latency_s = (2, 0.02) if quick else (9, LATENCY_S)
    figures: list[Figure] = []
    async with _mirroring(latency_s) as (github, service):
        await _save(service, 0, executable=False)  # from here on the branch's name is known
        github.journal()
        for kind in (_Kind("text files", False, 2), _Kind("programs", True, None)):
            taken_s: list[float] = []
            requests: list[int] = []
            for at in range(1, rounds + 1):
                began_s = time.perf_counter()
                await _save(service, at, executable=kind.executable)
                taken_s.append(time.perf_counter() - began_s)
                requests.append(github.journal()["requests"])
            seed = SEED_A_FILE * FILES
            trips = statistics.median(taken_s) / latency_s
            figures += [
                Figure(
                    f"{FILES} {kind.label}: requests",
                    statistics.median(requests),
                    "",
                    seed,
                    "seed connector's way: two for each file, and a commit for each",
                    kind.requests,
                ),
                Figure(
                    f"{FILES} {kind.label}: saved and served",
                    trips,
                    "trips",
                    seed,
                    "the same, until the last file is there; it is seen when what was kept is five minutes old",
                    2.0 if not kind.executable else None,
                    note=f"{statistics.median(taken_s) * 1000:.0f} ms at {latency_s * 1000:.0f} ms a round trip",
                ),
            ]
    return figures


@asynccontextmanager
async def _mirroring(latency_s: float) -> AsyncIterator[tuple[OneRepository, Service]]:
    async with AsyncExitStack() as stack:
        github = OneRepository(SMALL)
        github.github.accept_token(WRITE_TOKEN)
        url = await github.start()
        stack.push_async_callback(github.github.close)
        place = stack.enter_context(folder())
        settings = load(configured(place, url), {})
        (place / "write-token").write_text(WRITE_TOKEN)
        (place / "write-token").chmod(0o600)
        told = {"SKILLPORT_GITHUB__WRITE_TOKEN_FILE": str(place / "write-token")}
        settings = replace(load(place / "config.toml", told), server=settings.server)
        service = await stack.enter_async_context(serving(settings))
        await settled(service)
        github.github.latency_s = latency_s
        yield github, service


async def _save(service: Service, at: int, *, executable: bool) -> None:
    snapshot = service.parts.current.get()[MARKETPLACE].snapshot
    skill = snapshot.catalog.skills[0]
    files = tuple(FileWish(f"notes-{executable}-{n}.txt", b"%d %d\n" % (at, n), executable) for n in range(FILES))
    editor = Principal(PrincipalId(EDITOR), "The editor")
    outcome = await service.parts.savers[MARKETPLACE].save(Wanted(editor, Save(skill.name, files), skill.label))
    assert isinstance(outcome, Saved), outcome
    assert service.parts.current.get()[MARKETPLACE].snapshot.commit == outcome.commit
