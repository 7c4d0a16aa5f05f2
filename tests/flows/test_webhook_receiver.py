"""The receiver over HTTP with the real ledger: what is taken is written down once, what is not taken leaves no trace."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import io
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
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

from skillport_sync.errors import Invalid
from skillport_sync.git.objects import ZERO_ID, CommitId
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.store.ledger import DeliveryState, Hint, LedgerEntry
from skillport_sync.store.state import StateStore
from webhooks.app import PATH, Receiver
from webhooks.intake import MIB, Limits
from webhooks.refusals import BODY_TOO_SLOW, METHOD_NOT_ALLOWED, RefusalLog
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

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self.state = state
        self.clock = clock
        self.watched = [Watched(ACME, "acme/skills", None, None)]
        self.woken: list[tuple[MarketplaceName, str]] = []
        self.client: aiohttp.ClientSession
        self.receiver: Receiver

    async def open(self, *, limits: Limits | None = None, secrets: tuple[bytes, ...] = (SECRET, OLD_SECRET)) -> None:
        self.receiver = Receiver(
            secrets=secrets,
            ledger=self.state,
            watched=lambda: self.watched,
            wake=lambda marketplace, cause: self.woken.append((marketplace, cause)),
            clock=self.clock,
            limits=limits,
        )
        app = web.Application()  # with aiohttp's own limit of 1 MiB, which must not matter
        app.add_routes(self.receiver.routes())
        # aiohttp's own test server cancels the handler of a sender that goes away; a real one does not.
        self.runner = web.AppRunner(app, access_log=None, lingering_time=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.host, self.port = self.runner.addresses[0]
        self.client = aiohttp.ClientSession(f"http://{self.host}:{self.port}")

    async def close(self) -> None:
        await self.client.close()
        await self.runner.cleanup()

    async def send(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        async with self.client.post(PATH, data=io.BytesIO(body), headers=dict(headers)) as response:
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
    return f"POST {PATH} HTTP/1.1\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in lines.items()) + b"\r\n"


@pytest.fixture
async def state(tmp_path: Path, clock: Clock) -> AsyncIterator[StateStore]:
    store = await StateStore.open(tmp_path / "state.db", clock=clock)
    yield store
    await store.close()


@asynccontextmanager
async def receiving(state: StateStore, clock: Clock, limits: Limits) -> AsyncIterator[Station]:
    """A station with limits that a test can reach."""
    station = Station(state, clock)
    await station.open(limits=limits)
    yield station
    await station.close()


@pytest.fixture
async def station(state: StateStore, clock: Clock) -> AsyncIterator[Station]:
    """Watches ``acme/skills``, whatever its default branch is. Knows two secrets."""
    async with receiving(state, clock, Limits()) as station:
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
    assert (entry.state, entry.marketplaces) == (DeliveryState.OWED, (ACME,))


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


async def test_a_delivery_of_an_enterprise_server_is_taken(station: Station, log_lines: list[EventDict]) -> None:
    body = orjson.dumps(push())
    ghes = {"X-GitHub-Enterprise-Host": "github.acme.example", "X-GitHub-Enterprise-Version": "3.19.0"}
    status, _ = await station.send(body, headers_for(body) | ghes)
    assert status == 202
    assert log_lines[-1]["host"] == "github.acme.example"


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


async def test_a_form_without_a_payload_is_refused_with_400(station: Station) -> None:
    headers = headers_for(b"x=1") | {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = await station.send(b"x=1", headers)
    assert (status, answer["code"]) == (400, "body_not_form")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_told_what_is_allowed(station: Station, method: str) -> None:
    async with station.client.request(method, PATH) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
        assert (await response.json())["code"] == "method_not_allowed"


async def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(station: Station) -> None:
    assert await station.raw(raw_head(**{"Content-Length": str(26 * MIB + 1)})) == 413


async def test_a_body_that_nobody_signed_is_not_waited_for(station: Station) -> None:
    assert await station.raw(raw_head(**{"X-Hub-Signature-256": "sha1=0", "Content-Length": "100"})) == 401


async def test_a_sender_is_told_not_to_send_the_rest(station: Station) -> None:
    body = b"x" * (4 * MIB)
    headers = headers_for(body) | {"X-Hub-Signature-256": "none"}
    async with station.client.post(PATH, data=io.BytesIO(body), headers=headers) as response:
        assert (response.status, response.headers["Connection"]) == (401, "close")


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_limit(state: StateStore, clock: Clock) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    async with receiving(state, clock, Limits(body_bytes=0x8000 * 2)) as station:
        assert await station.raw(raw_head(**{"Transfer-Encoding": "chunked"}), chunk, chunk, chunk) == 413
        assert station.receiver.held_bytes == 0


async def test_a_body_that_does_not_arrive_is_given_up(state: StateStore, clock: Clock) -> None:
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
    state: StateStore, clock: Clock
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
    state: StateStore, clock: Clock, secrets: tuple[bytes, ...]
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
    async with station.client.post(PATH, data=BODY, headers=headers_for(BODY)) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (await response.json())["code"] == "delivery_not_stored"


async def test_a_broken_ledger_is_never_a_500(station: Station, log_lines: list[EventDict]) -> None:
    await station.state._writer.run_alone(lambda connection: connection.execute("DROP TABLE deliveries").close())
    assert await station.deliver(push()) == (503, "delivery_not_stored")
    assert "no such table" in log_lines[-1]["cause"]
    assert station.woken == []


async def test_a_ledger_that_is_too_slow_is_answered_503_and_still_loses_nothing(
    station: Station, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        async with receiving(station.state, station.clock, Limits(record_deadline_s=0.05)) as hurried:
            assert await hurried.deliver(push(), guid="g") == (503, "delivery_not_stored")
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


async def test_a_flood_of_forgeries_leaves_no_row_and_hardly_a_line(
    station: Station, log_lines: list[EventDict]
) -> None:
    body = orjson.dumps(push())
    forged = headers_for(body) | {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    answers = await asyncio.gather(*(station.send(body, forged) for _ in range(300)))
    assert {status for status, _ in answers} == {401}
    assert await station.ledger() == []
    assert len(log_lines) <= 10  # one at once, then one a second


async def test_refusals_that_were_not_told_at_once_are_told_together() -> None:
    told = asyncio.Event()

    def notice(_logger: object, _method: str, event: EventDict) -> EventDict:
        if event["count"] > 1:
            told.set()
        return event

    refusals = RefusalLog(interval_s=0.01)
    with capture_logs(processors=[notice]) as lines:
        for refusal in (METHOD_NOT_ALLOWED, BODY_TOO_SLOW, METHOD_NOT_ALLOWED):
            refusals.add(refusal)
        async with asyncio.timeout(5):
            await told.wait()
    assert [(line["count"], line["codes"]) for line in lines] == [
        (1, {"method_not_allowed": 1}),
        (2, {"body_too_slow": 1, "method_not_allowed": 1}),
    ]


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
