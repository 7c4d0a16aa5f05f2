"""Owns what a search costs: CPU time of questions that nobody asked before beside that of ``list``, and what its index takes.

The skills speak an invented language whose words are as unevenly frequent as real ones: ``benchmarks.content`` has a hundred and
twenty words, and each would be found in everything.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

from benchmarks.cores import Cores, cpu_s, pin, rss_bytes
from benchmarks.figures import Figure
from benchmarks.load import Connection, Expect, connect, finish, raw, repeated
from benchmarks.questions import Arguments, modern
from benchmarks.servers.standin import REPOSITORY, TOKEN
from benchmarks.service import folder, in_this_process, service
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries import Queries
from skillport_sync.queries.queries import DEFAULT_LIMIT
from skillport_sync.queries.search import Search
from skillport_sync.queries.views import View
from skillport_sync.restoring import Restoring
from skillport_sync.signing_in import ANYBODY
from skillport_sync.standin import StandInGitHub

TITLE = "Search: 10 000 skills"
SERVES_HERE = True
SEARCH = 5.0
MIX: Mapping[str, int] = {
    "two words of a name": 12,
    "a word of a name": 8,
    "two words of a description": 8,
    "a word that is rare": 4,
    "a word that is frequent": 4,
    "a misspelled word of a name": 4,
}
"""How many of each kind are asked in a round, each once and never again."""
LIST = "list"
_ONSETS, _RIMES = "b d f g k l m n p r s t v br st tr", "a e i o u ai or en"
_SYLLABLES = ["".join(one) for one in itertools.product(_ONSETS.split(), _RIMES.split())]
_ENDINGS = ("", "", "", "", "s", "ing", "er", "ation", "ment", "al")
_VOCABULARY, _BODY_WORDS, _DESCRIPTION_WORDS = 20_000, 230, 25
_SMALL, _FREQUENT, _NAMING = 60, 300, 8_000
"""By rank: what nobody would search for, what is in hundreds of skills, and what is frequent enough to be in names."""


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """The same library asked in this process and, over HTTP, as operators start the service; questions and lists in turns."""
    library = Library(500 if quick else 10_000)
    rounds = 2 if quick else 10
    pin(cores.server)
    async with _github(library.files()) as url:
        figures = await _in_memory(url, library, rounds)
        pin(cores.load)
        return figures + await _over_http(url, library, rounds, cores)


class Library:
    """Skills whose names, descriptions and bodies are drawn from one language, the same every time."""

    def __init__(self, skills: int) -> None:
        self._chance = random.Random(2026)
        words = dict.fromkeys(self._word() for _ in range(2 * _VOCABULARY))
        self._words = list(words)[:_VOCABULARY]
        # Zipf's law, flattened at the top as in prose.
        self._weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(_VOCABULARY)))
        self.skills = [
            (self._naming(self._chance.choice((2, 2, 2, 3))), self._prose(_DESCRIPTION_WORDS)) for _ in range(skills)
        ]

    def files(self) -> dict[str, bytes]:
        """A marketplace with five skills a plugin."""
        plugins = [f"team-{at}" for at in range(len(self.skills) // 5)]
        entries = [{"name": name, "source": f"./plugins/{name}", "keywords": self._naming(3)} for name in plugins]
        manifest = {"name": "acme", "owner": {"name": "Acme"}, "plugins": entries}
        files = {".claude-plugin/marketplace.json": json.dumps(manifest).encode()}
        for at, (name, description) in enumerate(self.skills):
            body = " ".join(self._prose(_BODY_WORDS))
            head = f"---\nname: {'-'.join(name)}\ndescription: {' '.join(description)}\n---\n"
            files[f"plugins/{plugins[at % len(plugins)]}/skills/{'-'.join(name)}-{at}/SKILL.md"] = (
                head + body
            ).encode()
        return files

    def questions(self, asked: set[str]) -> list[tuple[str, str]]:
        """A round of the mix, ``(kind, question)``, without those in ``asked``, which grows."""
        made: list[tuple[str, str]] = []
        for kind, count in MIX.items():
            while sum(one == kind for one, _ in made) < count:
                question = self._question(kind)
                if question not in asked:
                    asked.add(question)
                    made.append((kind, question))
        self._chance.shuffle(made)
        return made

    def _question(self, kind: str) -> str:
        name, description = self._chance.choice(self.skills)
        match kind:
            case "two words of a name":
                return " ".join(name[:2])
            case "a word of a name":
                return name[0]
            case "two words of a description":
                telling = [word for word in description if word not in self._words[:_SMALL]]
                return " ".join(self._chance.sample(telling, 2))
            case "a word that is rare":
                return self._chance.choice(self._words[_NAMING:])
            case "a word that is frequent":
                return self._chance.choice(self._words[_SMALL:_FREQUENT])
        at = self._chance.randrange(len(name[0]) - 1)
        return name[0][:at] + name[0][at + 1] + name[0][at] + name[0][at + 2 :]

    def _word(self) -> str:
        return "".join(self._chance.choices(_SYLLABLES, k=self._chance.choice((1, 2, 2, 3, 3)))) + self._chance.choice(
            _ENDINGS
        )

    def _prose(self, count: int) -> list[str]:
        return self._chance.choices(self._words, cum_weights=self._weights, k=count)

    def _naming(self, count: int) -> list[str]:
        weights = [weight - self._weights[_SMALL - 1] for weight in self._weights[_SMALL:_NAMING]]
        return self._chance.choices(self._words[_SMALL:_NAMING], cum_weights=weights, k=count)


@asynccontextmanager
async def _github(files: Mapping[str, bytes]) -> AsyncIterator[str]:
    """A stand-in with this marketplace on it. It works only before anything is measured."""
    github = StandInGitHub()
    github.limits.off = True
    github.accept_token(TOKEN)
    repository = github.create_repository(REPOSITORY)
    repository.commit(files)
    url = await github.start()
    github.prepare(repository)
    try:
        yield url
    finally:
        await github.close()


async def _in_memory(url: str, library: Library, rounds: int) -> list[Figure]:
    """CPU time of the whole process, threads included: nothing else happens in it."""
    with folder() as place:
        async with in_this_process(place, url) as served:
            parts = served.parts
            queries = Queries(parts.current, parts.mirror, _never, parts.clock)
            await queries.list_skills(ANYBODY)
            view = _view(queries)
            before_bytes, began_s = rss_bytes(os.getpid()), time.process_time()
            index = await Search(parts.mirror, parts.clock).index(view)
            made_s = time.process_time() - began_s
            grown_mb = (rss_bytes(os.getpid()) - before_bytes) / 1e6
            size_mb = index.rows.size_bytes / 1e6
            del index
            await queries.list_skills(ANYBODY, query="anything")

            async def ask(query: str | None, limit: int) -> None:
                await queries.list_skills(ANYBODY, query=query, limit=limit)

            taken = await _in_turns(library, rounds, ask, itertools.repeat(DEFAULT_LIMIT), time.process_time)
    what = f"{len(library.skills):,} skills, CPU in memory"
    return [
        *_beside_list(what, taken, SEARCH),
        Figure(
            f"{len(library.skills):,} skills: making the index",
            made_s * 1000,
            "ms",
            note="CPU; once a publication for people who may read the same, in a thread",
        ),
        Figure(
            f"{len(library.skills):,} skills: the index",
            size_mb,
            "MB",
            note=f"the process grew by {grown_mb:.0f} MB while it was made",
        ),
    ]


async def _over_http(url: str, library: Library, rounds: int, cores: Cores) -> list[Figure]:
    """CPU time of the service, one question after the other on one connection. Both are questions that nobody asked before: what
    is asked again is answered from the answers that are remembered, and is no search."""
    with folder() as place:
        async with service(place, url, cores.server) as running:
            nothing = repeated(b"", 0)
            (line,) = await connect(running.port, 1, nothing, Expect(slack=1 << 30), lambda _time, _status: None)

            async def ask(query: str | None, limit: int) -> None:
                asked: Arguments = {"operation": "list", "query": query, "limit": limit}
                await _next(line, raw(modern(asked), running.port))

            different = iter(range(DEFAULT_LIMIT - 40, DEFAULT_LIMIT + 41))
            try:
                await ask("anything", DEFAULT_LIMIT)
                taken = await _in_turns(library, rounds, ask, different, lambda: cpu_s(running.pid))
            finally:
                line.close()
    return _beside_list(f"{len(library.skills):,} skills, CPU of /mcp", taken, SEARCH)


async def _next(line: Connection, request: bytes) -> None:
    """One more request on this connection, and its answer."""
    line.source = repeated(request, 1)
    line.done = line.done.get_loop().create_future()
    await finish([line])


async def _in_turns(
    library: Library,
    rounds: int,
    ask: Callable[[str | None, int], Awaitable[None]],
    limits: Iterator[int],
    clock: Callable[[], float],
) -> dict[str, list[float]]:
    """Seconds of every question by its kind, and of a list after each for as long as there are ``limits``."""
    asked: set[str] = set()
    taken: dict[str, list[float]] = {kind: [] for kind in (*MIX, LIST)}
    for _ in range(rounds):
        for kind, question in library.questions(asked):
            for what, query, limit in ((kind, question, DEFAULT_LIMIT), (LIST, None, next(limits, None))):
                if limit is not None:
                    began_s = clock()
                    await ask(query, limit)
                    taken[what].append(clock() - began_s)
    return taken


def _beside_list(what: str, taken: Mapping[str, list[float]], promise: float | None) -> list[Figure]:
    listed_us = statistics.median(taken[LIST]) * 1e6
    together = [one for kind in MIX for one in taken[kind]]
    mixed = "all of these kinds, " + ", ".join(f"{count} of {kind}" for kind, count in MIX.items())
    kinds = {"a question nobody asked before": (together, promise, mixed)}
    kinds |= {kind: (taken[kind], None, "") for kind in MIX}
    return [
        Figure(
            f"{what}: {kind}", statistics.median(times) * 1e6, "µs", listed_us, "list of 100", of_list, "ratio", note
        )
        for kind, (times, of_list, note) in kinds.items()
    ]


def _view(queries: Queries) -> View:
    standing = queries.standing(ANYBODY)
    assert standing is not None
    return standing.view


def _never(_marketplace: MarketplaceName) -> Restoring:
    raise AssertionError("a list asks for nothing of before")
