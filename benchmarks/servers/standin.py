"""Owns the stand-in GitHub in a process of its own, so that its work does not count as the service's."""

from __future__ import annotations

import asyncio
import base64
import time

from benchmarks.content import Size, edits, marketplace
from benchmarks.servers.lines import Told, answer_until_end, say, told_at_start
from skillport_sync.standin import StandInGitHub
from skillport_sync.standin.journal import Journal, JournalEntry

REPOSITORY = "acme/skills"
TOKEN = "token-of-the-benchmarks"
SECRET = "secret-of-the-benchmarks"


class OneRepository:
    """A GitHub with one marketplace on it."""

    def __init__(self, size: Size) -> None:
        self.github = StandInGitHub()
        self.github.limits.limit = 1_000_000  # the seed connector's way spends a real hour's requests in a minute
        self.github.accept_token(TOKEN)
        self.repository = self.github.create_repository(REPOSITORY)
        self._size = size
        self._pushes = 0
        self.repository.commit(marketplace(size))

    async def start(self) -> str:
        url = await self.github.start()
        self.github.prepare(self.repository)
        return url

    async def answer(self, told: Told) -> Told:
        match told:
            case {"do": "latency", "seconds": latency_s}:
                self.github.latency_s = latency_s
                return {}
            case {"do": "hook", "url": url}:
                self.repository.add_hook(url, SECRET)
                return {}
            case {"do": "push", "files": count}:
                return await self.push(count)
            case {"do": "journal"}:
                return self.journal()
            case {"do": "delivered"}:
                (hook,) = self.repository.hooks.values()
                latest = hook.deliveries[-1]
                return {"headers": dict(latest.request_headers), "body": base64.b64encode(latest.payload).decode()}
        raise ValueError(told)

    async def push(self, count: int) -> Told:
        """Commit, make the large answers, and only then look at the clock and deliver. Returns when the hook has answered."""
        self._pushes += 1
        self.repository.commit(edits(self._size, count, self._pushes))
        self.github.prepare(self.repository)
        began_s = time.monotonic()
        sent = await self.repository.deliver(self.repository.changes[-1])
        return {"began_s": began_s, "head": self.repository.head(), "answers": [one.status_code for one in sent]}

    def journal(self) -> Told:
        """What was asked since the last time, and start anew. ``looked_after``: how many requests looked after the webhook and
        the repository, in the background; no other figure has them."""
        journal = self.github.journal
        pulling = Journal([entry for entry in journal if not _looks_after(entry)])
        told: Told = {
            "requests": len(pulling),
            "primary": pulling.primary_cost(),
            "round_trips": pulling.round_trips(),
            "lines": pulling.lines(),
            "looked_after": len(journal) - len(pulling),
        }
        journal.reset()
        return told


def _looks_after(entry: JournalEntry) -> bool:
    repository = f"/repos/{REPOSITORY}"
    return entry.path in (repository, f"{repository}/activity") or entry.path.startswith(f"{repository}/hooks")


async def main() -> None:
    told = told_at_start()
    served = OneRepository(Size(**told["size"]))
    say({"url": await served.start(), "head": served.repository.head()})
    try:
        await answer_until_end(served.answer)
    finally:
        await served.github.close()


if __name__ == "__main__":
    asyncio.run(main())
