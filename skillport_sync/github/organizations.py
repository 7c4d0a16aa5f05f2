"""Owns how a GitHub App sees who is in an organisation: as its installation on that organisation, and for nothing else.

Its tokens may read the list of members. They never read a repository, and the repository's never come here.
https://docs.github.com/rest/apps/apps#get-an-organization-installation-for-the-authenticated-app
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import aiohttp

from skillport_sync.errors import Conflict, Denied, Missing
from skillport_sync.github.budget import DEFAULT_LIMITS, Limits
from skillport_sync.github.credentials import AppJwt, usable_until
from skillport_sync.github.host import Host
from skillport_sync.github.locations import organization_path
from skillport_sync.github.transport import API_URL, USER_AGENT, Transport
from skillport_sync.github.wire import Installation, read_account_installation, read_installation_token
from skillport_sync.ports import Clock

MEMBERS_ONLY: Final[Mapping[str, str]] = MappingProxyType({"members": "read"})
_ENOUGH: Final = frozenset({"read", "write"})


@dataclass(frozen=True, slots=True)
class _Minted:
    installation_id: int
    authorization: str = field(repr=False)
    usable_until: datetime


class OrganizationInstallations:
    """The installations of one GitHub App, by organisation; each one's token is narrowed to ``members: read``.

    A token is kept until five minutes before it expires. However many wait for one, one is minted.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        app_id: str,
        private_key: str,
        api_url: str = API_URL,
        user_agent: str = USER_AGENT,
        clock: Clock,
        limits: Limits = DEFAULT_LIMITS,
        host: Host | None = None,
    ) -> None:
        """``private_key`` is PEM. Raises: Invalid, where it is none."""
        self._api = Transport(
            session,
            AppJwt(app_id, private_key),
            api_url=api_url,
            user_agent=user_agent,
            clock=clock,
            max_concurrency=1,
            limits=limits,
            host=host,
        )
        self._clock = clock
        self._minting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._minted: dict[str, _Minted] = {}

    async def authorization(self, organization: str) -> str:
        """Raises: Missing or Denied, where the App may not see the members, else what asking GitHub raises."""
        async with self._minting[organization]:
            minted = self._minted.get(organization)
            if minted is None or self._clock.now() >= minted.usable_until:
                minted = self._minted[organization] = await self._mint(organization)
            return minted.authorization

    async def is_on(self, organization: str) -> bool:
        """Whether the organisation of this name is still the one that the last token was minted for. Asks GitHub.

        Raises as ``authorization`` does.
        """
        minted = self._minted.get(organization)
        if minted is not None and minted.installation_id == (await self._find(organization)).id:
            return True
        self._minted.pop(organization, None)
        return False

    async def _mint(self, organization: str) -> _Minted:
        installation = await self._find(organization)
        try:
            answer: object = await self._api.post(
                f"/app/installations/{installation.id}/access_tokens", data={"permissions": dict(MEMBERS_ONLY)}
            )
        except Conflict:  # 422: what was asked for is more than the installation was granted
            raise _without_members(organization) from None
        minted = read_installation_token(answer)
        return _Minted(installation.id, f"token {minted.token}", usable_until(minted, self._clock.now()))

    async def _find(self, organization: str) -> Installation:
        try:
            answer = await self._api.ask(organization_path(organization, "installation"))
        except Missing:
            raise _not_installed(organization) from None
        found = read_account_installation(answer.body)
        # A redirect may have led to an account of another name; the old one may be somebody else's tomorrow.
        if found.account_type != "Organization" or found.account.lower() != organization.lower():
            raise _not_installed(organization)
        if found.is_suspended:
            raise Denied(
                f"The GitHub App's installation on the organisation {organization} is suspended. Unsuspend it there.",
                code="app_suspended",
            )
        if found.permissions.get("members") not in _ENOUGH:
            raise _without_members(organization)
        return found


def _not_installed(organization: str) -> Missing:
    return Missing(
        f"The GitHub App is not installed on the organisation {organization}. Install it there, with the organisation "
        "permission Members: read, or give the right name.",
        code="app_not_on_organization",
    )


def _without_members(organization: str) -> Denied:
    return Denied(
        f"The GitHub App may not see who is in the organisation {organization}. Give it the organisation permission "
        "Members: read, and accept that there.",
        code="app_without_members",
    )
