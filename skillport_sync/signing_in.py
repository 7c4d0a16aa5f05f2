"""Owns the composition of sign-in: who proves who they are and how, the authorization server, and the audit of what they read.

Builds and connects, for ``compose``; decides nothing. Nothing but ``Settings.base_url`` shapes an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web

from mcp_server.authentication import (
    ACCESS_TOKEN,
    API_TOKEN,
    MINTED_TOKEN,
    Authenticator,
    Caller,
    ConnectorAuthentication,
    Find,
    NoAuthentication,
)
from mcp_server.identity.provider import Provider
from mcp_server.oauth import settings as oauth
from mcp_server.oauth.cimd_fetch import DocumentFetcher, FetchDocument
from mcp_server.oauth.metadata import Addresses
from mcp_server.oauth.routes import oauth_routes
from mcp_server.oauth.tokens import ServerKey
from mcp_server.oauth.trail import Trail
from mcp_server.peers import Network
from mcp_server.set_back import SetBack
from mcp_server.still_allowed import StillAllowed
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.config import AppKey, GitHubSettings, OAuthSettings, Settings, TokenFile
from skillport_sync.config.secret import read_secret
from skillport_sync.errors import Invalid
from skillport_sync.github.credentials import StaticToken
from skillport_sync.github.host import Host, Hosts
from skillport_sync.github.organizations import OrganizationInstallations
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.state import StateStore
from skillport_sync.store.tokens import client_id_of

if TYPE_CHECKING:
    from mcp_server.identity.presets import OwnGitHub

ANYBODY: Final = Principal(PrincipalId("local:anybody"), "anybody on this machine")
"""Whom ``auth.mode = "none"`` takes everybody for."""


def addresses_of(settings: Settings) -> Addresses | None:
    """The addresses of sign-in; None where nobody signs in."""
    return Addresses(settings.base_url) if settings.auth.mode == "oauth" else None


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who proves who they are, each where it counts. Both forget a token that is revoked in the same moment."""

    mcp: Authenticator
    rest: Authenticator
    """For all of HTTP besides ``/mcp``: here the tokens that people make for themselves are good too."""


def authentication(settings: Settings, state: StateStore, clock: Clock) -> Authentication:
    """API tokens always, those of people who signed in where they can, nobody where everybody is let in."""
    if settings.auth.mode == "none":
        anybody = NoAuthentication(ANYBODY)
        return Authentication(anybody, anybody)
    set_back = SetBack(clock, state.bring_deadlines_forward)
    finds = {API_TOKEN: _api_tokens(state)}
    addresses = addresses_of(settings)
    if addresses is not None:
        finds[ACCESS_TOKEN] = _in_time(set_back, _access_tokens(state, addresses))
    mcp = ConnectorAuthentication(finds, clock)
    rest = ConnectorAuthentication({**finds, MINTED_TOKEN: _in_time(set_back, _minted_tokens(state))}, clock)
    for each in (mcp, rest):
        state.oauth.tell(each.forget_all)
    return Authentication(mcp, rest)


def _api_tokens(state: StateStore) -> Find:
    async def find(digest: bytes) -> Caller | None:
        found = await state.tokens.find(digest)
        if found is None:
            return None
        # A token that was made for a person is worth no more than that person.
        person = await state.people.find(found.principal.id)
        if person is not None and person.disabled_at is not None:
            return None
        return Caller(found.principal, client_id_of(found.id), found.expires_at)

    return find


def _in_time(set_back: SetBack, find: Find) -> Find:
    """The same, but nothing is found that only a clock that was set back keeps alive."""

    async def find_in_time(digest: bytes) -> Caller | None:
        await set_back.check()
        return await find(digest)

    return find_in_time


def _minted_tokens(state: StateStore) -> Find:
    async def find(digest: bytes) -> Caller | None:
        found = await state.minted_tokens.find(digest)
        # Whoever was let in without proof may have made one: it is worth nothing where people have to prove who they are.
        if found is None or found.principal.id == ANYBODY.id:
            return None
        return Caller(found.principal, client_id_of(found.id), found.expires_at, found.read_only, found.purpose)

    return find


def _access_tokens(state: StateStore, addresses: Addresses) -> Find:
    async def find(digest: bytes) -> Caller | None:
        access = await state.oauth.find_access(digest)
        if access is None or access.resource != addresses.resource:
            return None
        return Caller(access.principal, access.client_id, access.expires_at)

    return find


async def sign_in_routes(
    settings: Settings,
    state: StateStore,
    session: aiohttp.ClientSession,
    clock: Clock,
    entropy: Entropy,
    hosts: Hosts,
    *,
    fetch_document: FetchDocument | None = None,
) -> Sequence[web.RouteDef]:
    """The authorization server; nothing where nobody signs in.

    ``fetch_document`` is a seam for tests, whose clients have their documents on this machine, where nobody else's are read.

    Raises: Invalid, when nobody could sign in, or a secret file cannot be read.
    """
    addresses = addresses_of(settings)
    if addresses is None:
        return []
    known = _providers(settings, session, clock, hosts)
    return oauth_routes(
        oauth=state.oauth,
        people=state.people,
        audit=state.audit,
        providers=known,
        addresses=addresses,
        settings=_plain(settings.auth.oauth, settings.server.trusted_proxies),
        server_key=ServerKey(await state.server_key(entropy)),
        clock=clock,
        entropy=entropy,
        fetch_document=fetch_document or DocumentFetcher(),
    )


def still_allowed(
    settings: Settings, state: StateStore, session: aiohttp.ClientSession, clock: Clock, hosts: Hosts
) -> StillAllowed:
    """Whether people who made tokens for themselves may still use the service: its ``check`` is for the housekeeping.

    Raises: Invalid, as ``sign_in_routes`` does: for a service, not for a command that only opens the files.
    """
    known = _providers(settings, session, clock, hosts) if addresses_of(settings) is not None else {}
    return StillAllowed(state.minted_tokens, state.people, state.oauth, known, Trail(state.audit, clock), clock)


def _providers(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, hosts: Hosts
) -> Mapping[str, Provider]:
    if not settings.auth.providers:
        raise Invalid(
            'auth.mode "oauth" has nobody to sign people in: add [[auth.providers]] (config.example.toml shows how), or run '
            "`skillport-sync serve --dev` to try it with a stand-in provider on this machine",
            code="no_identity_provider",
        )
    # Here: what talks to identity providers is 7 MB of other people's code, which nobody shall load who signs nobody in.
    from mcp_server.identity.presets import providers

    return providers(settings.auth.providers, session, clock, own_githubs=_own_githubs(settings, session, clock, hosts))


def _own_githubs(settings: Settings, session: aiohttp.ClientSession, clock: Clock, hosts: Hosts) -> list[OwnGitHub]:
    found = (_own_github(github, session, clock, hosts.of(github.api_url)) for github in settings.githubs_in_use)
    return [own for own in found if own is not None]


def _own_github(github: GitHubSettings, session: aiohttp.ClientSession, clock: Clock, host: Host) -> OwnGitHub | None:
    """As whom memberships are looked at again: whoever the repository's token belongs to, or the App, which is in no organisation
    itself and needs an installation on each. None where public repositories are read as nobody. Whoever it is, nothing is asked
    while GitHub wants the service to wait.
    """
    from mcp_server.identity.presets import OwnGitHub
    from mcp_server.identity.witness import AppWitness, TokenWitness

    match github.credentials:
        case TokenFile(path):
            token = StaticToken(read_secret(path).reveal())

            async def in_turn() -> str:
                async with host.turn("GET"):
                    return await token.authorization()

            return OwnGitHub(github.api_url, TokenWitness(in_turn))
        case AppKey(app_id, key_file):
            installations = OrganizationInstallations(
                session,
                app_id=str(app_id),
                private_key=read_secret(key_file).reveal(),
                api_url=github.api_url,
                clock=clock,
                host=host,
            )
            return OwnGitHub(github.api_url, AppWitness(installations))
        case None:
            return None


def _plain(settings: OAuthSettings, trusted_proxies: tuple[Network, ...]) -> oauth.OAuthSettings:
    return oauth.OAuthSettings(
        access_token_s=settings.access_token_s,
        refresh_idle=settings.refresh_idle,
        grant=settings.grant,
        refresh_window_s=settings.refresh_window_s,
        code_s=settings.code_s,
        transaction_s=settings.transaction_s,
        redirect_hosts=frozenset(settings.redirect_hosts),
        cimd_hosts=frozenset(settings.cimd_hosts),
        registration=settings.registration,
        trusted_proxies=trusted_proxies,
    )
