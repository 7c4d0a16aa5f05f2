"""Every sample payload that GitHub's own collection holds, signed and delivered to the real receiver, as JSON and as a form."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from skillport_sync.clock import SystemClock
from skillport_sync.config.settings import WEBHOOK_PATH
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.ledger import DeliveryState
from skillport_sync.store.state import StateStore
from webhooks.app import Receiver
from webhooks.judgement import Watched

PAYLOADS = Path(os.environ.get("SKILLPORT_SHARED", Path(__file__).parents[3] / "shared")) / "github" / "payloads"
FILES = sorted(PAYLOADS.rglob("*.json"))
SECRET = b"It's a Secret to Everybody"
REPOSITORIES = ("Codertocat/Hello-World", "Codertocat/Space", "Octocoders/Hello-World", "octocat/Hello-World")
"""All that the samples are about."""

EXPECTED = {
    ("create", None): ("ignored", "told_by_push"),
    ("delete", None): ("ignored", "told_by_push"),
    ("installation", "created"): ("accepted", "installation_created"),
    ("installation", "deleted"): ("noted", "installation_deleted"),
    ("installation", "new_permissions_accepted"): ("accepted", "installation_new_permissions_accepted"),
    ("installation", "suspend"): ("noted", "installation_suspend"),
    ("installation", "unsuspend"): ("accepted", "installation_unsuspend"),
    ("installation_repositories", "added"): ("accepted", "installation_added"),
    ("installation_repositories", "removed"): ("noted", "installation_removed"),
    ("meta", "deleted"): ("noted", "webhook_deleted"),
    ("ping", None): ("noted", "ping"),
    ("public", None): ("noted", "repository_publicized"),
    ("push", "heads"): ("accepted", "push"),
    ("push", "tags"): ("ignored", "tag_pushed"),
    ("repository", "created"): ("accepted", "repository_created"),
    ("repository", "deleted"): ("accepted", "repository_deleted"),
    ("repository", "edited"): ("ignored", "repository_edited"),
    ("repository", "default_branch"): ("accepted", "default_branch_changed"),
    ("repository", "privatized"): ("noted", "repository_privatized"),
    ("repository", "publicized"): ("noted", "repository_publicized"),
    ("repository", "renamed"): ("accepted", "repository_renamed"),
    ("repository", "transferred"): ("accepted", "repository_transferred"),
}
STATES = {"accepted": DeliveryState.OWED, "noted": DeliveryState.NOTED, "ignored": DeliveryState.IGNORED}

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"GitHub's sample payloads are not at {PAYLOADS}; set SKILLPORT_SHARED to where they are"
)


def event_of(path: Path) -> str:
    """Folders are named after events; in the collection of one file an event the files are."""
    return path.stem if path.parent.name == "npm-index-extra" else path.parent.name


def read(path: Path) -> bytes:
    return path.read_bytes()


def kind_of(path: Path) -> tuple[str, str | None]:
    event, payload = event_of(path), json.loads(read(path))
    if event == "push":
        return event, payload["ref"].split("/")[1]
    if "default_branch" in payload.get("changes", {}):
        return event, "default_branch"
    return event, payload.get("action")


class Delivering:
    """A receiver that watches every repository of the samples, all under names, and its ledger."""

    def __init__(self, client: TestClient[web.Request, web.Application], state: StateStore, woken: list[str]) -> None:
        self.client = client
        self.state = state
        self.woken = woken

    async def deliver(self, path: Path, content: bytes, *, as_form: bool) -> tuple[str, str]:
        body = urlencode({"payload": content.decode()}).encode() if as_form else content
        headers = {
            "X-GitHub-Event": event_of(path),
            "X-GitHub-Delivery": "form" if as_form else "json",
            "X-GitHub-Hook-ID": "109948940",
            "X-Hub-Signature-256": "sha256=" + hmac.digest(SECRET, body, "sha256").hex(),
            "Content-Type": "application/x-www-form-urlencoded" if as_form else "application/json",
        }
        if path.is_relative_to(PAYLOADS / "ghes-35"):
            headers |= {"X-GitHub-Enterprise-Host": "octocoders.github.io", "X-GitHub-Enterprise-Version": "3.5.0"}
        async with self.client.post(WEBHOOK_PATH, data=body, headers=headers) as response:
            assert response.status == 202
            answer = await response.json()
        return answer["status"], answer["reason"]


@pytest.fixture
async def delivering(tmp_path: Path) -> AsyncIterator[Delivering]:
    clock, woken = SystemClock(), list[str]()
    state = await StateStore.open(tmp_path / "state.db", clock=clock)
    receiver = Receiver(
        path=WEBHOOK_PATH,
        github_host="octocoders.github.io",  # the samples of github.com name no host
        secrets=[SECRET],
        ledger=state,
        watched=lambda: [Watched(MarketplaceName(name), name, None, None) for name in REPOSITORIES],
        wake=lambda marketplace, _cause: woken.append(marketplace),
        clock=clock,
    )
    app = web.Application()
    app.add_routes(receiver.routes())
    async with TestClient(TestServer(app)) as client:
        yield Delivering(client, state, woken)
    await state.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PAYLOADS)))
async def test_a_sample_payload_is_taken_for_what_it_is(delivering: Delivering, path: Path) -> None:
    status, reason = EXPECTED[kind_of(path)]
    content = read(path)
    for as_form in (False, True):
        assert await delivering.deliver(path, content, as_form=as_form) == (status, reason)
    entries = await delivering.state.recent_deliveries()
    assert [entry.state for entry in entries] == [STATES[status]] * 2
    assert len({(entry.delivery.repository_id, entry.delivery.ref, entry.delivery.action) for entry in entries}) == 1
    assert len(delivering.woken) == (2 * len(set(delivering.woken)) if status == "accepted" else 0)
    assert bool(delivering.woken) == (status == "accepted")


def test_every_kind_of_sample_is_expected_and_every_expectation_has_a_sample() -> None:
    assert {kind_of(path) for path in FILES} == set(EXPECTED)
