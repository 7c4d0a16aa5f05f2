"""Owns whether people who signed in with GitHub are still in the organisation: asked with the service's own token, once an hour.

The person's own token was forgotten at once. What the service may see decides what this can say: nobody is thrown out because a
token lacks a right, only where that token plainly sees the organisation and the person is not in it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

import structlog

from mcp_server.identity.github_api import GitHubApi, Membership
from skillport_sync.errors import SkillportError, Unavailable
from skillport_sync.ports import Clock

log = structlog.get_logger(__name__)

KNOWN_S: Final = 3600.0
UNKNOWN_S: Final = 300.0
"""So long an account is not asked about again after nothing could be told."""
LONGEST_S: Final = 8.0
"""A client waits for its new token meanwhile, thirty seconds at most."""
MOST_REMEMBERED: Final = 4096

Authorization = Callable[[], Awaitable[str]]
"""The value of an Authorization header for the service's own GitHub account; empty when it has none."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    is_member: bool | None
    until_s: float


class Memberships:
    """Who is still in one of these organisations."""

    def __init__(
        self,
        api: GitHubApi,
        organizations: Collection[str],
        own: Authorization,
        clock: Clock,
        *,
        longest_s: float = LONGEST_S,
        most_remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._api = api
        self._organizations = tuple(organizations)
        self._own = own
        self._clock = clock
        self._longest_s = longest_s
        self._most_remembered = most_remembered
        self._remembered: OrderedDict[int, _Remembered] = OrderedDict()

    async def includes(self, account_id: int) -> bool | None:
        """None: it cannot be told. Never raises because of GitHub."""
        known = self._remembered.get(account_id)
        if known is not None and self._clock.monotonic_s() < known.until_s:
            return known.is_member
        try:
            async with asyncio.timeout(self._longest_s):
                is_member = await self._ask(account_id)
        except (TimeoutError, SkillportError) as error:
            code = error.code if isinstance(error, SkillportError) else Unavailable.default_code
            log.warning("membership_unknown", account=account_id, code=code)
            is_member = None
        lasts_s = UNKNOWN_S if is_member is None else KNOWN_S
        self._remembered[account_id] = _Remembered(is_member, self._clock.monotonic_s() + lasts_s)
        self._remembered.move_to_end(account_id)
        if len(self._remembered) > self._most_remembered:
            self._remembered.popitem(last=False)
        return is_member

    async def _ask(self, account_id: int) -> bool | None:
        own = await self._own()
        if not own:
            return None
        account = await self._api.account(account_id, own)
        if account is not None:
            found = [await self._api.membership(each, account, own) for each in self._organizations]
            if Membership.ACTIVE in found:
                return True
            if Membership.HIDDEN in found:
                return None
        # GitHub answers 404 also to whoever may not know, so its no counts only for a token that is inside itself:
        # https://github.com/github/docs/issues/27266
        inside = [await self._api.my_membership(each, own) for each in self._organizations]
        return False if all(each is Membership.ACTIVE for each in inside) else None
