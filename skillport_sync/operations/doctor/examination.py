"""Owns the order of an examination: first what everything else stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from mcp_server.oauth.metadata import Addresses
from skillport_sync.config import Settings
from skillport_sync.control import Operator
from skillport_sync.errors import SkillportError
from skillport_sync.operations.doctor import inside, members, outside, sign_in, upstream, webhook
from skillport_sync.operations.doctor.web import Web
from skillport_sync.outbound import open_session
from skillport_sync.ports import Clock
from skillport_sync.reports import Check, DoctorReport, StatusReport


async def examine(settings: Settings, operator: Operator | SkillportError, clock: Clock) -> DoctorReport:
    """Look at everything, from inside through ``operator`` and from outside at ``settings.base_url``. Never raises what it finds.

    ``operator`` is the error where neither a service nor its files could be asked.
    """
    is_https = settings.base_url.startswith("https:")
    async with open_session() as abroad:
        status, found = await _inside(settings, operator, Web(abroad), clock)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=is_https) as session:
            found += [check async for check in _outside(settings, status, Web(session), abroad, clock)]
    return DoctorReport(tuple(found))


async def _inside(
    settings: Settings, operator: Operator | SkillportError, web: Web, clock: Clock
) -> tuple[StatusReport | None, list[Check]]:
    status: StatusReport | None = None
    found: list[Check] = []
    about_github: list[Check] = []
    try:
        if isinstance(operator, SkillportError):
            raise operator
        status = await operator.status()
        found += [inside.running(status), *inside.published(status)]
        about_github = [check for access in await operator.github() for check in inside.github(access)]
    except SkillportError as error:
        found.append(inside.unreachable(error.message))
    found += inside.files(settings, status)
    found += [await inside.clock(web, github, clock.now()) for github in settings.githubs_in_use]
    every_s = settings.sync.reconcile_interval_s
    about_github += [inside.webhooks(github, every_s, status) for github in settings.githubs_in_use]
    receives = {each.name for each in settings.marketplaces if settings.github_of(each).webhook_secret_files}
    about_github += webhook.looked_after(status, receives=receives)
    return status, found + about_github


async def _outside(
    settings: Settings, status: StatusReport | None, web: Web, abroad: aiohttp.ClientSession, clock: Clock
) -> AsyncIterator[Check]:
    addresses = Addresses(settings.base_url)
    yield await outside.address(settings)
    if (tls := await outside.tls(settings.base_url, clock.now())) is not None:
        yield tls
    if status is not None and not status.running:
        seen = "not looked at: nothing runs on this data directory"
        yield outside.DISCOVERY.failed(
            "refusal at /mcp", seen, "start the service, then run `skillport-sync doctor` again"
        )
        return
    offered = await outside.is_offered(web, addresses)
    signs_in = offered or settings.auth.mode == "oauth"
    if settings.auth.mode != "none" or offered:
        yield await outside.challenge(web, addresses, signs_in=signs_in)
    if not signs_in:
        return
    registration = settings.auth.oauth.registration
    async for check in outside.documents(web, addresses, registration=registration):
        yield check
    async for check in upstream.discovered(settings.auth.providers, abroad, Web(abroad), addresses, clock):
        yield check
    async for check in members.seen(settings, abroad, clock):
        yield check
    if offered:
        replay = sign_in.replayed(addresses, registration=registration, is_stand_in=not settings.auth.providers)
        async for check in replay:
            yield check
