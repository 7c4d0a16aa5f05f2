"""Owns the identity provider of a service that is being tried out: a stand-in in this process, where nobody proves anything.

So only this machine may reach such a service: that is made sure of before it listens, and said whenever it starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import structlog

from mcp_server.oauth.metadata import Addresses
from skillport_sync.config import ProviderSettings, Settings, is_loopback
from skillport_sync.errors import Invalid
from skillport_sync.standin.identity import StandInIdentity

log = structlog.get_logger(__name__)

NAME: Final = "demo"
"""The stand-in's people are ``demo:ada`` and so on. No configured provider may be called this."""
_CLIENT_ID: Final = "skillport-sync"


@asynccontextmanager
async def stand_in_identity(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with a stand-in that signs people in, as long as the context lasts.

    ``settings.base_url`` is where the service listens already.

    Raises: Invalid, where somebody else than this machine could reach it, or it has another way to know people.
    """
    _refuse_what_is_no_trial(settings)
    identity = StandInIdentity()
    identity.register(_CLIENT_ID, redirect_uris=[Addresses(settings.base_url).callback(NAME)])
    issuer = await identity.start()
    try:
        log.warning(
            "stand_in_signs_people_in",
            provider=issuer,
            people=[f"{NAME}:{person.id}" for person in identity.people],
            advice="anybody on this machine may be anybody: never use this where people rely on it",
        )
        provider = ProviderSettings(preset="oidc", name=NAME, title="the stand-in", client_id=_CLIENT_ID, issuer=issuer)
        yield replace(settings, auth=replace(settings.auth, mode="oauth", providers=(provider,)))
    finally:
        await identity.close()


def _refuse_what_is_no_trial(settings: Settings) -> None:
    if settings.auth.providers:
        raise Invalid(
            "--dev is for a service without [[auth.providers]]: it brings a stand-in that lets everybody be anybody. Leave out "
            "--dev, or try it with another configuration",
            code="dev_with_providers",
        )
    if settings.auth.mode == "none":
        raise Invalid(
            '--dev signs people in, and auth.mode "none" lets everybody in without: remove auth.mode',
            code="dev_without",
        )
    if not is_loopback(settings.server.host) or not is_loopback(urlsplit(settings.base_url).hostname):
        raise Invalid(
            "--dev lets everybody be anybody, so only this machine may reach it: set server.host to 127.0.0.1 and remove "
            "public_url",
            code="dev_not_local",
        )
