"""Owns that people who left lose the tokens they made for themselves: nothing renews those, so their providers are asked about
them now and then.

Only a plain no ends anything. A provider that cannot tell, or is down, throws nobody out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from mcp_server.identity.provider import Provider
from mcp_server.oauth.trail import Trail
from skillport_sync.access.model import PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.ports import Clock
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.minted_tokens import MintedTokens
from skillport_sync.store.oauth import OAuthStore
from skillport_sync.store.people import People

log = structlog.get_logger()

AGAIN_S: Final = 6 * 3600.0
"""The same person is asked about once in so long."""
MOST_AT_ONCE: Final = 100
"""People in one round, so that it ends before the next one begins."""
TOGETHER: Final = 4
ANSWER_S: Final = 15.0
"""The provider says it takes ten."""
REASON: Final = "not_allowed_any_more"


class StillAllowed:
    """Asks, and ends what has to end."""

    def __init__(
        self,
        tokens: MintedTokens,
        people: People,
        oauth: OAuthStore,
        providers: Mapping[str, Provider],
        trail: Trail,
        clock: Clock,
    ) -> None:
        self._tokens = tokens
        self._people = people
        self._oauth = oauth
        self._providers = providers
        self._trail = trail
        self._clock = clock
        self._asked_s: dict[PrincipalId, float] = {}

    async def check(self) -> list[PrincipalId]:
        """Ask about those who were not asked about for longest; returns whose tokens, sessions and links ended.

        Raises: Unavailable when the database cannot say who has tokens. What it cannot end is left to the next time.
        """
        now_s, holders = self._clock.monotonic_s(), await self._tokens.holders()
        # Who has none any more is forgotten; who has some for the first time comes first.
        self._asked_s = {person: self._asked_s.get(person, float("-inf")) for person in holders}
        due = [person for person, asked_s in self._asked_s.items() if now_s - asked_s >= AGAIN_S]
        asked = sorted(due, key=self._asked_s.__getitem__)[:MOST_AT_ONCE]
        self._asked_s.update(dict.fromkeys(asked, now_s))
        places = asyncio.Semaphore(TOGETHER)

        async def ended(person: PrincipalId) -> bool:
            async with places:
                return await self._ended(person)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ended(person)) for person in asked]
        return [person for person, task in zip(asked, tasks, strict=True) if task.result()]

    async def _ended(self, person: PrincipalId) -> bool:
        """Whether all that this person had open was ended, because they may not use the service any more."""
        try:
            if await self._is_allowed(person):
                return False
            await self._oauth.revoke_person(person, REASON)
        except Unavailable as error:
            self._asked_s.pop(person, None)
            log.warning("person_not_asked_about", person=person, error=error.message)
            return False
        log.warning("minted_tokens_revoked", person=person, reason=REASON)
        self._trail.note(AuditAction.SESSION_REVOKED, REASON, person=person, detail="by the service, with every token")
        return True

    async def _is_allowed(self, person: PrincipalId) -> bool:
        known = await self._people.find(person)
        provider = None if known is None else self._providers.get(known.provider)
        if known is None or provider is None:  # nobody vouches for them any more
            return False
        try:
            async with asyncio.timeout(ANSWER_S):
                return await provider.still_allowed(known.principal) is not False
        except (Unavailable, TimeoutError) as error:
            log.warning("provider_failed", provider=provider.name, reason=type(error).__name__)
            return True
