"""Owns the handing down: checked tables become Settings, and Settings can say where each of their values came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import platformdirs
from pydantic import BaseModel

from skillport_sync.config.auth_tables import AuthTable
from skillport_sync.config.origin import KeyPath, Origins, dotted
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
from skillport_sync.config.tables import ConfigTable, GitHubTable
from skillport_sync.ports import MarketplaceName

APPLICATION = "skillport-sync"
_LISTS_OF_TABLES = frozenset({"marketplaces", "providers", "githubs"})
"""Empty, they are nothing to show."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A key, what it is, and where that was said: ``file:line``, ``environment NAME`` or ``default``."""

    key: str
    value: object
    source: str


def explain(settings: Settings) -> list[Explained]:
    """Every key with its value in force. Secrets are not among them: only their files' paths are ever read here."""
    origins = settings.origins
    return [Explained(dotted(path), value, origins.of(path) or "default") for path, value in origins.values.items()]


def settings_of(table: ConfigTable, origins: Origins) -> Settings:
    """The tables as plain values, with paths made absolute."""
    server, sync = table.server, table.sync
    data_dir = _path(table.data_dir, ("data_dir",), origins) or platformdirs.user_data_path(APPLICATION)
    settings = Settings(
        public_url=table.public_url,
        data_dir=data_dir,
        server=ServerSettings(
            host=server.host,
            port=server.port,
            webhooks_host=server.webhooks_host or ("127.0.0.1" if server.webhooks_port is not None else None),
            webhooks_port=server.webhooks_port,
            allowed_hosts=tuple(server.allowed_hosts),
            allowed_origins=tuple(server.allowed_origins),
            mcp_max_bytes=server.mcp_max_bytes,
            webhook_max_bytes=server.webhook_max_bytes,
            header_timeout_s=server.header_timeout_s,
            keepalive_timeout_s=server.keepalive_timeout_s,
            trusted_proxies=tuple(map(ip_network, server.trusted_proxies)),
        ),
        marketplaces=tuple(
            MarketplaceSettings(
                MarketplaceName(each.label),
                each.repository,
                each.branch,
                Retention(each.retention.publications, each.retention.days),
                each.mass_removal,
                each.max_removed_share,
                each.write_mode,
                each.repository_id,
                each.github,
            )
            for each in table.marketplaces
        ),
        github=_github(table.github, ("github",), origins),
        sync=SyncSettings(
            reconcile_interval_s=sync.reconcile_interval_s,
            jitter_s=sync.jitter_s,
            concurrency=sync.concurrency,
            request_timeout_s=sync.request_timeout_s,
            max_file_bytes=sync.max_file_bytes,
            max_files=sync.max_files,
            max_total_bytes=sync.max_total_bytes,
            tarball_max_bytes=sync.tarball_max_bytes,
            mirror_max_bytes=sync.mirror_max_bytes,
            quarantine=frozenset(sync.quarantine),
            heal=sync.heal,
            grace_after_loss=None if sync.grace_after_loss_days is None else timedelta(days=sync.grace_after_loss_days),
        ),
        auth=_auth(table.auth, origins),
        log=LogSettings(table.log.level, table.log.format),
        usage=UsageSettings(table.usage.enabled),
        githubs=tuple(
            replace(_github(each, ("githubs", index), origins), name=each.name)
            for index, each in enumerate(table.githubs)
        ),
        origins=origins,
    )
    return replace(settings, origins=replace(origins, values=_in_force(table, settings)))


def _in_force(table: ConfigTable, settings: Settings) -> dict[KeyPath, object]:
    """Every key with its value, paths and names as they came to be."""
    values = dict(_leaves(table, ()))
    values[("data_dir",)] = str(settings.data_dir)
    for index, marketplace in enumerate(settings.marketplaces):
        values[("marketplaces", index, "name")] = marketplace.name
    values |= _files_of(settings.github, ("github",))
    for index, github in enumerate(settings.githubs):
        values |= _files_of(github, ("githubs", index))
    values[("auth", "mode")] = settings.auth.mode
    for index, provider in enumerate(settings.auth.providers):
        at = ("auth", "providers", index)
        values[(*at, "name")] = provider.name
        if provider.client_secret_file is not None:
            values[(*at, "client_secret_file")] = str(provider.client_secret_file)
    return values


def _files_of(github: GitHubSettings, at: KeyPath) -> dict[KeyPath, object]:
    """The files that a GitHub's table names, by their keys."""
    files: dict[KeyPath, object] = {(*at, "webhook_secret_files"): [str(path) for path in github.webhook_secret_files]}
    match github.credentials:
        case TokenFile(path):
            files[(*at, "token_file")] = str(path)
        case AppKey(private_key_file=path):
            files[(*at, "private_key_file")] = str(path)
    if isinstance(github.writing, TokenFile):
        files[(*at, "write_token_file")] = str(github.writing.path)
    if github.webhook_token is not None:
        files[(*at, "webhook_token_file")] = str(github.webhook_token.path)
    return files


def _github(table: GitHubTable, at: KeyPath, origins: Origins) -> GitHubSettings:
    token_file = _path(table.token_file, (*at, "token_file"), origins)
    key_file = _path(table.private_key_file, (*at, "private_key_file"), origins)
    credentials: TokenFile | AppKey | None = None
    if token_file is not None:
        credentials = TokenFile(token_file)
    elif table.app_id is not None and key_file is not None:
        credentials = AppKey(table.app_id, key_file, table.installation_id)
    secret_files = (_path(text, (*at, "webhook_secret_files"), origins) for text in table.webhook_secret_files)
    write_file = _path(table.write_token_file, (*at, "write_token_file"), origins)
    writing = TokenFile(write_file) if write_file is not None else credentials if table.write else None
    webhook_file = _path(table.webhook_token_file, (*at, "webhook_token_file"), origins)
    return GitHubSettings(
        table.api_url,
        credentials,
        tuple(path for path in secret_files if path is not None),
        writing,
        None if webhook_file is None else TokenFile(webhook_file),
    )


def _auth(table: AuthTable, origins: Origins) -> AuthSettings:
    return AuthSettings(
        mode=table.mode_in_force,
        oauth=OAuthSettings(
            access_token_s=table.access_token_s,
            refresh_idle=timedelta(days=table.refresh_token_idle_days),
            grant=timedelta(days=table.grant_days),
            refresh_window_s=table.refresh_window_s,
            code_s=table.code_s,
            transaction_s=table.transaction_s,
            redirect_hosts=tuple(table.redirect_hosts),
            cimd_hosts=tuple(table.cimd_hosts),
            registration=table.registration,
        ),
        providers=tuple(
            ProviderSettings(
                preset=each.preset,
                name=each.label,
                client_id=each.client_id,
                client_secret_file=_path(
                    each.client_secret_file, ("auth", "providers", index, "client_secret_file"), origins
                ),
                title=each.title,
                hosted_domains=tuple(each.hosted_domains),
                tenants=tuple(each.tenants),
                organizations=tuple(each.organizations),
                anyone=each.anyone,
                issuer=each.issuer,
                groups_claim=each.groups_claim,
                keep_claims=tuple(each.keep_claims),
                base_url=each.base_url,
                api_url=each.api_url,
            )
            for index, each in enumerate(table.providers)
        ),
        audit=timedelta(days=table.audit_days),
    )


def _path(text: str | None, key: KeyPath, origins: Origins) -> Path | None:
    """An absolute path. What the file says is meant from where the file is, what the environment says from here.

    Symbolic links stay: a secret that is exchanged behind one has to be found again.
    """
    if text is None:
        return None
    base = Path() if origins.file is None or key in origins.variables else origins.file.parent
    return (base / Path(text).expanduser()).absolute()


def _leaves(value: BaseModel, prefix: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    for name in type(value).model_fields:
        inner: object = getattr(value, name)
        if isinstance(inner, BaseModel):
            yield from _leaves(inner, (*prefix, name))
        elif isinstance(inner, list) and inner and isinstance(inner[0], BaseModel):
            for index, item in enumerate(inner):
                yield from _leaves(item, (*prefix, name, index))
        elif name not in _LISTS_OF_TABLES:
            yield (*prefix, name), inner
