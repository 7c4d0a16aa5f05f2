"""Owns whether people who signed in with GitHub are still in the organisation: asked as the service's own account, once an hour.

The person's own token was forgotten at once. What the service may see decides what this can say: nobody is thrown out because the
service lacks a right, only where it plainly sees every organisation and the person is in none of them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import structlog

from mcp_server.identity.github_api import GitHubApi, Membership
from mcp_server.identity.witness import Witness
from skillport_sync.errors import SkillportError, Unavailable
from skillport_sync.ports import Clock

log = structlog.get_logger(__name__)

KNOWN_S: Final = 3600.0
UNKNOWN_S: Final = 300.0
"""So long an account is not asked about again after nothing could be told, nor an organisation that the service does not see."""
LONGEST_S: Final = 8.0
"""A client waits for its new token meanwhile, thirty seconds at most."""
MOST_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class _Remembered:
    is_member: bool | None
    until_s: float


@dataclass(frozen=True, slots=True)
class _NotSeen:
    """An organisation that stays hidden until an operator does something."""

    code: str
    until_s: float


class Memberships:
    """Who is still in one of these organisations."""

    def __init__(
        self,
        api: GitHubApi,
        organizations: Collection[str],
        witness: Witness,
        clock: Clock,
        *,
        longest_s: float = LONGEST_S,
        most_remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._api = api
        self._organizations = tuple(organizations)
        self._witness = witness
        self._clock = clock
        self._longest_s = longest_s
        self._most_remembered = most_remembered
        self._remembered: OrderedDict[int, _Remembered] = OrderedDict()
        self._not_seen: dict[str, _NotSeen] = {}

    async def includes(self, account_id: int) -> bool | None:
        """None: it cannot be told. Never raises because of GitHub."""
        known = self._remembered.get(account_id)
        if known is not None and self._clock.monotonic_s() < known.until_s:
            return known.is_member
        try:
            async with asyncio.timeout(self._longest_s):
                is_member = await self._ask(account_id)
        except TimeoutError:
            log.warning("membership_unknown", account=account_id, code=Unavailable.default_code)
            is_member = None
        lasts_s = UNKNOWN_S if is_member is None else KNOWN_S
        self._remembered[account_id] = _Remembered(is_member, self._clock.monotonic_s() + lasts_s)
        self._remembered.move_to_end(account_id)
        if len(self._remembered) > self._most_remembered:
            self._remembered.popitem(last=False)
        return is_member

    async def _ask(self, account_id: int) -> bool | None:
        """Every organisation has to say no, each to somebody who may know; one yes is enough."""
        is_hidden = False
        for organization in self._organizations:
            match await self._standing(account_id, organization):
                case Membership.ACTIVE:
                    return True
                case Membership.HIDDEN:
                    is_hidden = True
                case Membership.NONE:
                    pass
        return None if is_hidden else False

    async def _standing(self, account_id: int, organization: str) -> Membership:
        """How the account stands to the organisation; hidden as well where the service cannot ask."""
        not_seen = self._not_seen.get(organization)
        if not_seen is not None and self._clock.monotonic_s() < not_seen.until_s:
            return Membership.HIDDEN
        try:
            standing = await self._witnessed(account_id, organization)
        except Unavailable as error:
            log.warning("membership_unknown", account=account_id, organization=organization, code=error.code)
            return Membership.HIDDEN
        except SkillportError as error:
            if not_seen is None or not_seen.code != error.code:
                log.warning("memberships_not_seen", organization=organization, code=error.code, reason=error.message)
            self._not_seen[organization] = _NotSeen(error.code, self._clock.monotonic_s() + UNKNOWN_S)
            return Membership.HIDDEN
        self._not_seen.pop(organization, None)
        return standing

    async def _witnessed(self, account_id: int, organization: str) -> Membership:
        authorization = await self._witness.authorization(organization)
        if not authorization:
            return Membership.HIDDEN
        account = await self._api.account(account_id, authorization)
        if account is not None:
            found = await self._api.membership(organization, account, authorization)
            if found is not Membership.NONE:
                return found
        # Asked after the no and not before: in between, an organisation can be renamed or a right be taken away.
        is_inside = await self._witness.is_inside(organization, self._api)
        return Membership.NONE if is_inside else Membership.HIDDEN
