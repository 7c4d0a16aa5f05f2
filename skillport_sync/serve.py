"""Owns the running service: what starts in which order, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from mcp_server.oauth.cimd_fetch import FetchDocument
from skillport_sync import __version__, memory
from skillport_sync.compose import Parts, open_parts
from skillport_sync.config import Settings
from skillport_sync.control import control_socket
from skillport_sync.listener import Listener, bind, site
from skillport_sync.log import configure_logging
from skillport_sync.observing.observe import Observed, may_share, observe
from skillport_sync.observing.traces import tracing
from skillport_sync.operations import LocalOperator
from skillport_sync.ports import Clock, Entropy
from skillport_sync.signing_in import still_allowed
from skillport_sync.surfaces import private_routes, public_routes
from skillport_sync.sync.schedule import schedule

log = structlog.get_logger(__name__)

DRAIN_S = 10.0
TIDY_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers."""

    parts: Parts
    operator: LocalOperator
    public: Listener
    private: Listener

    @property
    def url(self) -> str:
        return self.public.url


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    dev: bool = False,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    fetch_document: FetchDocument | None = None,
) -> AsyncIterator[Service]:
    """Serve until left: sockets first, then the data directory, then answers, then the first pull.

    ``dev``: a stand-in signs people in, for this machine only. ``fetch_document``: see ``signing_in``.

    Raises:
        Conflict: a port or the data directory is taken.
        Invalid, Broken: configuration, secrets or state.db cannot be used.
    """
    server = settings.server
    async with AsyncExitStack() as stack:
        public = bind(server.host, server.port)
        stack.callback(public.sock.close)
        private = public
        if server.webhooks_port is not None:
            private = bind(server.webhooks_host or server.host, server.webhooks_port)
            stack.callback(private.sock.close)
        # From here on the settings say where it listens, also where any free port was asked for: addresses are made of that.
        settings = replace(settings, server=replace(server, port=public.port))
        if dev:
            # Here: nobody who is not trying it out shall load a stand-in for GitHub and for a provider.
            from skillport_sync.trying_out import stand_in_identity

            settings = await stack.enter_async_context(stand_in_identity(settings))
        parts = await stack.enter_async_context(open_parts(settings, clock=clock, entropy=entropy))
        for published in parts.current.get().values():
            memory.settle(published)
        parts.current.on_swap(memory.settle)
        observed = stack.enter_context(observe(parts))
        welcome = still_allowed(settings, parts.state, parts.session, parts.clock, parts.hosts)

        async def tidy() -> None:
            await parts.tidy()
            await welcome.check()

        next_at = stack.enter_context(
            schedule(
                reconcile=lambda: _wake_all(parts, "reconcile"),
                every_s=settings.sync.reconcile_interval_s,
                jitter_s=settings.sync.jitter_s,
                tidy=tidy,
                tidy_every_s=TIDY_EVERY_S,
            )
        )
        routes = await public_routes(
            parts,
            _own_hosts(settings, public),
            with_private=private is public,
            counts=observed.counts,
            fetch_document=fetch_document,
        )
        operator = parts.operator(running_since=parts.clock.now(), next_reconcile_at=next_at)
        await stack.enter_async_context(control_socket(settings.data_dir, operator))
        for listener, answered in _listeners(parts, observed, public, private, routes):
            await stack.enter_async_context(
                site(
                    listener,
                    answered,
                    max_body_bytes=max(server.webhook_max_bytes, server.mcp_max_bytes),
                    header_timeout_s=server.header_timeout_s,
                    keepalive_s=server.keepalive_timeout_s,
                    drain_s=DRAIN_S,
                    on_refused=observed.counts.http_refusals.add,
                )
            )
        _wake_all(parts, "start")
        yield Service(parts, operator, public, private)


def _listeners(
    parts: Parts, observed: Observed, public: Listener, private: Listener, routes: list[web.RouteDef]
) -> Iterator[tuple[Listener, list[web.RouteDef]]]:
    """What answers where. Metrics stand where strangers do not come, or nowhere."""
    if private is not public:
        yield public, routes
        yield private, [*private_routes(parts, observed.counts), *observed.private_routes]
    elif may_share(parts.settings, is_loopback=public.is_loopback):
        yield public, [*routes, *observed.private_routes]
    else:
        log.info(
            "metrics_off", reason="server.webhooks_port is not set: there is no listener that strangers do not reach"
        )
        yield public, routes


def _wake_all(parts: Parts, cause: str) -> None:
    for marketplace in parts.marketplaces:
        parts.wake(marketplace, cause)


def _own_hosts(settings: Settings, public: Listener) -> frozenset[str]:
    """The names under which this service may be addressed: anything else in ``Host`` is a DNS rebinding attempt or a mistake."""
    own = {*settings.server.allowed_hosts, urlsplit(settings.base_url).netloc.rpartition("@")[2].lower()}
    if public.is_loopback:
        own |= {f"{name}:{public.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return frozenset(own)


def run(settings: Settings, *, dev: bool = False) -> int:
    """``skillport-sync serve``: until SIGTERM or SIGINT. Returns the exit code: 0 when it was asked to stop.

    Raises what ``serving`` raises; a part that fails while serving stops the service in order and raises too.
    """
    configure_logging(settings.log)
    memory.share_heaps()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_stopped(settings, dev=dev))
    return 0


async def _until_stopped(settings: Settings, *, dev: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with tracing(os.environ):
        await _serve_until(stop, settings, dev=dev)


async def _serve_until(stop: asyncio.Event, settings: Settings, *, dev: bool) -> None:
    async with serving(settings, dev=dev) as service:
        log.info(
            "service_started",
            version=__version__,
            url=service.url,
            webhooks=service.private.url
            if any(each.webhook_secret_files for each in settings.githubs_in_use)
            else None,
            auth=service.parts.settings.auth.mode,
            providers=[provider.name for provider in service.parts.settings.auth.providers],
            marketplaces=list(service.parts.marketplaces),
        )
        await stop.wait()
        log.info("service_stopping", drain_s=DRAIN_S)
    log.info("service_stopped")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed (`pip install skillport-sync[speed]`), else asyncio's own."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
