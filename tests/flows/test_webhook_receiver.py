"""The receiver over HTTP with the real ledger: what is taken is written down once, what is not taken leaves no trace."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import io
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import aiohttp
import orjson
import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs
from structlog.typing import EventDict

from skillport_sync.config.settings import WEBHOOK_PATH
from skillport_sync.errors import Invalid
from skillport_sync.git.objects import ZERO_ID, CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.ledger import DeliveryState, Hint, LedgerEntry
from skillport_sync.store.repository_facts import RepositoryFacts
from skillport_sync.store.state import StateStore
from tests.flows.conftest import StillClock
from webhooks.app import Receiver
from webhooks.intake import MIB, Limits
from webhooks.verdict import Watched

ACME, BETA = MarketplaceName("acme"), MarketplaceName("beta")
SECRET, OLD_SECRET = b"It's a Secret to Everybody", b"what it was before"
A, B, C = CommitId("a" * 40), CommitId("b" * 40), CommitId("c" * 40)


def push(before: str = A, after: str = B, ref: str = "refs/heads/main", **changed: object) -> dict[str, object]:
    repository = {"id": 7, "full_name": "acme/skills", "default_branch": "main"}
    payload = {"ref": ref, "before": before, "after": after, "forced": False, "repository": repository, "commits": []}
    return payload | changed


def sign(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def headers_for(body: bytes, *, event: str = "push", guid: str | None = None) -> dict[str, str]:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid or str(uuid4()),
        "X-GitHub-Hook-ID": "42",
        "X-Hub-Signature-256": sign(body),
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/0000000",
    }


class Station:
    """A running receiver, its ledger, and the pulls it asked for."""

    def __init__(self, state: StateStore, clock: StillClock) -> None:
        self.state = state
        self.clock = clock
        self.watched = [Watched(ACME, "acme/skills", None, None)]
        self.judging_takes_s = 0.0
        self.turns = 0
        """Counted by whoever watches how the loop turns."""
        self.judged_in: list[int] = []
        self.woken: list[tuple[MarketplaceName, str]] = []
        self.heard: list[tuple[str, str]] = []
        self.client: aiohttp.ClientSession
        self.receiver: Receiver

    async def open(
        self,
        *,
        limits: Limits | None = None,
        secrets: tuple[bytes, ...] = (SECRET, OLD_SECRET),
        github_host: str = "github.com",
    ) -> None:
        self.receiver = Receiver(
            path=WEBHOOK_PATH,
            github_host=github_host,
            secrets=secrets,
            ledger=self.state,
            watched=self._watching,
            wake=lambda marketplace, cause: self.woken.append((marketplace, cause)),
            clock=self.clock,
            limits=limits,
            on_delivery=lambda event, outcome: self.heard.append((event, outcome)),
        )
        app = web.Application()  # with aiohttp's own limit of 1 MiB, which must not matter
        app.add_routes(self.receiver.routes())
        # aiohttp's own test server cancels the handler of a sender that goes away; a real one does not.
        self.runner = web.AppRunner(app, access_log=None, lingering_time=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.host, self.port = self.runner.addresses[0]
        self.client = aiohttp.ClientSession(f"http://{self.host}:{self.port}")

    def _watching(self) -> Sequence[Watched]:
        self.clock.advance(self.judging_takes_s)
        self.judged_in.append(self.turns)
        return self.watched

    async def close(self) -> None:
        await self.client.close()
        await self.runner.cleanup()

    async def send(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        async with self.client.post(WEBHOOK_PATH, data=io.BytesIO(body), headers=dict(headers)) as response:
            return response.status, orjson.loads(await response.read())

    async def deliver(self, payload: object, *, event: str = "push", guid: str | None = None) -> tuple[int, str]:
        """Status and the answer's ``status``, or ``code``."""
        body = orjson.dumps(payload)
        status, answer = await self.send(body, headers_for(body, event=event, guid=guid))
        return status, answer.get("status") or answer["code"]

    async def ledger(self) -> list[LedgerEntry]:
        return await self.state.recent_deliveries(100_000)

    @asynccontextmanager
    async def begun(self, size_bytes: int, part: bytes) -> AsyncIterator[asyncio.StreamWriter]:
        """A delivery that is under way: ``part`` of its body has been read."""
        before_bytes = self.receiver.held_bytes
        _, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(raw_head(**{"Content-Length": str(size_bytes)}) + part)
        await self.until_held(before_bytes + len(part))
        yield writer
        writer.close()

    async def until_held(self, held_bytes: int) -> None:
        async with asyncio.timeout(10):
            while self.receiver.held_bytes != held_bytes:
                await self.deliver({}, event="star")  # whatever the others wait for happens on the way

    async def raw(self, *parts: bytes) -> int:
        """The status that these bytes get from a fresh connection."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            for part in parts:
                writer.write(part)
            async with asyncio.timeout(10):
                return int((await reader.readline()).split()[1])
        finally:
            writer.close()


def raw_head(**headers: str) -> bytes:
    lines = {"Host": "x", **headers_for(b"never sent whole"), **headers}
    return (
        f"POST {WEBHOOK_PATH} HTTP/1.1\r\n".encode()
        + b"".join(f"{k}: {v}\r\n".encode() for k, v in lines.items())
        + b"\r\n"
    )


@pytest.fixture
async def state(tmp_path: Path, clock: StillClock) -> AsyncIterator[StateStore]:
    store = await StateStore.open(tmp_path / "state.db", clock=clock)
    yield store
    await store.close()


@asynccontextmanager
async def receiving(
    state: StateStore, clock: StillClock, limits: Limits | None, *, github_host: str = "github.com"
) -> AsyncIterator[Station]:
    """A station with limits that a test can reach."""
    station = Station(state, clock)
    await station.open(limits=limits, github_host=github_host)
    yield station
    await station.close()


@pytest.fixture
async def station(state: StateStore, clock: StillClock) -> AsyncIterator[Station]:
    """Watches ``acme/skills``, whatever its default branch is. Knows two secrets."""
    async with receiving(state, clock, None) as station:
        yield station


@pytest.fixture
def log_lines() -> Iterator[list[EventDict]]:
    """What is logged at info and above, whatever the tests are configured to show."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with capture_logs() as lines:
        yield lines
    structlog.configure(**before)


# --- what is taken ------------------------------------------------------------------------------------------------------


async def test_a_push_is_written_down_with_its_hint_and_a_pull_is_asked_for(station: Station) -> None:
    assert await station.deliver(push(A, B)) == (202, "accepted")
    owed = await station.state.owed(ACME)
    assert owed.is_owed
    assert owed.hints == (Hint(A, B, "refs/heads/main", False, station.clock.now()),)
    assert station.woken == [(ACME, "push")]


async def test_the_answer_says_what_follows_from_which_delivery(station: Station) -> None:
    headers = headers_for(BODY, guid="a-guid")
    async with station.client.post("/webhooks/github", data=BODY, headers=headers) as response:
        assert (response.status, response.headers["Content-Type"]) == (202, "application/json")
        assert await response.json() == {"status": "accepted", "reason": "push", "delivery": "a-guid"}
        assert response.headers.get("Connection") != "close"


async def test_a_form_delivery_is_taken_as_its_raw_body_is_signed(station: Station) -> None:
    body = b"payload=" + quote_plus(orjson.dumps(push(A, B))).encode()
    headers = headers_for(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = await station.send(body, headers)
    assert (status, answer["status"]) == (202, "accepted")
    assert [(hint.before, hint.after) for hint in (await station.state.owed(ACME)).hints] == [(A, B)]


async def test_a_delivery_is_in_the_ledger_as_it_said(station: Station) -> None:
    await station.deliver(push(A, B, forced=True), guid="11111111-2222-3333-4444-555555555555")
    (entry,) = await station.ledger()
    facts = entry.delivery
    assert (facts.guid, facts.hook_id, facts.event) == ("11111111-2222-3333-4444-555555555555", 42, "push")
    assert (facts.repository_id, facts.repository, facts.ref, facts.forced) == (
        7,
        "acme/skills",
        "refs/heads/main",
        True,
    )
    assert (facts.before, facts.after, facts.action) == (A, B, None)
    assert (entry.state, entry.marketplaces) == (DeliveryState.OWED, (ACME,))


async def test_what_is_no_hint_leaves_nothing_in_the_ledger_that_a_pull_might_try(station: Station) -> None:
    await station.deliver(push(A, B, "refs/heads/feature", forced=True), guid="1")
    await station.deliver({"action": "archived", "repository": {"full_name": "acme/skills"}}, event="repository")
    other, feature = (entry.delivery for entry in await station.ledger())
    assert (feature.ref, feature.before, feature.after, feature.forced) == ("refs/heads/feature", None, None, False)
    assert (other.action, other.ref, other.forced) == ("archived", None, False)


async def test_of_a_delivery_the_log_says_everything_but_what_is_private(
    station: Station, log_lines: list[EventDict]
) -> None:
    station.watched.append(Watched(BETA, "acme/skills", None, None, "source"))
    station.judging_takes_s = 0.01234
    body = orjson.dumps(push(action="sent"))
    await station.send(body, headers_for(body, guid="g"))
    assert log_lines == [
        {
            "event": "delivery_recorded",
            "log_level": "info",
            "status": "accepted",
            "reason": "push",
            "github_event": "push",
            "action": "sent",
            "repository": "acme/skills",
            "marketplaces": [ACME],
            "source_of": [BETA],
            "warnings": [],
            "guid": "g",
            "hook_id": 42,
            "host": None,
            "signed_with": "current",
            "duration_ms": 12.3,
        }
    ]


async def test_of_an_ignored_delivery_the_log_names_nobody(station: Station, log_lines: list[EventDict]) -> None:
    await station.deliver(push(), event="star")
    (line,) = log_lines
    assert (line["log_level"], line["status"], line["reason"]) == ("info", "ignored", "unknown_event")
    assert (line["marketplaces"], line["source_of"], line["warnings"], line["duration_ms"]) == ([], [], [], 0.0)


async def test_whoever_counts_hears_of_every_delivery_once(station: Station) -> None:
    await station.deliver(push(), guid="g")
    await station.deliver(push(), guid="g")
    await station.deliver({}, event="ping")
    await station.deliver({}, event="star")
    await station.send(BODY, headers_for(BODY, event="public") | {"X-Hub-Signature-256": sign(BODY, b"guessed")})
    await station.send(BODY, headers_for(BODY) | {"X-Hub-Signature-256": "none"})
    async with station.client.get(WEBHOOK_PATH):
        pass
    assert station.heard == [
        ("push", "accepted"),
        ("push", "duplicate"),
        ("ping", "noted"),
        ("star", "ignored"),
        ("public", "signature_mismatch"),
        ("", "signature_malformed"),
        ("", "method_not_allowed"),
    ]


@pytest.mark.parametrize(("size_bytes", "goes_to_a_thread"), [(32_768, False), (32_769, True)])
async def test_a_body_above_32_kib_is_hashed_beside_the_loop(
    station: Station, size_bytes: int, goes_to_a_thread: bool
) -> None:
    class Counting(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            self.submitted += 1
            return super().submit(*args, **kwargs)

    beside = Counting()
    asyncio.get_running_loop().set_default_executor(beside)
    body = orjson.dumps(push(filler=""))
    body = body.replace(b'"filler":""', b'"filler":"%b"' % (b"x" * (size_bytes - len(body))))
    assert len(body) == size_bytes
    status, answer = await station.send(body, headers_for(body))
    assert (status, answer["status"]) == (202, "accepted")
    assert beside.submitted == goes_to_a_thread


async def test_both_secrets_of_a_rotation_are_taken_and_the_log_tells_which(
    station: Station, log_lines: list[EventDict]
) -> None:
    body = orjson.dumps(push())
    for secret in (SECRET, OLD_SECRET):
        status, _ = await station.send(body, headers_for(body) | {"X-Hub-Signature-256": sign(body, secret)})
        assert status == 202
    assert [(line["event"], line["signed_with"]) for line in log_lines] == [
        ("delivery_recorded", "current"),
        ("delivery_recorded", "previous"),
    ]


async def test_a_body_larger_than_aiohttps_own_limit_is_taken(station: Station) -> None:
    assert await station.deliver(push(commits=[{"message": "x" * 1_000}] * 3_000)) == (202, "accepted")


async def test_a_delivery_of_an_enterprise_server_is_taken_where_that_one_delivers_to(
    state: StateStore, clock: StillClock, log_lines: list[EventDict]
) -> None:
    body = orjson.dumps(push())
    ghes = {"X-GitHub-Enterprise-Host": "GitHub.acme.example", "X-GitHub-Enterprise-Version": "3.19.0"}
    async with receiving(state, clock, None, github_host="github.acme.example") as station:
        status, _ = await station.send(body, headers_for(body) | ghes)
        assert status == 202
        assert log_lines[-1]["host"] == "github.acme.example"
        # Some proxies take away headers that they do not know.
        assert (await station.send(body, headers_for(body)))[0] == 202


async def test_a_delivery_of_another_github_is_refused_before_it_is_read(station: Station) -> None:
    body = orjson.dumps(push())
    status, answer = await station.send(body, headers_for(body) | {"X-GitHub-Enterprise-Host": "github.acme.example"})
    assert (status, answer["code"]) == (400, "other_github")
    assert not await station.ledger()


@pytest.mark.parametrize(
    ("event", "payload", "status", "kept_as"),
    [
        ("push", push(ref="refs/tags/v1"), "ignored", DeliveryState.IGNORED),
        ("push", push(ref="refs/heads/feature"), "ignored", DeliveryState.IGNORED),
        ("push", push(B, ZERO_ID, deleted=True), "accepted", DeliveryState.OWED),
        ("push", push(repository={"id": 8, "full_name": "other/repo"}), "noted", DeliveryState.NOTED),
        ("push", {}, "noted", DeliveryState.NOTED),
        ("ping", {"hook": {"events": ["*"]}}, "noted", DeliveryState.NOTED),
        ("star", push(action="created"), "ignored", DeliveryState.IGNORED),
        ("an_event_of_next_year", {}, "ignored", DeliveryState.IGNORED),
    ],
)
async def test_whatever_github_sends_is_answered_202_and_written_down(
    station: Station, event: str, payload: object, status: str, kept_as: DeliveryState
) -> None:
    assert await station.deliver(payload, event=event) == (202, status)
    assert [entry.state for entry in await station.ledger()] == [kept_as]
    assert station.woken == ([(ACME, "push")] if status == "accepted" else [])


async def test_only_a_hint_that_may_be_tried_reaches_the_pull(station: Station) -> None:
    await station.deliver(push(A, B, repository={"full_name": "acme/skills"}))
    owed = await station.state.owed(ACME)
    assert (owed.is_owed, owed.hints) == (True, ())


async def test_a_rename_is_noted_and_pulled(station: Station) -> None:
    payload = {
        "action": "renamed",
        "changes": {"repository": {"name": {"from": "skills"}}},
        "repository": {"id": 7, "full_name": "acme/toolbox", "default_branch": "main"},
    }
    assert await station.deliver(payload, event="repository") == (202, "accepted")
    assert (await station.state.repository_facts(ACME)).renamed_to == "acme/toolbox"
    assert station.woken == [(ACME, "repository")]


async def test_an_archived_repository_and_a_deleted_webhook_are_noted(station: Station) -> None:
    repository = {"id": 7, "full_name": "acme/skills"}
    await station.deliver({"action": "archived", "repository": repository}, event="repository")
    await station.deliver({"action": "deleted", "repository": repository}, event="meta")
    facts = await station.state.repository_facts(ACME)
    assert (facts.archived, facts.hook_deleted) == (True, True)
    await station.deliver({"repository": repository, "hook": {}}, event="ping")
    assert (await station.state.repository_facts(ACME)).hook_deleted is False


@pytest.mark.parametrize(
    ("event", "payload", "facts"),
    [
        ("repository", {"action": "transferred"}, RepositoryFacts(renamed_to="acme/skills")),
        ("repository", {"action": "unarchived"}, RepositoryFacts(archived=False)),
        ("repository", {"action": "privatized"}, RepositoryFacts(visibility="private")),
        ("repository", {"action": "deleted"}, RepositoryFacts(deleted=True)),
        ("public", {}, RepositoryFacts(visibility="public")),
        (
            "repository",
            {"action": "edited", "changes": {"default_branch": {"from": "master"}}},
            RepositoryFacts(default_branch="main"),
        ),
        ("meta", {"action": "deleted"}, RepositoryFacts(hook_deleted=True)),
        (
            "installation",
            {"action": "suspend", "installation": {"account": {"login": "acme"}}},
            RepositoryFacts(installation_state="suspended"),
        ),
    ],
)
async def test_what_is_now_true_of_a_repository_is_noted_as_said_and_nothing_else(
    station: Station, event: str, payload: dict[str, object], facts: RepositoryFacts
) -> None:
    repository = {"id": 7, "full_name": "acme/skills", "default_branch": "main"}
    await station.deliver(payload | {"repository": repository}, event=event)
    assert await station.state.repository_facts(ACME) == facts


async def test_every_marketplace_of_one_repository_is_owed_a_pull_and_woken(station: Station) -> None:
    station.watched.append(Watched(BETA, "acme/skills", None, "main"))
    assert await station.deliver(push(A, B)) == (202, "accepted")
    assert station.woken == [(ACME, "push"), (BETA, "push")]
    for marketplace in (ACME, BETA):
        owed = await station.state.owed(marketplace)
        assert (owed.is_owed, [hint.after for hint in owed.hints]) == (True, [B])


async def test_a_push_to_a_source_is_owed_to_everybody_who_takes_plugins_from_it(
    station: Station, log_lines: list[EventDict]
) -> None:
    station.watched += [
        Watched(BETA, "beta/skills", None, None),
        *(Watched(name, "tools/all", None, "v1", "source") for name in (ACME, BETA)),
    ]
    pushed = push(A, B, "refs/tags/v1", repository={"id": 9, "full_name": "Tools/All", "default_branch": "main"})
    assert await station.deliver(pushed) == (202, "accepted")
    assert station.woken == [(ACME, "source_push"), (BETA, "source_push")]
    for marketplace in (ACME, BETA):
        owed = await station.state.owed(marketplace)
        assert (owed.is_owed, owed.cause, owed.hints) == (True, "source_push", ())
    (entry,) = await station.ledger()
    assert (entry.delivery.before, entry.delivery.after) == (None, None), "no head from a push to a source"
    assert (log_lines[-1]["marketplaces"], log_lines[-1]["source_of"]) == ([], [ACME, BETA])


async def test_a_source_that_somebody_is_mirrored_from_is_a_hint_to_the_latter_only(station: Station) -> None:
    station.watched.append(Watched(BETA, "acme/skills", None, None, "source"))
    await station.deliver(push(A, B))
    assert station.woken == [(ACME, "push"), (BETA, "source_push")]
    assert [hint.after for hint in (await station.state.owed(ACME)).hints] == [B]
    assert (await station.state.owed(BETA)).hints == ()


async def test_what_is_true_of_a_source_is_not_noted_of_its_users(station: Station) -> None:
    station.watched.append(Watched(BETA, "acme/skills", None, None, "source"))
    repository = {"id": 7, "full_name": "acme/skills"}
    for action in ("archived", "privatized"):
        await station.deliver({"action": action, "repository": repository}, event="repository")
    assert (await station.state.repository_facts(ACME)).visibility == "private"
    assert (await station.state.repository_facts(BETA)).visibility is None
    assert station.woken == [(BETA, "source_repository")]


async def test_whoever_need_only_know_is_in_the_ledger_beside_those_who_look(station: Station) -> None:
    station.watched.append(Watched(BETA, "acme/skills", None, None, "source"))
    repository = {"id": 7, "full_name": "acme/skills"}
    for action in ("archived", "privatized"):
        await station.deliver({"action": action, "repository": repository}, event="repository")
    privatized, archived = await station.ledger()
    assert [one.state for one in archived.settlements] == [DeliveryState.NOTED, DeliveryState.NOTED]
    assert [(one.marketplace, one.state) for one in privatized.settlements] == [
        (ACME, DeliveryState.NOTED),
        (BETA, DeliveryState.OWED),
    ]


async def test_who_is_both_mirrored_and_takes_plugins_looks_and_is_not_merely_told(station: Station) -> None:
    station.watched.append(Watched(ACME, "acme/skills", None, None, "source"))
    payload = {"action": "privatized", "repository": {"id": 7, "full_name": "acme/skills"}}
    assert await station.deliver(payload, event="repository") == (202, "accepted")
    (entry,) = await station.ledger()
    assert [(one.marketplace, one.state) for one in entry.settlements] == [(ACME, DeliveryState.OWED)]
    assert station.woken == [(ACME, "source_repository")]


async def test_a_source_that_turns_public_is_a_warning(station: Station, log_lines: list[EventDict]) -> None:
    station.watched = [Watched(ACME, "tools/all", None, None, "source")]
    payload = {"action": "publicized", "repository": {"id": 9, "full_name": "tools/all"}}
    assert await station.deliver(payload, event="repository") == (202, "noted")
    assert (log_lines[-1]["log_level"], log_lines[-1]["warnings"]) == ("warning", ["source_publicized"])
    assert not (await station.state.owed(ACME)).is_owed


# --- redelivery ---------------------------------------------------------------------------------------------------------


async def test_a_redelivery_of_what_is_owed_or_done_does_nothing(station: Station) -> None:
    assert await station.deliver(push(), guid="g") == (202, "accepted")
    assert await station.deliver(push(), guid="g") == (202, "duplicate")
    await station.state.settle(ACME, (await station.state.owed(ACME)).want, B)
    assert await station.deliver(push(), guid="g") == (202, "duplicate")
    assert station.woken == [(ACME, "push")]
    assert not (await station.state.owed(ACME)).is_owed
    assert [entry.redelivered for entry in await station.ledger()] == [2]


async def test_a_redelivery_of_what_failed_runs_again(station: Station) -> None:
    await station.deliver(push(), guid="g")
    await station.state.fail(ACME, (await station.state.owed(ACME)).want, "GitHub is down")
    assert await station.deliver(push(), guid="g") == (202, "accepted")
    assert station.woken == [(ACME, "push")] * 2
    assert [entry.state for entry in await station.ledger()] == [DeliveryState.OWED]


async def test_a_redelivery_wakes_only_whose_pull_failed(station: Station) -> None:
    station.watched.append(Watched(BETA, "acme/skills", None, "main"))
    await station.deliver(push(), guid="g")
    await station.state.settle(ACME, 1, B)
    await station.state.fail(BETA, 1, "GitHub is down")
    station.woken.clear()
    assert await station.deliver(push(), guid="g") == (202, "accepted")
    assert station.woken == [(BETA, "push")]
    assert not (await station.state.owed(ACME)).is_owed


async def test_a_redelivery_counts_once_its_repository_is_mirrored(station: Station) -> None:
    station.watched.clear()
    assert await station.deliver(push(), guid="g") == (202, "noted")
    station.watched.append(Watched(ACME, "acme/skills", None, None))
    assert await station.deliver(push(), guid="g") == (202, "accepted")


async def test_two_webhooks_that_tell_of_the_same_push_ask_for_one_pull(station: Station) -> None:
    body = orjson.dumps(push())
    answers = await asyncio.gather(
        *(station.send(body, headers_for(body, guid="g") | {"X-GitHub-Hook-ID": hook}) for hook in ("1", "2"))
    )
    assert sorted(answer["status"] for _, answer in answers) == ["accepted", "duplicate"]
    assert station.woken == [(ACME, "push")]


# --- what is refused ----------------------------------------------------------------------------------------------------

BODY = orjson.dumps(push())


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"X-GitHub-Event": None}, 400, "event_header_missing"),
        ({"X-GitHub-Event": "not an event"}, 400, "event_header_missing"),
        ({"X-GitHub-Delivery": None}, 400, "delivery_header_missing"),
        ({"X-GitHub-Delivery": "../../etc"}, 400, "delivery_header_missing"),
        ({"Content-Type": "text/plain"}, 415, "content_type_unsupported"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, 415, "content_type_unsupported"),
        ({"Content-Encoding": "gzip"}, 415, "content_encoding_unsupported"),
        ({"X-Hub-Signature-256": None}, 401, "signature_missing"),
        ({"X-Hub-Signature-256": None, "X-Hub-Signature": "sha1=" + "0" * 40}, 401, "signature_missing"),
        ({"X-Hub-Signature-256": sign(BODY)[:-1]}, 401, "signature_malformed"),
        ({"X-Hub-Signature-256": "sha256=" + "é" * 64}, 401, "signature_malformed"),
        ({"X-Hub-Signature-256": sign(BODY, b"guessed")}, 401, "signature_mismatch"),
        ({"X-Hub-Signature-256": sign(BODY + b" ")}, 401, "signature_mismatch"),
    ],
)
async def test_a_request_that_github_would_not_send_is_refused_without_a_trace(
    station: Station, changed: dict[str, str | None], status: int, code: str
) -> None:
    headers = {name: value for name, value in {**headers_for(BODY), **changed}.items() if value is not None}
    body = gzip.compress(BODY) if "Content-Encoding" in changed else BODY
    got, answer = await station.send(body, headers)
    assert (got, answer["code"]) == (status, code)
    assert set(answer) == {"error", "message", "code"}
    assert await station.ledger() == []
    assert station.woken == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_not_json"),
        (b"not json", "body_not_json"),
        (b"\xff\xfe\x00", "body_not_json"),
        (b'{"ref": NaN}', "body_not_json"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "body_not_json"),
        (b"[" * 5_000_000, "body_not_json"),
        (b"[1, 2]", "body_not_an_object"),
        (b'"push"', "body_not_an_object"),
    ],
    ids=["empty", "text", "bytes", "nan", "deep", "deeper", "array", "string"],
)
async def test_a_signed_body_that_says_nothing_is_refused_with_400(station: Station, body: bytes, code: str) -> None:
    status, answer = await station.send(body, headers_for(body))
    assert (status, answer["code"]) == (400, code)
    assert await station.ledger() == []


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
async def test_an_encoding_that_changes_nothing_is_none(station: Station, encoding: str) -> None:
    status, _ = await station.send(BODY, headers_for(BODY) | {"Content-Encoding": encoding})
    assert status == 202


async def test_a_refusal_is_json_and_a_sender_who_sent_all_keeps_the_connection(station: Station) -> None:
    headers = headers_for(BODY) | {"X-Hub-Signature-256": sign(BODY, b"guessed")}
    async with station.client.post(WEBHOOK_PATH, data=BODY, headers=headers) as response:
        assert (response.status, response.headers["Content-Type"]) == (401, "application/json")
        assert response.headers.get("Connection") != "close"
        assert await response.json() == {
            "error": "Unauthenticated",
            "message": "The signature does not match. The webhook's secret and the one configured here differ.",
            "code": "signature_mismatch",
        }


async def test_a_refusal_names_the_delivery_in_the_log_once_its_headers_are_read(
    station: Station, log_lines: list[EventDict]
) -> None:
    await station.send(BODY, headers_for(BODY, guid="g") | {"X-Hub-Signature-256": sign(BODY, b"guessed")})
    (line,) = log_lines
    assert (line["codes"], line["github_event"], line["guid"]) == ({"signature_mismatch": 1}, "push", "g")


async def test_a_form_without_a_payload_is_refused_with_400(station: Station) -> None:
    headers = headers_for(b"x=1") | {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = await station.send(b"x=1", headers)
    assert (status, answer["code"]) == (400, "body_not_form")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_told_what_is_allowed(station: Station, method: str) -> None:
    async with station.client.request(method, WEBHOOK_PATH) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
        assert (await response.json())["code"] == "method_not_allowed"


async def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(station: Station) -> None:
    assert await station.raw(raw_head(**{"Content-Length": str(26 * MIB + 1)})) == 413


@pytest.mark.parametrize(("spare_bytes", "status"), [(0, 202), (-1, 413)])
async def test_a_body_may_be_as_large_as_the_limit(
    state: StateStore, clock: StillClock, spare_bytes: int, status: int
) -> None:
    async with receiving(state, clock, Limits(body_bytes=len(BODY) + spare_bytes)) as station:
        assert (await station.send(BODY, headers_for(BODY)))[0] == status


async def test_a_body_that_nobody_signed_is_not_waited_for(station: Station) -> None:
    assert await station.raw(raw_head(**{"X-Hub-Signature-256": "sha1=0", "Content-Length": "100"})) == 401


async def test_a_sender_is_told_not_to_send_the_rest(station: Station) -> None:
    body = b"x" * (4 * MIB)
    headers = headers_for(body) | {"X-Hub-Signature-256": "none"}
    async with station.client.post(WEBHOOK_PATH, data=io.BytesIO(body), headers=headers) as response:
        assert (response.status, response.headers["Connection"]) == (401, "close")


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_limit(
    state: StateStore, clock: StillClock
) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    async with receiving(state, clock, Limits(body_bytes=0x8000 * 2)) as station:
        assert await station.raw(raw_head(**{"Transfer-Encoding": "chunked"}), chunk, chunk, chunk) == 413
        assert station.receiver.held_bytes == 0


async def test_a_body_that_does_not_arrive_is_given_up(state: StateStore, clock: StillClock) -> None:
    async with receiving(state, clock, Limits(body_deadline_s=0.1)) as station:
        assert await station.raw(raw_head(**{"Content-Length": "100"}), b'{"ref":') == 408
        assert station.receiver.held_bytes == 0


async def test_broken_framing_is_refused_and_not_waited_for(station: Station) -> None:
    assert await station.raw(raw_head(**{"Transfer-Encoding": "chunked"}), b"zz\r\nno chunk\r\n") == 400


async def test_a_sender_that_goes_away_in_the_middle_leaves_nothing_behind(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    async with station.begun(1_000, b"x" * 100) as writer:
        writer.close()
        await station.until_held(0)
    assert await station.deliver(push()) == (202, "accepted")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert [entry.delivery.event for entry in await station.ledger() if entry.delivery.event != "star"] == ["push"]


async def test_bodies_that_hold_too_much_together_are_put_off_and_small_ones_still_get_through(
    state: StateStore, clock: StillClock
) -> None:
    part = b"x" * (3 * MIB // 2 - 1)  # two of them are just below three quarters of what all may hold
    async with receiving(state, clock, Limits(body_bytes=4 * MIB, held_bytes=4 * MIB)) as station:
        async with station.begun(4 * MIB, part), station.begun(4 * MIB, part):
            big = b"x" * (2 * MIB)
            status, answer = await station.send(big, headers_for(big))
            assert (status, answer["code"]) == (503, "receiver_busy")
            assert await station.deliver(push()) == (202, "accepted")
        await station.until_held(0)


@pytest.mark.parametrize("secrets", [(), (b"",), (SECRET, b"")])
async def test_there_is_no_receiver_without_a_secret(
    state: StateStore, clock: StillClock, secrets: tuple[bytes, ...]
) -> None:
    with pytest.raises(Invalid):
        await Station(state, clock).open(secrets=secrets)


# --- when it cannot be written down -----------------------------------------------------------------------------------------


async def test_a_full_disk_is_answered_503_and_the_redelivery_is_taken(station: Station) -> None:
    def pages(connection: sqlite3.Connection, most: int) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    await station.state._writer.run_alone(pages, 1)  # SQLite takes the present size for the least
    taken = 0
    while (answer := await station.deliver(push(commits=taken), guid=f"g-{taken}"))[0] == 202:
        taken += 1
    assert answer == (503, "delivery_not_stored")
    assert (await station.deliver(push(), guid=f"g-{taken}"))[0] == 503
    assert len(station.woken) == len(await station.ledger()) == taken
    await station.state._writer.run_alone(pages, 100_000)
    assert await station.deliver(push(), guid=f"g-{taken}") == (202, "accepted")


async def test_503_says_when_to_come_back(station: Station) -> None:
    await station.state.close()
    async with station.client.post(WEBHOOK_PATH, data=BODY, headers=headers_for(BODY)) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (await response.json())["code"] == "delivery_not_stored"


@pytest.mark.parametrize(
    ("statement", "kind", "cause"),
    [
        ("DROP TABLE deliveries", "Broken", "no such table: deliveries"),
        (
            "CREATE TRIGGER odd BEFORE INSERT ON deliveries BEGIN SELECT raise(ABORT, 'odd'); END",
            "IntegrityError",
            "odd",
        ),
    ],
    ids=["ours", "of SQLite"],
)
async def test_a_broken_ledger_is_never_a_500(
    station: Station, log_lines: list[EventDict], statement: str, kind: str, cause: str
) -> None:
    await station.state._writer.run_alone(lambda connection: connection.execute(statement).close())
    assert await station.deliver(push()) == (503, "delivery_not_stored")
    (line,) = log_lines
    assert line["cause"].startswith(f"{kind}: ")
    assert line["cause"].endswith(cause)
    assert station.woken == []


async def test_a_ledger_that_is_too_slow_is_answered_503_and_still_loses_nothing(
    station: Station, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        async with receiving(station.state, station.clock, Limits(record_deadline_s=0.05)) as hurried:
            assert await hurried.deliver(push(), guid="g") == (503, "delivery_not_stored")
            assert await hurried.deliver(push(), event="meta") == (503, "delivery_not_stored")
            assert hurried.woken == [(ACME, "push")]
        other.execute("COMMIT")
    finally:
        other.close()
    assert await station.deliver(push(), guid="g") == (202, "duplicate")
    assert (await station.state.owed(ACME)).is_owed


# --- many at once -------------------------------------------------------------------------------------------------------


async def test_a_burst_is_written_down_whole(station: Station) -> None:
    answers = await asyncio.gather(*(station.deliver(push(), guid=f"g-{number}") for number in range(500)))
    assert answers == [(202, "accepted")] * 500
    assert len(await station.ledger()) == 500
    assert (await station.state.owed(ACME)).want == 500


async def test_deliveries_that_become_ready_in_one_turn_of_the_loop_are_judged_in_turns_of_their_own(
    station: Station,
) -> None:
    async def count() -> None:
        while True:
            station.turns += 1
            await asyncio.sleep(0)

    head = raw_head(**{"X-Hub-Signature-256": sign(BODY), "Content-Length": str(len(BODY))})
    connections = [await asyncio.open_connection(station.host, station.port) for _ in range(8)]
    for _, writer in connections:
        writer.write(head + BODY[:-1])
    async with asyncio.timeout(10):
        await station.until_held(8 * (len(BODY) - 1))
        station.judged_in.clear()
        counting = asyncio.ensure_future(count())
        for _, writer in connections:
            writer.write(BODY[-1:])
        for reader, writer in connections:
            assert (await reader.readline()).split()[1] == b"202"
            writer.close()
    counting.cancel()
    assert len(station.judged_in) == len(set(station.judged_in)) == 8


async def test_a_flood_of_forgeries_leaves_no_row_and_hardly_a_line(
    station: Station, log_lines: list[EventDict]
) -> None:
    body = orjson.dumps(push())
    forged = headers_for(body) | {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    answers = await asyncio.gather(*(station.send(body, forged) for _ in range(300)))
    assert {status for status, _ in answers} == {401}
    assert await station.ledger() == []
    assert len(log_lines) <= 10  # one at once, then one a second


async def test_no_line_of_log_holds_a_body_a_signature_or_a_secret(
    station: Station, log_lines: list[EventDict]
) -> None:
    body = orjson.dumps(push(commits=[{"message": "launch codes"}]))
    await station.send(body, headers_for(body))
    await station.send(body, headers_for(body) | {"X-Hub-Signature-256": sign(body, b"guessed")})
    await station.send(body + b"}", headers_for(body + b"}"))
    assert [line["event"] for line in log_lines] == ["delivery_recorded", "deliveries_refused"]
    for private in ("launch codes", sign(body).removeprefix("sha256="), SECRET.decode(), OLD_SECRET.decode()):
        assert private not in repr(log_lines)
