"""Owns the demo's story: what happens, in which order, and the sentence and figure beside it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from mcp.types import CallToolResult
from pydantic import AnyUrl
from rich.console import Console
from rich.table import Table

from skillport_sync.demo import work
from skillport_sync.demo.browser import RETURN_ADDRESS, Browser, ClientMemory
from skillport_sync.demo.stage import EDITOR, READER, Stage
from skillport_sync.reports import PullReport, ReconcileOptions, RevokeRequest
from skillport_sync.trying_out import NAME as PROVIDER

NOTES = "plugins/writing/skills/release-notes/SKILL.md"
POLICY = ".skillport/access.json"


class Story:
    """Eleven scenes. Each asserts what it claims: a demo that shows something else than it says fails."""

    def __init__(self, console: Console, stage: Stage) -> None:
        self._console = console
        self._stage = stage
        self._memories: dict[str, ClientMemory] = {EDITOR: ClientMemory(), READER: ClientMemory()}

    async def tell(self) -> None:
        await self._first_sync()
        async with AsyncExitStack() as connections:
            stranger = await connections.enter_async_context(httpx2.AsyncClient())
            ada, grace = await self._sign_in(connections, stranger)
            await self._questions(ada)
            await self._push(ada)
            await self._access(ada, grace)
            ask = partial(_ask, ada)
            await work.install(self, self._stage, ask)
            await work.save(self, self._stage, ask)
            await self._lost_webhook(ada)
            await self._broken_policy(ada)
            await self._github_down(ada)
            await self._thrown_out(stranger)

    async def _first_sync(self) -> None:
        self.scene("First sync", "the service reads the company's repository and proves every byte")
        await self._stage.loop.settled()
        report = self._last_report()
        assert report.outcome == "published", report
        status = (await self._stage.service.operator.status()).marketplaces[0]
        self.fact(
            f"{status.skills} skills, {status.files} files at commit {_short(report.after)}",
            f"{_ms(report.duration_s)}, {report.requests} GitHub requests",
        )

    async def _sign_in(self, connections: AsyncExitStack, stranger: httpx2.AsyncClient) -> tuple[Client, Client]:
        self.scene(
            "Signing in", "add one address, agree, say who you are: the SDK client's own OAuth code does the rest"
        )
        began_s = time.perf_counter()
        assert await self._status(stranger) == 401
        self.fact("without a token: 401, and where to sign in", _ms(time.perf_counter() - began_s))
        clients = []
        for person in (EDITOR, READER):
            began_s = time.perf_counter()
            client = await connections.enter_async_context(self._connected(person))
            told, _ = await _ask(client, operation="whoami")
            assert told["id"] == person, told
            self.fact(
                f"{told['name']} signed in: registered, agreed, proved to be {told['id']}, was given tokens",
                _ms(time.perf_counter() - began_s),
            )
            clients.append(client)
        ada, grace = clients
        return ada, grace

    async def _questions(self, ada: Client) -> None:
        self.scene("Questions", "a real MCP client over HTTP asks the one tool; nobody asks GitHub")
        before = len(self._stage.github.journal)
        listed, list_s = await _ask(ada, operation="list")
        skills = _rows(listed, "skills")
        names = [str(skill["name"]) for skill in skills]
        self.fact(f"list: {', '.join(names[:4])} and {len(names) - 4} more", _ms(list_s))
        fetched, fetch_s = await _ask(ada, operation="fetch", skill="release-notes")
        self.fact(f"fetch release-notes: its SKILL.md, {len(_bodies(fetched)[0]):,} characters", _ms(fetch_s))
        version, version_s = await _ask(ada, operation="version", skill="release-notes")
        current = version.get("skill") or version
        assert isinstance(current, dict)
        self.fact(
            f"version release-notes: {current.get('version')}, revision {_short(current.get('revision'))}",
            _ms(version_s),
        )
        asked = len(self._stage.github.journal) - before
        assert asked == 0, asked
        self.fact(f"GitHub requests: {asked}")

    async def _push(self, ada: Client) -> None:
        self.scene("A push", "somebody edits a skill; GitHub's signed webhook arrives; the commit is published whole")
        text = self._stage.repository.read(NOTES) + b"\nName the person who asked for the change.\n"
        visible_s = await self._pushed({NOTES: text}, "Credit whoever asked")
        fetched, _ = await _ask(ada, operation="fetch", skill="release-notes")
        assert "Name the person who asked" in _bodies(fetched)[0]
        report = self._last_report()
        self.fact(
            f"visible to everybody at {_short(report.after)}",
            f"{_ms(visible_s)} after the push, {report.requests} GitHub requests",
        )

    async def _access(self, ada: Client, grace: Client) -> None:
        self.scene("Access", "rules come from the repository itself, with the commit they belong to")
        for person, client in ((EDITOR, ada), (READER, grace)):
            listed, _ = await _ask(client, operation="list")
            names = [str(skill["name"]) for skill in _rows(listed, "skills")]
            sees = "sees" if "quarter-close" in names else "does not see"
            assert (person == EDITOR) == ("quarter-close" in names), names
            self.fact(f"{person} {sees} quarter-close ({len(names)} skills in all)")

    async def _lost_webhook(self, ada: Client) -> None:
        self.scene("A lost webhook", "GitHub never sends a delivery twice; reconcile finds what was missed")
        text = self._stage.repository.read(NOTES) + b"\nKeep it under one screen.\n"
        head = await self._stage.repository.push({NOTES: text}, message="Keep it short", deliver=False)
        listed, _ = await _ask(ada, operation="list")
        self.fact(
            f"pushed {_short(head)}, delivery lost: still answering from {_short(_snapshot(listed)['commit'])}, and saying so"
        )
        report = await self._reconcile()
        assert report.after == head, report
        assert report.outcome == "published", report
        self.fact(
            f"skillport-sync reconcile: {_short(report.before)} → {_short(report.after)}",
            f"{_ms(report.duration_s)}, {report.requests} GitHub requests",
        )
        again = await self._reconcile()
        self.fact("and once more: nothing to do", f"{again.requests} request, {again.primary_cost} of the rate limit")

    async def _broken_policy(self, ada: Client) -> None:
        self.scene("A broken policy file", "access.json with a missing brace: the commit is refused, nothing opens up")
        good = self._stage.repository.read(POLICY)
        await self._stage.repository.push({POLICY: good.rstrip()[:-1], NOTES: b"broken\n"}, message="Oops")
        await self._stage.loop.settled()
        report = self._last_report()
        assert report.outcome == "refused", report
        fetched, _ = await _ask(ada, operation="fetch", skill="release-notes")
        assert "Keep it under one screen" in _bodies(fetched)[0]
        self.fact(f"refused {_short(report.after)}: {report.reason}")
        self.fact(f"content and policy stay, together, at {_short(report.before)}")
        text = self._stage.repository.read(NOTES, report.before)
        visible_s = await self._pushed({POLICY: good, NOTES: text}, "Mend it")
        self.fact("mended", f"{_ms(visible_s)} after the push")

    async def _github_down(self, ada: Client) -> None:
        self.scene("GitHub goes down", "answers go on, from the last publication, with their age")
        self._stage.github.faults.down()
        report = await self._reconcile()
        assert report.outcome == "failed", report
        listed, list_s = await _ask(ada, operation="list")
        snapshot = _snapshot(listed)
        self.fact(f"reconcile: {report.reason}")
        self.fact(
            f"list: {len(_rows(listed, 'skills'))} skills at {_short(snapshot['commit'])}, confirmed {snapshot['age_s']} s ago",
            _ms(list_s),
        )
        self._stage.github.faults.up()
        report = await self._reconcile()
        assert report.outcome == "unchanged", report
        self.fact("GitHub is back: in step", f"{_ms(report.duration_s)}, {report.requests} GitHub request")

    async def _thrown_out(self, stranger: httpx2.AsyncClient) -> None:
        self.scene(
            "Somebody leaves",
            "an operator ends Grace's sessions; nothing that her clients hold opens anything",
        )
        tokens = {person: memory.tokens for person, memory in self._memories.items()}
        ada, grace = tokens[EDITOR], tokens[READER]
        assert ada is not None
        assert grace is not None
        assert await self._status(stranger, grace.access_token) == 200
        began_s = time.perf_counter()
        revoked = await self._stage.service.operator.revoke_sessions(RevokeRequest(READER))
        assert await self._status(stranger, grace.access_token) == 401
        self.fact(
            f"skillport-sync sessions revoke --user {READER}: {len(revoked.ended)} session ended, her next question refused",
            f"{_ms(time.perf_counter() - began_s)} after the order",
        )
        assert await self._status(stranger, ada.access_token) == 200
        self.fact(f"{EDITOR} notices nothing")

    # --- telling ---------------------------------------------------------------------------------------------------------

    def scene(self, title: str, about: str) -> None:
        self._console.print()
        self._say(f"[bold cyan]{title}[/bold cyan]  ", f"[dim]{about}[/dim]")

    def fact(self, what: str, measured: str = "") -> None:
        self._say("  [green]✓[/green] ", what + (f"  [bold]{measured}[/bold]" if measured else ""))

    def _say(self, mark: str, text: str) -> None:
        """On a terminal, what is too long goes on below its own beginning; in a pipe, it is one line."""
        if not self._console.is_terminal:
            self._console.print(mark + text)
            return
        row = Table.grid()
        row.add_column(no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(mark, text)
        self._console.print(row, soft_wrap=False)

    def _last_report(self) -> PullReport:
        last = self._stage.loop.last
        assert last is not None
        return last.report

    # --- doing -----------------------------------------------------------------------------------------------------------

    async def _pushed(self, files: Mapping[str, bytes], message: str) -> float:
        """Push, wait until it is served; the seconds from the push to then."""
        while not self._stage.published.empty():
            self._stage.published.get_nowait()
        began_s = time.perf_counter()
        head = await self._stage.repository.push(files, message=message)
        published = await self._stage.published.get()
        assert published.snapshot.commit == head
        visible_s = time.perf_counter() - began_s
        await self._stage.loop.settled()
        return visible_s

    async def _reconcile(self) -> PullReport:
        async for event in self._stage.service.operator.reconcile(ReconcileOptions()):
            if isinstance(event, PullReport):
                return event
        raise AssertionError("reconcile ended without a report")

    @asynccontextmanager
    async def _connected(self, person: str) -> AsyncIterator[Client]:
        """A client of this person's. It is told nothing but the address: they sign in as soon as it is refused."""
        url, browser = self._url, Browser({"provider": PROVIDER, "person": person.removeprefix(f"{PROVIDER}:")})
        metadata = OAuthClientMetadata(client_name="The demo's client", redirect_uris=[AnyUrl(RETURN_ADDRESS)])
        auth = OAuthClientProvider(url, metadata, self._memories[person], browser.open, browser.came_back)
        async with (
            httpx2.AsyncClient(auth=auth) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            yield client

    async def _status(self, http: httpx2.AsyncClient, access_token: str | None = None) -> int:
        """How a question with this token is answered; nothing is done about it."""
        headers = {"MCP-Protocol-Version": "2025-11-25"}
        if access_token is not None:
            headers["Authorization"] = f"Bearer {access_token}"
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        return (await http.post(self._url, json=body, headers=headers)).status_code

    @property
    def _url(self) -> str:
        return f"{self._stage.service.url}/mcp"


async def _ask(client: Client, **arguments: str) -> tuple[dict[str, object], float]:
    """One call of the tool: its structured answer (embedded files under ``_bodies``), and how long it took."""
    began_s = time.perf_counter()
    result = await client.call_tool("skillport", arguments)
    took_s = time.perf_counter() - began_s
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    resources = [block.resource for block in result.content if block.type == "resource"]
    bodies = [resource.text for resource in resources if hasattr(resource, "text")]
    return {**result.structured_content, "_bodies": bodies}, took_s


def _bodies(answer: Mapping[str, object]) -> list[str]:
    bodies = answer["_bodies"]
    assert isinstance(bodies, list)
    return bodies


def _rows(answer: Mapping[str, object], key: str) -> list[dict[str, object]]:
    rows = answer[key]
    assert isinstance(rows, list)
    return rows


def _snapshot(answer: Mapping[str, object]) -> dict[str, object]:
    snapshot = answer["snapshot"]
    assert isinstance(snapshot, dict)
    return snapshot


def _short(oid: object) -> str:
    return str(oid)[:10]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
