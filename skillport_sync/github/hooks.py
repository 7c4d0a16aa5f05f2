"""Owns what is asked of GitHub about webhooks: which there are, how they are set up, what they delivered, to deliver it again.

A repository's hooks are asked for with a token that has the permission Webhooks, an App's own with its JWT. A change names only
what it changes: a ``config`` in a hook's own PATCH would replace all of it and remove the secret, so that goes to ``/config``.
https://docs.github.com/rest/repos/webhooks, https://docs.github.com/rest/apps/webhooks. Decides nothing, never retries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

import orjson

from skillport_sync.errors import Missing
from skillport_sync.github.hook_facts import (
    Attempt,
    HookFact,
    next_cursor,
    read_app_hook,
    read_attempts,
    read_hook,
    read_hooks,
)
from skillport_sync.github.locations import repository_path
from skillport_sync.github.transport import Transport

_PAGE = 100
_MOST_HOOK_PAGES = 5
"""A repository has 20 hooks for each event at most, on an Enterprise Server 250."""
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A webhook as it should be."""

    url: str
    events: tuple[str, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The attempts since some moment, newest first. Not ``is_whole``: there were more than are read at once."""

    attempts: tuple[Attempt, ...]
    is_whole: bool = True


class Hooks(Protocol):
    """One place where webhooks are kept. Every method raises as ``GitHub`` does: Denied names the permission that is missing."""

    async def listed(self, repository: str) -> tuple[HookFact, ...]:
        """All there are for this repository."""
        ...

    async def create(self, repository: str, wanted: Wanted) -> HookFact:
        """A new one. GitHub pings it at once."""
        ...

    async def repair(self, repository: str, hook: HookFact, wanted: Wanted) -> HookFact:
        """This one as it is wanted: its address, JSON, TLS verified, the secret, active, and these events beside those it has."""
        ...

    async def ping(self, repository: str, hook: HookFact) -> bool:
        """Have it pinged; False where this place cannot."""
        ...

    async def deliveries(self, repository: str, hook: HookFact, since: datetime | None) -> Deliveries:
        """Every attempt since then, or as long as GitHub keeps them: three days, seven on an Enterprise Server."""
        ...

    async def redeliver(self, repository: str, hook: HookFact, attempt_id: int) -> None:
        """Have it delivered again, under the same GUID. The new attempt comes later."""
        ...


class RepositoryHooks:
    """The hooks of repositories, ``owner/name``."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    async def listed(self, repository: str) -> tuple[HookFact, ...]:
        found: list[HookFact] = []
        for page in range(1, _MOST_HOOK_PAGES + 1):
            query = urlencode({"per_page": _PAGE, "page": page})
            part = read_hooks((await self._api.ask(f"{repository_path(repository, 'hooks')}?{query}")).body)
            found += part
            if len(part) < _PAGE:
                break
        return tuple(found)

    async def create(self, repository: str, wanted: Wanted) -> HookFact:
        body = {"name": "web", "active": True, "events": list(wanted.events), "config": _config(wanted)}
        path = repository_path(repository, "hooks")
        return read_hook((await self._api.tell("POST", path, orjson.dumps(body), expected={201})).body)

    async def repair(self, repository: str, hook: HookFact, wanted: Wanted) -> HookFact:
        path = repository_path(repository, "hooks", str(hook.id))
        await self._api.tell("PATCH", f"{path}/config", orjson.dumps(_config(wanted)), expected={200})
        events = [] if "*" in hook.events else [event for event in wanted.events if event not in hook.events]
        change = {"active": True, **({"add_events": events} if events else {})}
        return read_hook((await self._api.tell("PATCH", path, orjson.dumps(change), expected={200})).body)

    async def ping(self, repository: str, hook: HookFact) -> bool:
        path = repository_path(repository, "hooks", str(hook.id), "pings")
        await self._api.tell("POST", path, b"", expected={204})
        return True

    async def deliveries(self, repository: str, hook: HookFact, since: datetime | None) -> Deliveries:
        path = repository_path(repository, "hooks", str(hook.id), "deliveries")
        return await _deliveries(self._api, path, since)

    async def redeliver(self, repository: str, hook: HookFact, attempt_id: int) -> None:
        rest = ("hooks", str(hook.id), "deliveries", str(attempt_id), "attempts")
        await self._api.tell("POST", repository_path(repository, *rest), b"", expected={202})


class AppHooks:
    """The one hook of an App, for all repositories that it is installed on. Which events it is sent is said in the App's own
    settings and cannot be changed from here."""

    def __init__(self, api: Transport) -> None:
        """``api`` speaks as the App itself: with ``AppJwt``."""
        self._api = api

    async def listed(self, repository: str) -> tuple[HookFact, ...]:
        del repository
        try:
            config = (await self._api.ask("/app/hook/config")).body
        except Missing:
            return ()
        found = read_app_hook(config, (await self._api.ask("/app")).body)
        return (found,) if found.url else ()

    async def create(self, repository: str, wanted: Wanted) -> HookFact:
        await self._configure(wanted)
        (hook,) = await self.listed(repository)
        return hook

    async def repair(self, repository: str, hook: HookFact, wanted: Wanted) -> HookFact:
        del hook
        return await self.create(repository, wanted)

    async def ping(self, repository: str, hook: HookFact) -> bool:
        del repository, hook
        return False

    async def deliveries(self, repository: str, hook: HookFact, since: datetime | None) -> Deliveries:
        del repository, hook
        return await _deliveries(self._api, "/app/hook/deliveries", since)

    async def redeliver(self, repository: str, hook: HookFact, attempt_id: int) -> None:
        del repository, hook
        await self._api.tell("POST", f"/app/hook/deliveries/{attempt_id}/attempts", b"", expected={202})

    async def _configure(self, wanted: Wanted) -> None:
        await self._api.tell("PATCH", "/app/hook/config", orjson.dumps(_config(wanted)), expected={200})


def _config(wanted: Wanted) -> dict[str, str]:
    return {"url": wanted.url, "content_type": "json", "insecure_ssl": "0", "secret": wanted.secret}


async def _deliveries(api: Transport, path: str, since: datetime | None) -> Deliveries:
    """Everything is listed and judged here: GitHub's own filter knows a failure by a status of 400 to 599 only."""
    found: list[Attempt] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        query = urlencode({"per_page": _PAGE, **({"cursor": cursor} if cursor is not None else {})})
        answer = await api.ask(f"{path}?{query}")
        page = read_attempts(answer.body)
        found += [each for each in page if since is None or each.delivered_at >= since]
        cursor = next_cursor(answer.headers, "cursor")
        if cursor is None or (since is not None and any(each.delivered_at < since for each in page)):
            return Deliveries(tuple(found))
    return Deliveries(tuple(found), is_whole=False)
