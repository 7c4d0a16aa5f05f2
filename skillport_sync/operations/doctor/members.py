"""Owns what is looked at of a GitHub App beside the repository: whether it sees who is in the organisations that are let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import aiohttp

from mcp_server.identity.github import WEB_URL, api_url_of
from skillport_sync.config import AppKey, GitHubSettings, ProviderSettings, Settings
from skillport_sync.config.secret import read_secret
from skillport_sync.errors import SkillportError, Unavailable
from skillport_sync.github.organizations import OrganizationInstallations
from skillport_sync.operations.doctor.upstream import PROVIDERS
from skillport_sync.ports import Clock
from skillport_sync.reports import Check

_MEANWHILE: Final = "until then, whoever leaves stays signed in until their grant ends"


async def seen(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> AsyncIterator[Check]:
    """One check for each organisation. None where the service is no App, or people sign in at another GitHub than the App's."""
    for github in settings.githubs_in_use:
        async for check in _seen_at(github, settings.auth.providers, session, clock):
            yield check


async def _seen_at(
    github: GitHubSettings, configured: Sequence[ProviderSettings], session: aiohttp.ClientSession, clock: Clock
) -> AsyncIterator[Check]:
    organizations = {name for each in configured if _is_own(each, github) for name in each.organizations}
    credentials = github.credentials
    if not organizations or not isinstance(credentials, AppKey):
        return
    try:
        installations = OrganizationInstallations(
            session,
            app_id=str(credentials.app_id),
            private_key=read_secret(credentials.private_key_file).reveal(),
            api_url=github.api_url,
            clock=clock,
        )
    except SkillportError as error:
        yield PROVIDERS.warning("members", error.message, _MEANWHILE)
        return
    for organization in sorted(organizations):
        yield await _one(installations, organization)


async def _one(installations: OrganizationInstallations, organization: str) -> Check:
    what = f"members of {organization}"
    try:
        await installations.authorization(organization)
    except Unavailable as error:
        return PROVIDERS.warning(what, error.message, "look again when GitHub answers")
    except SkillportError as error:
        return PROVIDERS.warning(what, error.message, _MEANWHILE)
    return PROVIDERS.ok(what, "the App sees them: whoever leaves is out within two hours")


def _is_own(each: ProviderSettings, github: GitHubSettings) -> bool:
    """Whether the App belongs to the GitHub where these people sign in."""
    api_url = each.api_url or api_url_of((each.base_url or WEB_URL).rstrip("/"))
    return each.preset == "github" and api_url.rstrip("/") == github.api_url.rstrip("/")
