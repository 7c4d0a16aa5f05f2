"""Owns who the client is: nobody, a token, or a GitHub App that mints itself tokens for an hour.

Nothing of it is ever shown. Tokens are opaque: since 2026 an installation's is some 520 characters long and has dots inside.
https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import aiohttp
import jwt
from gidgethub import apps
from yarl import URL

from skillport_sync.errors import Conflict, Denied, Invalid, Missing
from skillport_sync.github.budget import DEFAULT_LIMITS, Limits
from skillport_sync.github.host import Host
from skillport_sync.github.locations import repository_path
from skillport_sync.github.transport import API_URL, USER_AGENT, Credentials, Transport
from skillport_sync.github.wire import InstallationToken, read_installation, read_installation_token
from skillport_sync.ports import Clock

__all__ = [
    "PULL_REQUESTS",
    "READ_ONLY",
    "WRITING",
    "Anonymous",
    "AppCredentials",
    "AppJwt",
    "Credentials",
    "StaticToken",
    "usable_until",
]

READ_ONLY: Mapping[str, str] = MappingProxyType({"contents": "read", "metadata": "read"})
WRITING: Mapping[str, str] = MappingProxyType({"contents": "write", "metadata": "read"})
PULL_REQUESTS: Mapping[str, str] = MappingProxyType({"pull_requests": "write"})

_RENEW_BEFORE = timedelta(minutes=5)
_SHORTEST_USE = timedelta(minutes=1)
"""So long a new token is used whatever its expiry says: a clock that is wrong here must not mint one for every request."""

_JWT_LIFETIME_S = 9 * 60
"""GitHub allows ten minutes; one is left for a clock that is ahead."""

_BY_ID = re.compile(r"/repositories/(\d+)(?:/|$)")


class StaticToken:
    """A personal access token, or any other that was made elsewhere."""

    __slots__ = ("_authorization",)

    def __init__(self, token: str, *, key: str = "token_file") -> None:
        """``token`` may have white space around it, as files do; ``key`` says where it is named.

        Raises Invalid for what no header can carry.
        """
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Invalid(
                f"The GitHub token is empty, or has characters in it that no token has. Check {key} in the configuration.",
                code="github_token_invalid",
            )
        self._authorization = f"token {token}"

    async def authorization(self) -> str:
        return self._authorization

    def invalidate(self, refused: str) -> bool:
        del refused  # there is no other token
        return False


class Anonymous:
    """Nobody: GitHub shows public repositories, and answers 60 requests an hour."""

    __slots__ = ()

    async def authorization(self) -> str:
        return ""

    def invalidate(self, refused: str) -> bool:
        del refused  # there was nothing to refuse
        return False


class AppCredentials:
    """A GitHub App on one repository: its installation's token, narrowed to ``permissions``, that repository and ``others``.

    ``others`` are repositories of the same owner that are needed beside it; those that the installation lacks are left out, and
    so are permissions that are only ``wished`` for. A token is kept until five minutes before it expires, or until GitHub refuses
    it. However many wait for one, one is minted.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        app_id: str,
        private_key: str,
        repository: str,
        others: Callable[[], Collection[str]] = tuple,
        installation_id: int | None = None,
        permissions: Mapping[str, str] = READ_ONLY,
        wished: Mapping[str, str] = MappingProxyType({}),
        api_url: str = API_URL,
        user_agent: str = USER_AGENT,
        clock: Clock,
        limits: Limits = DEFAULT_LIMITS,
        host: Host | None = None,
    ) -> None:
        """``private_key`` is PEM. Without ``installation_id`` GitHub is asked which installation has the repository."""
        self._api = Transport(
            session,
            AppJwt(app_id, private_key),
            api_url=api_url,
            user_agent=user_agent,
            clock=clock,
            max_concurrency=1,
            limits=limits,
            host=host,
        )
        self._repository = repository
        self._others = others
        self._minted_for: frozenset[str] = frozenset()
        self._installation = installation_id
        self._permissions = dict(permissions)
        self._wished = dict(wished)
        self._clock = clock
        self._minting = asyncio.Lock()
        self._authorization: str | None = None
        self._usable_until: datetime = clock.now()

    async def authorization(self) -> str:
        """Raises Denied or Missing where the App has no access to the repository, or not as much as it needs, else what asking
        GitHub raises.
        """
        async with self._minting:
            needed = self._needed()
            has_expired = self._clock.now() >= self._usable_until
            if self._authorization is None or has_expired or not needed <= self._minted_for:
                self._authorization = await self._mint(needed)
                self._minted_for = needed
            return self._authorization

    def invalidate(self, refused: str) -> bool:
        if refused == self._authorization:
            self._authorization = None
        return True

    def _needed(self) -> frozenset[str]:
        owner = self._repository.partition("/")[0].lower()
        return frozenset(other for other in self._others() if other.partition("/")[0].lower() == owner)

    async def _mint(self, others: frozenset[str]) -> str:
        if self._installation is None:
            self._installation, _ = await self._find(self._repository)
        own = self._repository.partition("/")[2]
        if others:
            try:
                return await self._mint_for({"repositories": sorted({own, *map(_name_of, others)})})
            except Conflict:
                # The installation lacks one of them, and GitHub does not say which.
                others = frozenset([other for other in others if await self._has(other)])
        try:
            return await self._mint_for({"repositories": sorted({own, *map(_name_of, others)})})
        except Conflict:
            # The installation knows no repository of that name. It may have been renamed: then its number still holds.
            _, number = await self._find(self._repository)
            if number is None:
                raise Denied(
                    f"The GitHub App's installation {self._installation} has no access to {self._repository}. "
                    "Add the repository to the installation.",
                    code="app_without_repository",
                ) from None
            return await self._mint_for({"repository_ids": [number]})

    async def _mint_for(self, narrowed: Mapping[str, object]) -> str:
        """Raises Conflict where the installation lacks one of the repositories."""
        path = f"/app/installations/{self._installation}/access_tokens"
        wished = {**self._permissions, **self._wished}
        for permissions in (wished, self._permissions) if self._wished else (self._permissions,):
            try:
                answer: object = await self._api.post(path, data={**narrowed, "permissions": permissions})
                break
            except Conflict as refused:
                if not _lacks_permission(refused):
                    raise
        else:
            raise self._without_permission()
        minted = read_installation_token(answer)
        self._usable_until = usable_until(minted, self._clock.now())
        return f"token {minted.token}"

    def _without_permission(self) -> Denied:
        needed = ", ".join(f"{name}={level}" for name, level in sorted(self._permissions.items()))
        return Denied(
            f"The GitHub App's installation {self._installation} was not granted what is needed on {self._repository}: {needed}. "
            "Give the App these permissions, and accept them where it is installed.",
            code="app_without_permission",
        )

    async def _has(self, repository: str) -> bool:
        """Whether the same installation has this repository, under this name."""
        try:
            installation, number = await self._find(repository)
        except Missing:
            return False
        return installation == self._installation and number is None

    async def _find(self, repository: str) -> tuple[int, int | None]:
        """The installation that has the repository; and the repository's number, which GitHub tells when it was renamed."""
        try:
            answer = await self._api.ask(repository_path(repository, "installation"))
        except Missing:
            raise Missing(
                f"The GitHub App is not installed on {repository}. Install it there, or give the right repository.",
                code="app_not_installed",
            ) from None
        number = _BY_ID.search(URL(answer.url, encoded=True).path) if answer.moved else None
        return read_installation(answer.body), int(number[1]) if number else None


def usable_until(minted: InstallationToken, now: datetime) -> datetime:
    """When to mint the next one: early enough, and never at once."""
    return max(minted.expires_at - _RENEW_BEFORE, now + _SHORTEST_USE)


def _lacks_permission(refused: Conflict) -> bool:
    # Told apart from a repository that is not there by GitHub's words only.
    return "permissions requested" in refused.message


def _name_of(repository: str) -> str:
    return repository.partition("/")[2]


class AppJwt:
    """What an App calls itself towards GitHub: a signed statement, made anew for each request."""

    __slots__ = ("_app_id", "_private_key")

    def __init__(self, app_id: str, private_key: str) -> None:
        self._app_id = app_id
        self._private_key = private_key
        self._sign()

    async def authorization(self) -> str:
        return f"Bearer {self._sign()}"

    def invalidate(self, refused: str) -> bool:
        del refused  # another one would say the same
        return False

    def _sign(self) -> str:
        try:
            return apps.get_jwt(app_id=self._app_id, private_key=self._private_key, expiration=_JWT_LIFETIME_S)
        except (ValueError, TypeError, jwt.PyJWTError):
            # Not chained: what cannot be read is a secret all the same.
            raise Invalid(
                "The GitHub App's private key cannot be read as PEM. Check private_key_file in the configuration.",
                code="github_key_invalid",
            ) from None
