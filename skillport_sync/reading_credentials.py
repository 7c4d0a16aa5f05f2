"""Owns with which of the configured credentials a marketplace is read."""

from __future__ import annotations

from collections.abc import Callable, Collection

import aiohttp

from skillport_sync.config import AppKey, GitHubSettings, TokenFile
from skillport_sync.config.secret import read_secret
from skillport_sync.github.credentials import Anonymous, AppCredentials, StaticToken
from skillport_sync.github.host import Host
from skillport_sync.github.transport import Credentials
from skillport_sync.ports import Clock


def reading_credentials(
    github: GitHubSettings,
    repository: str,
    session: aiohttp.ClientSession,
    host: Host,
    clock: Clock,
    *,
    others: Callable[[], Collection[str]] = tuple,
) -> Credentials:
    """For ``repository``, and for the ``others`` of its owner that its plugins come from.

    Raises: Invalid, when a secret file cannot be read.
    """
    match github.credentials:
        case TokenFile(path):
            return StaticToken(read_secret(path).reveal())
        case AppKey(app_id, key_file, installation_id):
            return AppCredentials(
                session,
                app_id=str(app_id),
                private_key=read_secret(key_file).reveal(),
                repository=repository,
                others=others,
                installation_id=installation_id,
                api_url=github.api_url,
                clock=clock,
                host=host,
            )
        case None:
            return Anonymous()
