"""Owns the composition of healing: with which credential each marketplace's webhook and push log are looked at.

Builds and connects, for ``compose`` and for ``skillport-sync webhook``; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from skillport_sync.config import AppKey, GitHubSettings, MarketplaceSettings, Settings, TokenFile
from skillport_sync.config.secret import read_secret
from skillport_sync.current import Current
from skillport_sync.github.activity import PushLog
from skillport_sync.github.budget import Limits as RequestLimits
from skillport_sync.github.credentials import AppJwt, StaticToken
from skillport_sync.github.hooks import AppHooks, Hooks, RepositoryHooks
from skillport_sync.github.host import Host, Hosts
from skillport_sync.github.transport import USER_AGENT, Credentials, Transport
from skillport_sync.operations import Mirrored
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.reading_credentials import reading_credentials
from skillport_sync.store.state import StateStore
from skillport_sync.sync.healing import Healer, Webhook


@dataclass(frozen=True, slots=True)
class Healing:
    """What all healers of one service share."""

    settings: Settings
    session: aiohttp.ClientSession
    hosts: Hosts
    state: StateStore
    clock: Clock

    async def healer(self, configured: MarketplaceSettings, mirrored: Mirrored, current: Current) -> Healer:
        """Who looks after this marketplace from now on, after each reconcile of its loop.

        Raises: Invalid, when a secret file cannot be read.
        """
        settings, github, identity = self.settings, self.settings.github_of(configured), mirrored.pull.identity
        assert identity is not None  # `compose` gives every pull one

        def serve_again(_: MarketplaceName) -> None:
            if mirrored.pull.published is not None:
                current.swap(mirrored.pull.published)

        webhook = None
        if github.webhook_secret_files:
            hooks = hooks_of(settings, github, self.session, self.clock, self.hosts.of(github.api_url))
            webhook = Webhook(hooks, webhook_url(settings, github), redelivers=settings.sync.heal == "redeliver")
        healer = Healer(
            configured.name,
            configured.repository,
            source=lambda: mirrored.loop.source,
            identity=identity,
            push_log=PushLog(self._reading(github, configured.repository)),
            webhook=webhook,
            state=self.state,
            clock=self.clock,
            grace=settings.sync.grace_after_loss,
            withdraw=current.withdraw,
            serve_again=serve_again,
        )
        await healer.restore()
        mirrored.loop.follow_up(healer.look)
        return healer

    def _reading(self, github: GitHubSettings, repository: str) -> Transport:
        host = self.hosts.of(github.api_url)
        credentials = reading_credentials(github, repository, self.session, host, self.clock)
        return _transport(self.settings, github, self.session, self.clock, credentials, host)


def webhook_url(settings: Settings, github: GitHubSettings) -> str:
    """Where a GitHub has to deliver to."""
    return settings.base_url.rstrip("/") + github.webhook_path


def hooks_of(
    settings: Settings,
    github: GitHubSettings,
    session: aiohttp.ClientSession,
    clock: Clock,
    host: Host | None = None,
) -> Hooks | None:
    """Where the webhook is kept: at the App, or at the repository. None without any credential, which no hook is shown to.

    With the ``host`` that others share, looking is background work: it stops first when GitHub's limit runs out.

    Raises: Invalid, when a secret file cannot be read.
    """
    if github.webhook_token is not None:
        token = StaticToken(read_secret(github.webhook_token.path).reveal(), key="webhook_token_file")
        return RepositoryHooks(_transport(settings, github, session, clock, token, host))
    match github.credentials:
        case TokenFile(path):
            reader = StaticToken(read_secret(path).reveal())
            return RepositoryHooks(_transport(settings, github, session, clock, reader, host))
        case AppKey(app_id, key_file, _):
            app = AppJwt(str(app_id), read_secret(key_file).reveal())
            return AppHooks(_transport(settings, github, session, clock, app, host))
        case None:
            return None


def _transport(
    settings: Settings,
    github: GitHubSettings,
    session: aiohttp.ClientSession,
    clock: Clock,
    credentials: Credentials,
    host: Host | None,
) -> Transport:
    return Transport(
        session,
        credentials,
        api_url=github.api_url,
        user_agent=USER_AGENT,
        clock=clock,
        max_concurrency=1,
        limits=RequestLimits(total_timeout_s=settings.sync.request_timeout_s),
        host=host,
        background=host is not None,
    )
