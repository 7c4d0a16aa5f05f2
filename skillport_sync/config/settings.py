"""Owns the words of configuration: Settings and its sections, checked and plain, as they are handed down.

Nothing is read here. Sizes are in bytes, times in seconds, paths absolute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, Literal

from skillport_sync.config.origin import Origins
from skillport_sync.ports import MarketplaceName

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]
MassRemoval = Literal["hold", "allow"]
Scan = Literal["secrets", "hidden-unicode"]
AuthMode = Literal["oauth", "token", "none"]
Preset = Literal["google", "microsoft", "github", "oidc"]
WriteMode = Literal["commit", "pull_request"]
Heal = Literal["report", "redeliver"]

WEBHOOK_PATH: Final = "/webhooks/github"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    host: str
    port: int
    webhooks_host: str | None
    webhooks_port: int | None
    """The private listener, for webhooks, health and metrics. None: they share the public one."""
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    mcp_max_bytes: int
    webhook_max_bytes: int
    header_timeout_s: float
    keepalive_timeout_s: float
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    """Who is believed when they say, in ``X-Forwarded-For``, for whom they ask."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The last ``publications`` are kept, and everything younger than ``days``."""

    publications: int
    days: int


@dataclass(frozen=True, slots=True)
class MarketplaceSettings:
    name: MarketplaceName
    repository: str
    """``owner/name``."""
    branch: str | None
    """None follows the repository's default branch."""
    retention: Retention
    mass_removal: MassRemoval
    """Whether a commit that removes very many skills at once waits for an operator."""
    max_removed_share: float
    """More than this share of what is served, from 0 to 1, is very many."""
    write_mode: WriteMode = "commit"
    """What an edit becomes, where the service may write: a commit on the branch, or a pull request."""
    repository_id: int | None = None
    """GitHub's number of the repository. None: whichever has the name when it is first read, and no other after that."""
    github: str | None = None
    """The name of the GitHub that has it. None: the one without a name."""


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A personal access token."""

    path: Path


@dataclass(frozen=True, slots=True)
class AppKey:
    """A GitHub App. Without ``installation_id`` it is looked up by repository."""

    app_id: int
    private_key_file: Path
    installation_id: int | None


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    api_url: str
    credentials: TokenFile | AppKey | None
    """None reads public repositories only, 60 requests an hour."""
    webhook_secret_files: tuple[Path, ...]
    """The current one and, while secrets are being changed, the previous one. Empty: no webhooks are received."""
    writing: TokenFile | AppKey | None = None
    """What edits are written with, and nothing else. None: the service only reads."""
    webhook_token: TokenFile | None = None
    """What the webhook is looked after with, where not with ``credentials``."""
    name: str | None = None
    """What marketplaces call it. None: the GitHub of whichever names none."""

    @property
    def table(self) -> str:
        """What people call its part of the file."""
        return "github" if self.name is None else f"githubs.{self.name}"

    @property
    def webhook_path(self) -> str:
        """Where it delivers to. An address of its own, so that its secret says nothing about others' repositories."""
        return WEBHOOK_PATH if self.name is None else f"{WEBHOOK_PATH}/{self.name}"


@dataclass(frozen=True, slots=True)
class SyncSettings:
    reconcile_interval_s: float
    jitter_s: float
    concurrency: int
    request_timeout_s: float
    max_file_bytes: int
    max_files: int
    max_total_bytes: int
    tarball_max_bytes: int
    mirror_max_bytes: int
    quarantine: frozenset[Scan]
    """What keeps a skill that has it in a file out of the publication."""
    heal: Heal = "report"
    """What is done about deliveries that GitHub could not hand over: told, or asked for once more."""
    grace_after_loss: timedelta | None = None
    """How long a publication is still served whose repository is lost. None: until somebody decides otherwise."""


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """What holds for everybody who signs in, through whichever provider."""

    access_token_s: int
    refresh_idle: timedelta
    """How long a client may stay away and still be connected."""
    grant: timedelta
    """How long it stays connected at most, however busy."""
    refresh_window_s: int
    code_s: int
    transaction_s: int
    redirect_hosts: tuple[str, ...]
    """Where clients may be sent back to, beside Claude's own hosts and the person's machine."""
    cimd_hosts: tuple[str, ...]
    """Whose documents may say who a client is. Empty: any public host's."""
    registration: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One identity provider, and whom of its people it lets in."""

    preset: Preset
    name: str
    """What stands before the colon in the ids of its people; unique."""
    client_id: str
    client_secret_file: Path | None = None
    title: str | None = None
    """What its button says. None: what its preset calls it."""
    hosted_domains: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    anyone: bool = False
    """Whoever has an account there comes in. False: only people of the list above that fits the preset."""
    issuer: str | None = None
    """Character for character as the provider calls itself."""
    groups_claim: str = "groups"
    keep_claims: tuple[str, ...] = ()
    base_url: str | None = None
    api_url: str | None = None


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """API tokens open the service in ``oauth`` mode too."""

    mode: AuthMode
    oauth: OAuthSettings
    providers: tuple[ProviderSettings, ...]
    audit: timedelta
    """How long the audit is kept."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: LogLevel
    format: LogFormat | None
    """None: for people on a terminal, JSON otherwise."""


@dataclass(frozen=True, slots=True)
class UsageSettings:
    enabled: bool = True
    """Whether operators are told how often which skill was read and installed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator decides."""

    public_url: str | None
    data_dir: Path
    server: ServerSettings
    marketplaces: tuple[MarketplaceSettings, ...]
    github: GitHubSettings
    sync: SyncSettings
    auth: AuthSettings
    log: LogSettings
    usage: UsageSettings = UsageSettings()
    githubs: tuple[GitHubSettings, ...] = ()
    """Those that have names, beside ``github``."""
    origins: Origins = field(default_factory=Origins, repr=False, compare=False)
    """Where each value came from, for ``explain``."""

    @property
    def base_url(self) -> str:
        """What links are built from: ``public_url``, else where the server listens."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.server.host}]" if ":" in self.server.host else self.server.host
        return f"http://{host}:{self.server.port}"

    def github_of(self, marketplace: MarketplaceSettings) -> GitHubSettings:
        """The GitHub that has a marketplace's repository."""
        return next(each for each in (self.github, *self.githubs) if each.name == marketplace.github)

    @property
    def githubs_in_use(self) -> tuple[GitHubSettings, ...]:
        """Those that a marketplace is at, each once, in the order of the file."""
        used = {each.github for each in self.marketplaces}
        return tuple(each for each in (self.github, *self.githubs) if each.name in used)
