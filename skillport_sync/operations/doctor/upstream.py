"""Owns what is looked at of identity providers: that each can be found, and would let its people come back to us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from mcp_server.identity.presets import providers
from mcp_server.identity.provider import Upstream
from mcp_server.oauth.metadata import Addresses
from skillport_sync.config import ProviderSettings
from skillport_sync.errors import SkillportError
from skillport_sync.operations.doctor.verdicts import Area
from skillport_sync.operations.doctor.web import NoAnswer, Web
from skillport_sync.ports import Clock
from skillport_sync.reports import Check

PROVIDERS: Final = Area("providers")
_NOBODYS: Final = Upstream("none", "none", "none" * 16)
"""What an address is built with that nobody is sent to."""


async def discovered(
    configured: Sequence[ProviderSettings],
    session: aiohttp.ClientSession,
    web: Web,
    addresses: Addresses,
    clock: Clock,
) -> AsyncIterator[Check]:
    """Each provider's own document, or where it has none, that it answers; asked from here, as the service does."""
    for each in configured:
        yield await _one(each, session, web, addresses, clock)


async def _one(
    each: ProviderSettings, session: aiohttp.ClientSession, web: Web, addresses: Addresses, clock: Clock
) -> Check:
    try:
        ((name, provider),) = providers([each], session, clock).items()
        address = await provider.authorization_url(_NOBODYS, addresses.callback(name))
    except SkillportError as error:
        return PROVIDERS.failed(each.name, error.message, "check its part of [[auth.providers]], and the way to it")
    parts = urlsplit(address)
    answer = await web.ask("HEAD", f"{parts.scheme}://{parts.netloc}/")
    if isinstance(answer, NoAnswer):
        return PROVIDERS.failed(name, f"{parts.netloc}: {answer.error}", "check the way to it, and its address")
    return PROVIDERS.ok(name, f"signs people in at {parts.netloc}; to be registered there: {addresses.callback(name)}")
