"""Owns who is asking: personal tokens, Apps with their installations, and what each may do in which repository.

A repository nobody may see is answered 404, never 403; a missing permission in a visible one is 403 (github.md §5).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import jwt
from jwt.types import Options

from skillport_sync.standin import shapes
from skillport_sync.standin.hooks import Hook
from skillport_sync.standin.repository import Repository
from skillport_sync.standin.shapes import Json

EVERYTHING: Final[Mapping[str, str]] = {
    "contents": "write",
    "metadata": "read",
    "repository_hooks": "write",
    "pull_requests": "write",
    "workflows": "write",
}
TOKEN_LIFETIME = timedelta(hours=1)
LONGEST_JWT = timedelta(minutes=10)
CLOCK_SLACK = timedelta(seconds=60)
_RANKS = {"read": 1, "write": 2, "admin": 3}


@dataclass(slots=True)
class App:
    """A GitHub App with its one installation. ``repositories`` None means all of them."""

    id: int
    public_key: str
    installation_id: int
    account: str
    repositories: frozenset[str] | None
    permissions: Mapping[str, str]
    created_at: datetime
    events: tuple[str, ...] = ("push", "repository")
    hook: Hook | None = None
    suspended: bool = False
    deleted: bool = False

    def covers(self, repository: Repository) -> bool:
        mine = self.account.lower() == repository.owner.lower()
        return not self.deleted and mine and _named(self.repositories, repository)

    def described(self, api: str) -> Json:
        """The schema ``installation``."""
        return {
            "id": self.installation_id,
            "account": shapes.account(api, self.account, "Organization"),
            "repository_selection": "all" if self.repositories is None else "selected",
            "access_tokens_url": f"{api}/app/installations/{self.installation_id}/access_tokens",
            "repositories_url": f"{api}/installation/repositories",
            "html_url": f"{api}/organizations/{self.account}/settings/installations/{self.installation_id}",
            "app_id": self.id,
            "app_slug": f"app-{self.id}",
            "target_id": shapes.account_id(self.account),
            "target_type": "Organization",
            "permissions": dict(self.permissions),
            "events": list(self.events),
            "created_at": shapes.moment(self.created_at),
            "updated_at": shapes.moment(self.created_at),
            "single_file_name": None,
            "suspended_by": shapes.account(api, self.account, "Organization") if self.suspended else None,
            "suspended_at": shapes.moment(self.created_at) if self.suspended else None,
        }


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token opens. ``identity`` is whose rate limit it spends."""

    identity: str
    login: str
    repositories: frozenset[str] | None
    permissions: Mapping[str, str]
    expires_at: datetime | None = None
    app: App | None = None

    def sees(self, repository: Repository) -> bool:
        return _named(self.repositories, repository) and (self.app is None or self.app.covers(repository))

    def may(self, permission: str, level: str) -> bool:
        return _RANKS.get(self.permissions.get(permission, ""), 0) >= _RANKS[level]


ANONYMOUS: Final = Grant("anonymous", "ghost", frozenset(), {"contents": "read", "metadata": "read"})


def _named(names: frozenset[str] | None, repository: Repository) -> bool:
    return names is None or not names.isdisjoint(repository.aliases)


class BadCredentials(Exception):
    """The caller showed something that opens nothing; the message is GitHub's."""


@dataclass(slots=True)
class Access:
    """Every token and App this GitHub knows."""

    now: Callable[[], datetime]
    grants: dict[str, Grant] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    further: list[App] = field(default_factory=list)
    """The same Apps in other accounts: known to what asks for an account's installation, or for an installation's token."""

    def accept(
        self, token: str, repositories: Collection[str] | None, permissions: Mapping[str, str], login: str
    ) -> Grant:
        names = None if repositories is None else frozenset(name.lower() for name in repositories)
        grant = self.grants[token] = Grant(f"user {login}", login, names, dict(permissions))
        return grant

    def issue(
        self, app: App, names: Collection[str] | None, permissions: Mapping[str, str] | None
    ) -> tuple[str, Grant]:
        """An installation token in the long form of 2026: about 520 characters, with dots inside (github.md §5)."""
        chosen = app.repositories if names is None else frozenset(name.lower() for name in names)
        allowed = permissions or app.permissions
        grant = Grant(
            f"installation {app.installation_id}",
            f"app-{app.id}[bot]",
            chosen,
            dict(allowed),
            self.now() + TOKEN_LIFETIME,
            app,
        )
        head = base64.urlsafe_b64encode(b'{"alg":"ES256","typ":"JWT"}').decode().rstrip("=")
        token = f"ghs_{app.id}_{head}.{secrets.token_urlsafe(290)}.{secrets.token_urlsafe(64)}"
        self.grants[token] = grant
        return token, grant

    def who(self, authorization: str | None) -> Grant:
        """Read ``Authorization: token …`` or ``Bearer …``; nothing at all is anonymous. Raises: BadCredentials."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        grant = self.grants.get(token.strip()) if scheme.lower() in ("token", "bearer") else None
        if grant is None or (grant.expires_at is not None and grant.expires_at <= self.now()):
            raise BadCredentials("Bad credentials")
        return grant

    def install(self, app: App, installation_id: int, *, account: str, permissions: Mapping[str, str]) -> App:
        """The same App in one more account, all of whose repositories it has."""
        again = replace(
            app, installation_id=installation_id, account=account, repositories=None, permissions=dict(permissions)
        )
        self.further.append(again)
        return again

    def installations(self, app: App) -> list[App]:
        """Every one of this App, removed ones too."""
        return [app, *(each for each in self.further if each.id == app.id)]

    def which_app(self, authorization: str | None) -> App:
        """Read a JWT signed with the App's key: RS256, at most ten minutes. Raises: BadCredentials."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise BadCredentials("A JSON web token could not be decoded")
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
            app = self.apps[int(issuer)]
            claims = jwt.decode(token, app.public_key, algorithms=["RS256"], options=_OWN_CLOCK)
            issued, expires = float(claims["iat"]), float(claims["exp"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError) as error:
            raise BadCredentials("A JSON web token could not be decoded") from error
        now = self.now().timestamp()
        if issued > now + CLOCK_SLACK.total_seconds():
            raise BadCredentials(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
            )
        if expires <= now:
            raise BadCredentials("'Expiration time' claim ('exp') must be a numeric value representing the future time")
        if expires - now > (LONGEST_JWT + CLOCK_SLACK).total_seconds():
            raise BadCredentials("'Expiration time' claim ('exp') is too far in the future")
        return app


# The stand-in may live by another clock than the machine, so times are compared here and not by the library.
_OWN_CLOCK: Final[Options] = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
}
