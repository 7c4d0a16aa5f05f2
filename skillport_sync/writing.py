"""Owns the composition of saving: with which credential each marketplace is written to, and what a save goes through.

Builds and connects, for ``compose``; decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from skillport_sync.config import AppKey, GitHubSettings, MarketplaceSettings, Settings, TokenFile
from skillport_sync.config.secret import read_secret
from skillport_sync.github.budget import Limits as RequestLimits
from skillport_sync.github.credentials import PULL_REQUESTS, WRITING, AppCredentials, StaticToken
from skillport_sync.github.host import Hosts
from skillport_sync.github.transport import Credentials
from skillport_sync.github.writing import GitHubWriter
from skillport_sync.operations import Mirrored
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.store.state import StateStore
from skillport_sync.sync.clashes import Clashes
from skillport_sync.sync.landing import Landing
from skillport_sync.sync.preparing import Preparer
from skillport_sync.sync.proposals import Proposals
from skillport_sync.sync.save import Saver


@dataclass(frozen=True, slots=True)
class Writing:
    """What all savers of one service share."""

    settings: Settings
    session: aiohttp.ClientSession
    hosts: Hosts
    mirror: MirrorStore
    state: StateStore
    clock: Clock
    entropy: Entropy

    def saver(self, configured: MarketplaceSettings, mirrored: Mirrored) -> Saver:
        """Who saves to this marketplace; only refuses where there is no credential for it.

        Raises: Invalid, when a secret file cannot be read.
        """
        preparer = Preparer(self.mirror, mirrored.pull.would_be)
        github = self.settings.github_of(configured)
        credentials = self._credentials(github, configured.repository)
        landing = None if credentials is None else Landing(self._writer(github, credentials))
        proposals = None
        if landing is not None:
            proposals = Proposals(
                mirrored.pull,
                landing=landing,
                rows=self.state.proposals,
                preparer=preparer,
                entropy=self.entropy,
            )
            mirrored.loop.follow_up(proposals.refresh)
        return Saver(
            mirrored.pull,
            mirrored.loop,
            github=mirrored.github,
            landing=landing,
            state=self.state,
            preparer=preparer,
            clashes=Clashes(configured.name, self.mirror),
            proposals=proposals,
            mode=configured.write_mode,
        )

    def _writer(self, github: GitHubSettings, credentials: Credentials) -> GitHubWriter:
        sync = self.settings.sync
        return GitHubWriter(
            self.session,
            credentials,
            api_url=github.api_url,
            clock=self.clock,
            max_concurrency=sync.concurrency,
            limits=RequestLimits(total_timeout_s=sync.request_timeout_s),
            host=self.hosts.of(github.api_url),
        )

    def _credentials(self, github: GitHubSettings, repository: str) -> Credentials | None:
        match github.writing:
            case TokenFile(path):
                return StaticToken(read_secret(path).reveal(), key="write_token_file")
            case AppKey(app_id, key_file, installation_id):
                return AppCredentials(
                    self.session,
                    app_id=str(app_id),
                    private_key=read_secret(key_file).reveal(),
                    repository=repository,
                    installation_id=installation_id,
                    permissions=WRITING,
                    wished=PULL_REQUESTS,
                    api_url=github.api_url,
                    clock=self.clock,
                    host=self.hosts.of(github.api_url),
                )
            case None:
                return None
