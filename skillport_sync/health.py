"""Owns the two questions that a supervisor asks: is the process alive, and is it worth sending people to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from aiohttp import web

from skillport_sync.current import Current
from skillport_sync.errors import SkillportError
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.state import StateStore


class Health:
    """``GET /healthz`` and ``GET /readyz``. Both are cheap, need no sign-in and tell nothing that is not for everybody."""

    def __init__(
        self,
        current: Current,
        state: StateStore,
        marketplaces: Sequence[MarketplaceName],
        reason: Callable[[MarketplaceName], str | None],
    ) -> None:
        """``reason`` gives the stable code of why a marketplace's last pull failed, None where it did not."""
        self._current = current
        self._state = state
        self._marketplaces = marketplaces
        self._reason = reason

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _ready(self, _request: web.Request) -> web.Response:
        """200 when every marketplace serves a publication and state.db answers, else 503 with what is missing.

        Computed from what is held now, never from a flag: a stored "ready" outlives what it spoke of. Names no repository,
        because anybody may ask; ``skillport-sync status`` does.
        """
        published = self._current.get()
        reasons = [self._reason(name) or "first_sync_under_way" for name in self._marketplaces if name not in published]
        if not await self._state_answers():
            reasons.append("state_database_does_not_answer")
        answer = {
            "status": "not ready" if reasons else "ready",
            "published": len(published),
            "marketplaces": len(self._marketplaces),
            "stale": sum(self._current.is_stale(name) for name in published),
            "reasons": sorted(set(reasons)),
        }
        return web.json_response(answer, status=503 if reasons else 200, headers={"Cache-Control": "no-store"})

    async def _state_answers(self) -> bool:
        try:
            await self._state.size()
        except (SkillportError, OSError, sqlite3.Error):
            return False
        return True
