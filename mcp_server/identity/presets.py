"""Owns the making of providers from what is configured. A preset that would let in everybody by accident is not made.

The only module of this room that knows settings; the parts take plain values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import aiohttp

from mcp_server.identity import github, google, microsoft
from mcp_server.identity.dialect import Dialect
from mcp_server.identity.discovered import Discovered
from mcp_server.identity.github import GitHubProvider
from mcp_server.identity.google import Google
from mcp_server.identity.microsoft import Microsoft
from mcp_server.identity.openid import OpenIdProvider
from mcp_server.identity.provider import Provider
from mcp_server.identity.transport import TIMEOUT_S, Transport
from mcp_server.identity.witness import Witness
from skillport_sync.config.secret import Secret, read_secret
from skillport_sync.config.settings import Preset, ProviderSettings
from skillport_sync.errors import Invalid
from skillport_sync.ports import Clock

TITLES: Final[Mapping[Preset, str]] = MappingProxyType(
    {"google": "Google", "microsoft": "Microsoft", "github": "GitHub"}
)


@dataclass(frozen=True, slots=True)
class OwnGitHub:
    """The service's own account at a GitHub, with which memberships are looked at again. Shown to no other GitHub."""

    api_url: str
    witness: Witness


def providers(
    configured: Sequence[ProviderSettings],
    session: aiohttp.ClientSession,
    clock: Clock,
    *,
    own_githubs: Sequence[OwnGitHub] = (),
    timeout_s: float = TIMEOUT_S,
) -> Mapping[str, Provider]:
    """Every configured provider by its name, in the order of the file. Nothing is asked of them yet.

    ``session`` stays open as long as they are used, keeps no cookies, and reads no ``.netrc`` (no ``trust_env``, then): aiohttp
    would add passwords from it, or fail where a header is there already.

    Raises: Invalid, for a secret file that cannot be read, or settings that let in the wrong people.
    """
    made: dict[str, Provider] = {}
    for each in configured:
        title = each.title or TITLES.get(each.preset, each.name)
        transport = Transport(session, clock, title=title, timeout_s=timeout_s)
        secret = None if each.client_secret_file is None else read_secret(each.client_secret_file)
        provider = _provider(each, transport, clock, secret, own_githubs)
        if provider.name in made:
            raise Invalid(
                f"two auth.providers are called {provider.name}; give one another name", code="config_invalid"
            )
        made[provider.name] = provider
    return MappingProxyType(made)


def _provider(
    each: ProviderSettings, transport: Transport, clock: Clock, secret: Secret | None, own: Sequence[OwnGitHub]
) -> Provider:
    if each.preset == "github":
        return _github(each, transport, clock, secret, own)
    return OpenIdProvider(_dialect(each), transport, clock, client_id=each.client_id, client_secret=secret)


def _dialect(each: ProviderSettings) -> Dialect:
    kept = tuple(each.keep_claims)
    if each.preset == "google":
        domains = frozenset(domain.lower() for domain in _allowed(each, "hosted_domains", each.hosted_domains))
        return Google(domains, each.groups_claim, kept, _url(each.base_url, google.ISSUER))
    if each.preset == "microsoft":
        tenants = frozenset(tenant.lower() for tenant in _allowed(each, "tenants", each.tenants))
        if not all(map(microsoft.is_tenant_id, tenants)):
            raise Invalid(
                "auth.providers: tenants must be directory ids such as 0a0a0a0a-1111-4222-8333-444455556666, as the "
                "overview of Microsoft Entra shows them",
                code="config_invalid",
            )
        return Microsoft(tenants, each.groups_claim, kept, _url(each.base_url, microsoft.AUTHORITY))
    if each.issuer is None:
        raise Invalid(f"auth.providers: {each.name} needs an issuer", code="config_invalid")
    return Discovered(each.name, each.issuer, each.groups_claim, kept)


def _github(
    each: ProviderSettings, transport: Transport, clock: Clock, secret: Secret | None, own: Sequence[OwnGitHub]
) -> GitHubProvider:
    base_url = _url(each.base_url, github.WEB_URL)
    api_url = _url(each.api_url, github.api_url_of(base_url))
    return GitHubProvider(
        transport,
        clock,
        client_id=each.client_id,
        client_secret=secret,
        organizations=tuple(_allowed(each, "organizations", each.organizations)),
        base_url=base_url,
        api_url=api_url,
        # Another GitHub must never see these credentials.
        witness=next((github.witness for github in own if github.api_url.rstrip("/") == api_url), None),
    )


def _allowed(each: ProviderSettings, key: str, allowed: Sequence[str]) -> Sequence[str]:
    """The allow-list. Empty only where everybody is meant: both said at once is a contradiction."""
    if bool(allowed) == each.anyone:
        raise Invalid(
            f"auth.providers: {each.preset} needs either {key} or anyone = true, and not both", code="config_invalid"
        )
    return allowed


def _url(configured: str | None, default: str) -> str:
    return (configured or default).rstrip("/")
