"""Owns the composition of what people and GitHub reach over HTTP: which routes there are, and which parts answer them.

Builds and connects; decides nothing. Nothing but ``Settings.base_url`` shapes an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog
from aiohttp import web

from mcp_server.api_tokens import ApiTokens
from mcp_server.archives.shelf import Shelf
from mcp_server.edit.links import EditLinks
from mcp_server.edit.routes import edit_routes
from mcp_server.endpoint import mcp_routes
from mcp_server.front_door import FrontDoor
from mcp_server.install.links import InstallLinks
from mcp_server.install.routes import install_routes
from mcp_server.marketplace.routes import marketplace_routes
from mcp_server.oauth.cimd_fetch import FetchDocument
from mcp_server.rest.editing import Editing
from mcp_server.rest.routes import rest_routes
from mcp_server.tool import Giving
from skillport_sync.compose import Parts
from skillport_sync.config import GitHubSettings
from skillport_sync.config.secret import read_secret
from skillport_sync.github.locations import web_host
from skillport_sync.health import Health
from skillport_sync.observing.counts import Counts
from skillport_sync.operations import Mirrored
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries import Queries
from skillport_sync.signing_in import addresses_of, sign_in_routes
from skillport_sync.template.own_skill import own_skill
from skillport_sync.trails import InstallTrail, ReadTrail, WriteTrail
from webhooks.app import Receiver
from webhooks.intake import Limits as DeliveryLimits
from webhooks.judgement import Watched

log = structlog.get_logger(__name__)

ARCHIVES = "archives"
"""The directory below the data directory that finished archives are kept in. It may be deleted at any time."""


async def public_routes(
    parts: Parts,
    allowed_hosts: frozenset[str],
    *,
    with_private: bool,
    counts: Counts,
    fetch_document: FetchDocument | None = None,
) -> list[web.RouteDef]:
    """What the public listener answers; the private routes too where they have no listener of their own. ``counts`` counts.

    Raises: Invalid, when people are to sign in and nobody could.
    """
    settings, state, clock = parts.settings, parts.state, parts.clock
    sign_in = await sign_in_routes(
        settings, state, parts.session, clock, parts.entropy, parts.hosts, fetch_document=fetch_document
    )
    queries = Queries(parts.current, parts.mirror, parts.restoring, clock, parts.why_absent)
    shelf = Shelf(settings.data_dir / ARCHIVES, parts.mirror, clock)
    links = InstallLinks(
        queries=queries,
        links=state.links,
        shelf=shelf,
        own_skill=own_skill(),
        base_url=settings.base_url,
        clock=clock,
        entropy=parts.entropy,
        on_install=InstallTrail(state.audit, clock, "install"),
    )
    tokens = ApiTokens(state.minted_tokens, state.audit, clock, parts.entropy)
    mcp = mcp_routes(
        queries=queries,
        giving=Giving(links, tokens, settings.base_url, _cannot_write(parts)),
        authenticator=parts.authentication.mcp,
        allowed_hosts=allowed_hosts,
        allowed_origins=frozenset(settings.server.allowed_origins),
        max_body_bytes=settings.server.mcp_max_bytes,
        on_query=counts.queries.add,
        hot_counts=counts.hot,
        on_read=ReadTrail(state.audit, clock),
        sign_in=addresses_of(settings),
    )
    door = FrontDoor(
        parts.authentication.rest,
        allowed_hosts=allowed_hosts,
        allowed_origins=frozenset(settings.server.allowed_origins),
        sign_in=addresses_of(settings),
    )
    private = private_routes(parts, counts) if with_private else []
    return [*mcp, *sign_in, *_http(parts, counts, door, queries, shelf, links), *private]


def _cannot_write(parts: Parts) -> str | None:
    """Why nothing can be changed anywhere; None where something can."""
    reasons = [saver.cannot_write for saver in parts.savers.values()]
    return reasons[0].message if reasons and reasons[0] is not None and all(reasons) else None


def _http(
    parts: Parts, counts: Counts, door: FrontDoor, queries: Queries, shelf: Shelf, links: InstallLinks
) -> Iterator[web.RouteDef]:
    """Everything besides MCP and sign-in."""
    settings, state, clock = parts.settings, parts.state, parts.clock
    edit_links = EditLinks(
        queries=queries,
        links=state.links,
        shelf=shelf,
        base_url=settings.base_url,
        clock=clock,
        entropy=parts.entropy,
        on_read=ReadTrail(state.audit, clock, "edit"),
    )
    editing = Editing(
        door=door,
        queries=queries,
        savers=parts.savers,
        links=edit_links,
        proposals=lambda marketplace: state.proposals.listed(marketplace, state="open"),
        on_write=WriteTrail(state.audit, clock),
        on_query=counts.queries.add,
    )
    yield from install_routes(door, links)
    yield from edit_routes(door, edit_links)
    yield from marketplace_routes(
        door=door,
        queries=queries,
        blobs=parts.mirror,
        shelf=shelf,
        base_url=settings.base_url,
        own_skill=own_skill(),
        clock=clock,
        on_install=InstallTrail(state.audit, clock, "marketplace"),
    )
    yield from rest_routes(
        door=door,
        queries=queries,
        links=links,
        base_url=settings.base_url,
        on_read=ReadTrail(state.audit, clock, "rest"),
        on_query=counts.queries.add,
        editing=editing,
    )


def private_routes(parts: Parts, counts: Counts) -> list[web.RouteDef]:
    """Webhooks and health. ``counts`` counts the deliveries."""

    def reason(name: MarketplaceName) -> str | None:
        last = parts.marketplaces[name].loop.last
        return None if last is None or last.report.is_in_step else f"last_pull_{last.report.outcome}"

    health = Health(parts.current, parts.state, list(parts.marketplaces), reason)
    webhooks = (route for github in parts.settings.githubs_in_use for route in _webhook_routes(parts, github, counts))
    return [*health.routes(), *webhooks]


def _watched(mirrored: Mirrored) -> Iterator[Watched]:
    """The repositories whose pushes matter to a marketplace: its own, and those it takes plugins from."""
    yield Watched(mirrored.name, mirrored.loop.source.repository, mirrored.pull.repository_id, mirrored.branch)
    for repository, ref in sorted(mirrored.loop.followed_repositories, key=str):
        yield Watched(mirrored.name, repository, None, ref, "source")


def _webhook_routes(parts: Parts, github: GitHubSettings, counts: Counts) -> Sequence[web.RouteDef]:
    """Where one GitHub delivers to: it is believed about its own marketplaces and nobody else's."""
    if not github.webhook_secret_files:
        reason = f"{github.table}.webhook_secret_files is empty: pushes are found by reconcile only"
        log.warning("webhooks_off", reason=reason)
        return []
    its_own = [parts.marketplaces[each.name] for each in parts.settings.marketplaces if each.github == github.name]
    return Receiver(
        path=github.webhook_path,
        github_host=web_host(github.api_url),
        secrets=[read_secret(path).reveal().encode() for path in github.webhook_secret_files],
        ledger=parts.state,
        watched=lambda: [watched for mirrored in its_own for watched in _watched(mirrored)],
        wake=parts.wake,
        clock=parts.clock,
        limits=DeliveryLimits(body_bytes=parts.settings.server.webhook_max_bytes),
        on_delivery=counts.on_delivery,
    ).routes()
