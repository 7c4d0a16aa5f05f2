"""Owns what may stand in config.toml: every table, its keys, their types, limits and defaults, and what contradicts what.

The pydantic models here are the only description of the file; the environment, the error messages, ``config show`` and the
test of config.example.toml all read them. They go no further than this package: ``load`` turns them into Settings.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from skillport_sync.config.auth_tables import AuthTable
from skillport_sync.config.kinds import Count, FilePath, Host, Network, Port, Seconds, Table, Text, Url
from skillport_sync.config.settings import Heal, MassRemoval, Scan, WriteMode

MIB = 1024 * 1024
GITHUB_BLOB_LIMIT = 100_000_000
"""GitHub's own limit for one file over its API: https://docs.github.com/rest/git/blobs."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}")
_GITHUB_NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,38}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")


def _public_url(text: str) -> str:
    url = urlsplit(text)
    if url.path:
        raise ValueError("must be without a path: the service answers at the root of its host")
    if not text.isascii():
        raise ValueError("must be ASCII: write the host as browsers send it, such as https://xn--bcher-kva.example")
    # Clients compare it, character for character, with what is left of it once they have taken it apart.
    default_port = ":443" if url.scheme == "https" else ":80"
    return f"{url.scheme}://{url.netloc.lower().removesuffix(default_port)}"


def _api_url(text: str) -> str:
    if urlsplit(text).hostname == "github.com":
        raise ValueError(
            "must be the API's URL: https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server"
        )
    return text


def _repository(text: str) -> str:
    if not _REPOSITORY.fullmatch(text) or text.endswith((".git", "/.", "/..")):
        raise ValueError('must be "owner/name" as in the address bar, without https://github.com/ and .git')
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError('must be a short label of letters, digits, ".", "_" and "-", such as "acme-skills"')
    return text


def _github_name(text: str) -> str:
    if not _GITHUB_NAME.fullmatch(text):
        raise ValueError('must be a short label of a-z, 0-9 and "-", such as "works": it is part of an address')
    return text


def _branch(text: str) -> str:
    if text.startswith(("refs/", "-", "/")) or ".." in text or any(char.isspace() for char in text):
        raise ValueError('must be the branch\'s name alone, such as "main"')
    return text


class RetentionTable(Table):
    publications: Count = 50
    days: Annotated[int, Field(ge=0)] = 1


class MarketplaceTable(Table):
    repository: Annotated[Text, AfterValidator(_repository)] = Field(examples=["acme/skills"])
    name: Annotated[Text, AfterValidator(_name)] | None = None
    branch: Annotated[Text, AfterValidator(_branch)] | None = None
    retention: RetentionTable = RetentionTable()
    mass_removal: MassRemoval = "hold"
    max_removed_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5
    write_mode: WriteMode = "commit"
    repository_id: Count | None = Field(default=None, examples=[123456789])
    github: Annotated[Text, AfterValidator(_github_name)] | None = Field(default=None, examples=["works"])

    @property
    def label(self) -> str:
        return self.name or self.repository


class ServerTable(Table):
    host: Host = "127.0.0.1"
    port: Port = 8080
    webhooks_host: Host | None = None
    webhooks_port: Port | None = None
    allowed_hosts: list[Text] = Field(default=[])
    allowed_origins: list[Text] = Field(default=[])
    mcp_max_bytes: Annotated[int, Field(ge=64 * 1024)] = 4 * MIB
    webhook_max_bytes: Annotated[int, Field(ge=MIB)] = 26 * MIB
    header_timeout_s: Seconds = 5.0
    keepalive_timeout_s: Seconds = 15.0
    trusted_proxies: list[Network] = Field(default=["127.0.0.0/8", "::1"])

    @model_validator(mode="after")
    def _private_listener(self) -> Self:
        if self.webhooks_host is not None and self.webhooks_port is None:
            raise ValueError("has webhooks_host without webhooks_port; add the port of the private listener")
        if (
            self.webhooks_port is not None
            and self.webhooks_port == self.port != 0
            and self.webhooks_host in (None, self.host)
        ):
            raise ValueError("gives both listeners the same port; choose another webhooks_port")
        return self


class GitHubTable(Table):
    api_url: Annotated[Url, AfterValidator(_api_url)] = "https://api.github.com"
    token_file: FilePath | None = Field(default=None, examples=["/etc/skillport-sync/github-token"])
    app_id: Count | None = Field(default=None, examples=[123456])
    private_key_file: FilePath | None = Field(default=None, examples=["/etc/skillport-sync/app.pem"])
    installation_id: Count | None = Field(default=None, examples=[7654321])
    write_token_file: FilePath | None = Field(default=None, examples=["/etc/skillport-sync/github-write-token"])
    write: bool = False
    webhook_token_file: FilePath | None = Field(default=None, examples=["/etc/skillport-sync/github-webhook-token"])
    webhook_secret_files: list[FilePath] = Field(default=[], examples=[["/etc/skillport-sync/webhook-secret"]])

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        app = (self.app_id, self.private_key_file)
        if self.token_file is not None and any(value is not None for value in (*app, self.installation_id)):
            raise ValueError("has both a token and an App; keep either token_file or app_id with private_key_file")
        if self.app_id is None and self.private_key_file is not None:
            raise ValueError("has private_key_file without app_id; add the App's id, its settings page shows it")
        if self.app_id is not None and self.private_key_file is None:
            raise ValueError("has app_id without private_key_file; add the path of the App's private key")
        if self.installation_id is not None and self.app_id is None:
            raise ValueError("has installation_id without app_id; an installation belongs to an App")
        if self.write and self.app_id is None:
            raise ValueError("has write = true without an App; a token that may write goes into write_token_file")
        if self.write and self.write_token_file is not None:
            raise ValueError("has write = true and write_token_file; edits are written with the App or with the token")
        return self


class NamedGitHubTable(GitHubTable):
    name: Annotated[Text, AfterValidator(_github_name)] = Field(examples=["works"])


class SyncTable(Table):
    reconcile_interval_s: Annotated[Seconds, Field(ge=1)] = 300.0
    jitter_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 30.0
    concurrency: Annotated[int, Field(ge=1, le=100)] = 8
    request_timeout_s: Seconds = 30.0
    max_file_bytes: Annotated[int, Field(ge=1, le=GITHUB_BLOB_LIMIT)] = 10_000_000
    max_files: Count = 100_000
    max_total_bytes: Count = 1024 * MIB
    tarball_max_bytes: Count = 200_000_000
    mirror_max_bytes: Annotated[int, Field(ge=16 * MIB)] = 4096 * MIB
    quarantine: list[Scan] = Field(default=[], examples=[["secrets", "hidden-unicode"]])
    heal: Heal = "report"
    grace_after_loss_days: Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)] | None = Field(
        default=None, examples=[30.0]
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.jitter_s > self.reconcile_interval_s:
            raise ValueError("has a jitter_s above reconcile_interval_s; lower it")
        if self.max_total_bytes > self.mirror_max_bytes:
            raise ValueError("lets a repository grow beyond the mirror; raise mirror_max_bytes above max_total_bytes")
        return self


class LogTable(Table):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] | None = None


class UsageTable(Table):
    enabled: bool = True


class ConfigTable(Table):
    """The whole file. Each field is checked for itself, so that all that is wrong can be told together."""

    public_url: Annotated[Url, AfterValidator(_public_url)] | None = Field(
        None, examples=["https://skills.example.com"]
    )
    data_dir: FilePath | None = Field(default=None, examples=["/var/lib/skillport-sync"])
    server: ServerTable = ServerTable()
    marketplaces: list[MarketplaceTable] = Field(default=[])
    github: GitHubTable = GitHubTable()
    githubs: list[NamedGitHubTable] = Field(default=[])
    sync: SyncTable = SyncTable()
    auth: AuthTable = AuthTable()
    log: LogTable = LogTable()
    usage: UsageTable = UsageTable()
