"""Owns the composition of healing: with which credential each marketplace's webhook and push log are looked at.

Builds and connects, for ``compose`` and for ``skillport-sync webhook``; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from skillport_sync.config import AppKey, MarketplaceSettings, Settings, TokenFile
from skillport_sync.config.secret import read_secret
from skillport_sync.current import Current
from skillport_sync.github.activity import PushLog
from skillport_sync.github.budget import Limits as RequestLimits
from skillport_sync.github.credentials import AppJwt, StaticToken
from skillport_sync.github.hooks import AppHooks, Hooks, RepositoryHooks
from skillport_sync.github.host import Host
from skillport_sync.github.transport import USER_AGENT, Credentials, Transport
from skillport_sync.operations import Mirrored
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.reading_credentials import reading_credentials
from skillport_sync.store.state import StateStore
from skillport_sync.sync.conditions import WEBHOOK_PATH
from skillport_sync.sync.healing import Healer, Webhook


@dataclass(frozen=True, slots=True)
class Healing:
    """What all healers of one service share."""

    settings: Settings
    session: aiohttp.ClientSession
    host: Host
    state: StateStore
    clock: Clock

    async def healer(self, configured: MarketplaceSettings, mirrored: Mirrored, current: Current) -> Healer:
        """Who looks after this marketplace from now on, after each reconcile of its loop.

        Raises: Invalid, when a secret file cannot be read.
        """
        settings, identity = self.settings, mirrored.pull.identity
        assert identity is not None  # `compose` gives every pull one

        def serve_again(_: MarketplaceName) -> None:
            if mirrored.pull.published is not None:
                current.swap(mirrored.pull.published)

        webhook = None
        if settings.github.webhook_secret_files:
            hooks = hooks_of(settings, self.session, self.clock, self.host)
            webhook = Webhook(hooks, webhook_url(settings), redelivers=settings.sync.heal == "redeliver")
        healer = Healer(
            configured.name,
            configured.repository,
            source=lambda: mirrored.loop.source,
            identity=identity,
            push_log=PushLog(self._reading(configured)),
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

    def _reading(self, configured: MarketplaceSettings) -> Transport:
        credentials = reading_credentials(
            self.settings.github, configured.repository, self.session, self.host, self.clock
        )
        return _transport(self.settings, self.session, self.clock, credentials, self.host)


def webhook_url(settings: Settings) -> str:
    """Where GitHub has to deliver to."""
    return settings.base_url.rstrip("/") + WEBHOOK_PATH


def hooks_of(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, host: Host | None = None
) -> Hooks | None:
    """Where the webhook is kept: at the App, or at the repository. None without any credential, which no hook is shown to.

    With the ``host`` that others share, looking is background work: it stops first when GitHub's limit runs out.

    Raises: Invalid, when a secret file cannot be read.
    """
    github = settings.github
    if github.webhook_token is not None:
        token = StaticToken(read_secret(github.webhook_token.path).reveal(), key="webhook_token_file")
        return RepositoryHooks(_transport(settings, session, clock, token, host))
    match github.credentials:
        case TokenFile(path):
            return RepositoryHooks(_transport(settings, session, clock, StaticToken(read_secret(path).reveal()), host))
        case AppKey(app_id, key_file, _):
            return AppHooks(
                _transport(settings, session, clock, AppJwt(str(app_id), read_secret(key_file).reveal()), host)
            )
        case None:
            return None


def _transport(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, credentials: Credentials, host: Host | None
) -> Transport:
    return Transport(
        session,
        credentials,
        api_url=settings.github.api_url,
        user_agent=USER_AGENT,
        clock=clock,
        max_concurrency=1,
        limits=RequestLimits(total_timeout_s=settings.sync.request_timeout_s),
        host=host,
        background=host is not None,
    )
