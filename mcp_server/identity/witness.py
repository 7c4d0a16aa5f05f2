"""Owns as whom GitHub is asked who is in an organisation, and when the no that it hears is one.

GitHub answers 404 also to whoever may not know (https://github.com/github/docs/issues/27266), so a no counts only where whoever
asks is inside: the owner of a token as a member, an App by its installation on that very organisation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from mcp_server.identity.github_api import GitHubApi, Membership

Authorization = Callable[[], Awaitable[str]]
"""The value of an Authorization header for the service's own GitHub account; empty when it has none."""


class Witness(Protocol):
    """The service's own account at a GitHub."""

    async def authorization(self, organization: str) -> str:
        """The value of an Authorization header to ask about this organisation with; empty for none.

        Raises: Unavailable, where waiting helps; another SkillportError where an operator has to do what it says.
        """
        ...

    async def is_inside(self, organization: str, api: GitHubApi) -> bool:
        """Whether it sees every member at this moment. Raises as ``authorization`` does."""
        ...


class TokenWitness:
    """Whoever the service's token belongs to."""

    def __init__(self, own: Authorization) -> None:
        self._own = own

    async def authorization(self, organization: str) -> str:
        del organization
        return await self._own()

    async def is_inside(self, organization: str, api: GitHubApi) -> bool:
        return await api.my_membership(organization, await self._own()) is Membership.ACTIVE


class Installations(Protocol):
    """The installations of one GitHub App, by organisation. Both raise as ``Witness.authorization`` does."""

    async def authorization(self, organization: str) -> str: ...

    async def is_on(self, organization: str) -> bool: ...


class AppWitness:
    """The service's GitHub App: a member of nothing, at home in the organisations that it is installed on."""

    def __init__(self, installations: Installations) -> None:
        self._installations = installations

    async def authorization(self, organization: str) -> str:
        return await self._installations.authorization(organization)

    async def is_inside(self, organization: str, api: GitHubApi) -> bool:
        del api
        return await self._installations.is_on(organization)
