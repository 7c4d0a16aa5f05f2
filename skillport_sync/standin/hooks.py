"""Owns webhooks and their deliveries: what is signed, what is sent, what is remembered for three days.

GitHub sends each delivery once and never retries (github.md §1.1): losing one is losing it until somebody asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

import aiohttp
import orjson

RETENTION = timedelta(days=3)
ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class HookTarget:
    """Whose hook it is: the headers name it, ``hooks_url`` is where its API lives."""

    kind: Literal["repository", "integration"]
    id: int
    hooks_url: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt. ``guid`` is the event's and is shared by all attempts at all hooks; ``id`` is this attempt's."""

    id: int
    guid: str
    delivered_at: datetime
    redelivery: bool
    duration_s: float
    status: str
    status_code: int
    event: str
    action: str | None
    installation_id: int | None
    repository_id: int | None
    url: str
    request_headers: Mapping[str, str]
    payload: bytes
    response_headers: Mapping[str, str]
    response_body: str


@dataclass(slots=True)
class Hook:
    id: int
    target: HookTarget
    url: str
    secret: str | None
    events: tuple[str, ...]
    content_type: str
    created_at: datetime
    updated_at: datetime
    active: bool = True
    insecure_ssl: str = "0"
    last_response: tuple[int | None, str | None, str | None] = (None, "unused", None)
    deliveries: list[Delivery] = field(default_factory=list)

    def wants(self, event: str) -> bool:
        """``ping`` and ``meta`` come unasked; so do an App's installation events."""
        unasked = event in ("ping", "meta") or (self.target.kind == "integration" and event.startswith("installation"))
        return self.active and (unasked or "*" in self.events or event in self.events)

    def kept(self, now: datetime) -> list[Delivery]:
        """What the API still shows, newest first."""
        return [d for d in reversed(self.deliveries) if now - d.delivered_at <= RETENTION]


@dataclass(frozen=True, slots=True)
class Message:
    """What one hook is to be told."""

    event: str
    action: str | None
    guid: str
    payload: bytes
    installation_id: int | None
    repository_id: int | None
    redelivery: bool = False


def signed(hook: Hook, message: Message) -> tuple[dict[str, str], bytes]:
    """Headers and body exactly as GitHub sends them; without a secret there is no signature at all."""
    body = message.payload
    if hook.content_type != "json":
        body = urlencode({"payload": message.payload.decode()}).encode()
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json" if hook.content_type == "json" else "application/x-www-form-urlencoded",
        "User-Agent": "GitHub-Hookshot/5d1a2b3",
        "X-GitHub-Delivery": message.guid,
        "X-GitHub-Event": message.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(hook.target.id),
        "X-GitHub-Hook-Installation-Target-Type": hook.target.kind,
    }
    if hook.secret is not None:
        secret = hook.secret.encode()
        headers["X-Hub-Signature"] = "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return headers, body


_ENTERPRISE = {"X-GitHub-Enterprise-Host": "127.0.0.1", "X-GitHub-Enterprise-Version": "3.21.0"}


class Postman:
    """Carries messages to hooks. One HTTP session, opened with the first message."""

    def __init__(self, now: Callable[[], datetime], new_id: Callable[[], int], *, names_itself: bool = False) -> None:
        """``names_itself``: as an Enterprise Server does, https://docs.github.com/webhooks/webhook-events-and-payloads."""
        self._now = now
        self._named = _ENTERPRISE if names_itself else {}
        self._new_id = new_id
        self._session: aiohttp.ClientSession | None = None
        self.answer_within_s = ANSWER_WITHIN_S

    async def carry(self, hook: Hook, message: Message) -> Delivery:
        """Send once, remember how it went. Never raises for what the other side does."""
        headers, body = signed(hook, message)
        headers |= self._named
        started = asyncio.get_running_loop().time()
        status_code, status, answer_headers, answer = await self._post(hook.url, headers, body)
        delivery = Delivery(
            self._new_id(),
            message.guid,
            self._now(),
            message.redelivery,
            asyncio.get_running_loop().time() - started,
            status,
            status_code,
            message.event,
            message.action,
            message.installation_id,
            message.repository_id,
            hook.url,
            headers,
            message.payload,
            answer_headers,
            answer,
        )
        hook.deliveries.append(delivery)
        hook.last_response = (status_code, "active" if status == "OK" else "failed", status)
        return delivery

    async def redeliver(self, hook: Hook, delivery: Delivery) -> Delivery:
        """The same event again: same GUID, a new attempt, signed with the secret the hook has now."""
        again = Message(
            delivery.event,
            delivery.action,
            delivery.guid,
            delivery.payload,
            delivery.installation_id,
            delivery.repository_id,
            redelivery=True,
        )
        return await self.carry(hook, again)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, dict[str, str], str]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        limit = aiohttp.ClientTimeout(total=self.answer_within_s)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as answer:
                text = (await answer.read()).decode("utf-8", "replace")
                status = "OK" if answer.ok and answer.status < 300 else f"Invalid HTTP Response: {answer.status}"
                return answer.status, status, {str(name): value for name, value in answer.headers.items()}, text
        except TimeoutError:
            return 504, "timed out", {}, ""
        except aiohttp.ClientError:
            return 502, "failed to connect to host", {}, ""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def encode(payload: Mapping[str, object]) -> bytes:
    return orjson.dumps(payload)
