"""Configuration: read at the top, from one file and the environment, and handed down as plain values.

Only the command line calls ``load``. Secrets are not part of it: Settings holds the paths of their files, ``read_secret``
opens one when it is needed.
"""

from skillport_sync.config.complaints import Complaint, ConfigInvalid, toml
from skillport_sync.config.handing import Explained, explain
from skillport_sync.config.kinds import is_loopback
from skillport_sync.config.reading import load, search_path
from skillport_sync.config.secret import Secret, read_secret
from skillport_sync.config.settings import (
    AppKey,
    AuthSettings,
    GitHubSettings,
    LogSettings,
    MarketplaceSettings,
    OAuthSettings,
    ProviderSettings,
    Retention,
    ServerSettings,
    Settings,
    SyncSettings,
    TokenFile,
    UsageSettings,
)

__all__ = [
    "AppKey",
    "AuthSettings",
    "Complaint",
    "ConfigInvalid",
    "Explained",
    "GitHubSettings",
    "LogSettings",
    "MarketplaceSettings",
    "OAuthSettings",
    "ProviderSettings",
    "Retention",
    "Secret",
    "ServerSettings",
    "Settings",
    "SyncSettings",
    "TokenFile",
    "UsageSettings",
    "explain",
    "is_loopback",
    "load",
    "read_secret",
    "search_path",
    "toml",
]
