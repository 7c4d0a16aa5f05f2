"""Owns the composition: where the parts of the mirror meet. Builds, connects, takes apart in reverse order; decides nothing.

Sign-in, saving and what answers over HTTP have compositions of their own: ``signing_in``, ``writing``, ``surfaces``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog

from skillport_sync.clock import SystemClock, SystemEntropy
from skillport_sync.config import MarketplaceSettings, Settings
from skillport_sync.current import Current
from skillport_sync.errors import Broken, Unavailable
from skillport_sync.github.budget import Limits as RequestLimits
from skillport_sync.github.client import GitHub
from skillport_sync.github.host import Hosts
from skillport_sync.github.locations import web_host
from skillport_sync.healing import Healing
from skillport_sync.operations import LocalOperator, Mirrored
from skillport_sync.outbound import open_session
from skillport_sync.ports import Clock, Entropy, MarketplaceName
from skillport_sync.queries.queries import first_sync
from skillport_sync.reading_credentials import reading_credentials
from skillport_sync.restoring import Restoring
from skillport_sync.signing_in import Authentication, authentication
from skillport_sync.store.data_directory import DataDirectory
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.sync.branch import Source
from skillport_sync.sync.healing import Healer
from skillport_sync.sync.identity import Identity
from skillport_sync.sync.loop import Loop
from skillport_sync.sync.plan import Bounds
from skillport_sync.sync.pull import Pull
from skillport_sync.sync.save import Saver
from skillport_sync.writing import Writing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """A mirror that is open: databases held, what was published last served from memory, loops running."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    mirror: MirrorStore
    state: StateStore
    session: aiohttp.ClientSession
    """For whatever is asked of GitHub and of identity providers."""
    current: Current
    marketplaces: Mapping[MarketplaceName, Mirrored]
    savers: Mapping[MarketplaceName, Saver]
    healers: Mapping[MarketplaceName, Healer]
    hosts: Hosts
    authentication: Authentication

    def wake(self, marketplace: MarketplaceName, cause: str) -> None:
        self.marketplaces[marketplace].loop.wake(cause)

    def operator(
        self, *, running_since: datetime | None, next_reconcile_at: Callable[[], datetime | None] = lambda: None
    ) -> LocalOperator:
        return LocalOperator(
            marketplaces=self.marketplaces,
            mirror=self.mirror,
            state=self.state,
            current=self.current,
            clock=self.clock,
            entropy=self.entropy,
            running_since=running_since,
            next_reconcile_at=next_reconcile_at,
            healers=self.healers,
            counts_usage=self.settings.usage.enabled,
        )

    def restoring(self, marketplace: MarketplaceName) -> Restoring:
        """What makes an earlier publication of a marketplace readable again."""
        configured = next(each for each in self.settings.marketplaces if each.name == marketplace)
        return _restoring(self.settings, self.mirror, configured)

    def why_absent(self) -> str:
        """Why nothing is served yet, as a clause for people who ask too early."""
        withdrawn = [healer.withdrawn for healer in self.healers.values() if healer.withdrawn is not None]
        if withdrawn:
            return "; ".join(withdrawn)
        lasts = [mirrored.loop.last for mirrored in self.marketplaces.values()]
        codes = sorted({last.code for last in lasts if last is not None and last.code is not None})
        if not codes:
            return first_sync()
        return (
            f"the first sync has not succeeded yet ({', '.join(codes)}); `skillport-sync status` tells an operator more"
        )

    async def tidy(self) -> None:
        """Housekeeping in small steps; a full disk or a busy database leaves it to the next time."""
        try:
            for configured in self.settings.marketplaces:
                await self._collect_garbage(configured)
            await self.state.forget_old_deliveries(timedelta(days=30))
            await self.state.oauth.purge()
            await self.state.links.purge()
            await self.state.minted_tokens.purge()
            await self.state.audit.forget_older_than(self.settings.auth.audit, self.clock.now())
        except (Unavailable, Broken) as error:
            log.warning("housekeeping_put_off", code=error.code, reason=error.message)

    async def _collect_garbage(self, configured: MarketplaceSettings) -> None:
        pin = await self.state.pinned(configured.name)
        await self.mirror.collect_garbage(
            configured.name,
            keep_publications=configured.retention.publications,
            keep_younger_than=timedelta(days=configured.retention.days),
            pinned=None if pin is None else pin.commit,
        )


@asynccontextmanager
async def open_parts(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> AsyncIterator[Parts]:
    """Hold the data directory and everything in it until left.

    Raises:
        Conflict: another process holds the data directory.
        Invalid: it cannot be written, or a secret file cannot be read.
        Broken: state.db cannot be read.
    """
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(DataDirectory(settings.data_dir))
        mirror = await MirrorStore.open(directory.mirror, clock=clock, max_bytes=settings.sync.mirror_max_bytes)
        stack.push_async_callback(mirror.close)
        state = await StateStore.open(directory.state, clock=clock)
        stack.push_async_callback(state.close)
        session = await stack.enter_async_context(open_session())
        hosts = Hosts(clock, at_once=settings.sync.concurrency)
        current = Current(clock, stale_after_s=2 * settings.sync.reconcile_interval_s)
        marketplaces = {
            configured.name: await _mirrored(
                configured,
                settings,
                session,
                hosts,
                mirror=mirror,
                state=state,
                current=current,
                clock=clock,
                entropy=entropy,
            )
            for configured in settings.marketplaces
        }
        writing = Writing(settings, session, hosts, mirror, state, clock, entropy)
        savers = {
            configured.name: writing.saver(configured, marketplaces[configured.name])
            for configured in settings.marketplaces
        }
        healing = Healing(settings, session, hosts, state, clock)
        healers = {
            configured.name: await healing.healer(configured, marketplaces[configured.name], current)
            for configured in settings.marketplaces
        }
        parts = Parts(
            settings,
            clock,
            entropy,
            mirror,
            state,
            session,
            current,
            marketplaces,
            savers,
            healers,
            hosts,
            authentication(settings, state, clock),
        )
        loops = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [loops.create_task(mirrored.loop.run()) for mirrored in marketplaces.values()]
        try:
            yield parts
        finally:
            for task in tasks:
                task.cancel()


@asynccontextmanager
async def open_operator(settings: Settings) -> AsyncIterator[LocalOperator]:
    """An operator of one's own, for a command where no service runs: holds the data directory until left."""
    async with open_parts(settings) as parts:
        yield parts.operator(running_since=None)


def _restoring(settings: Settings, mirror: MirrorStore, configured: MarketplaceSettings) -> Restoring:
    named_after = web_host(settings.github_of(configured).api_url)
    return Restoring(configured.name, mirror, named_after, settings.sync.quarantine)


async def _mirrored(
    configured: MarketplaceSettings,
    settings: Settings,
    session: aiohttp.ClientSession,
    hosts: Hosts,
    *,
    mirror: MirrorStore,
    state: StateStore,
    current: Current,
    clock: Clock,
    entropy: Entropy,
) -> Mirrored:
    sync, its_github = settings.sync, settings.github_of(configured)
    host = hosts.of(its_github.api_url)
    wished: list[Pull] = []  # filled below: who asks is there before what it asks for is known

    def others() -> Collection[str]:
        return {repository for pull in wished for repository, _ in pull.followed_repositories}

    github = GitHub(
        session,
        reading_credentials(its_github, configured.repository, session, host, clock, others=others),
        api_url=its_github.api_url,
        clock=clock,
        max_concurrency=sync.concurrency,
        limits=RequestLimits(total_timeout_s=sync.request_timeout_s),
        host=host,
    )
    pull = Pull(
        Source(configured.name, configured.repository, configured.branch),
        github=github,
        store=mirror,
        current=current,
        bounds=Bounds(
            max_files=sync.max_files,
            max_file_bytes=sync.max_file_bytes,
            max_total_bytes=sync.max_total_bytes,
            tarball_max_bytes=sync.tarball_max_bytes,
        ),
        clock=clock,
        restoring=_restoring(settings, mirror, configured),
        max_removed_share=None if configured.mass_removal == "allow" else configured.max_removed_share,
        identity=Identity(
            configured.name,
            configured.repository,
            github=github,
            rows=state.healing,
            number=configured.repository_id,
        ),
    )
    wished.append(pull)
    await mirror.remember(configured.name, configured.repository)
    await pull.restore()
    loop = Loop(pull, github=github, state=state, clock=clock, entropy=entropy, interval_s=sync.reconcile_interval_s)
    return Mirrored(configured.name, configured.branch, github, pull, loop)
