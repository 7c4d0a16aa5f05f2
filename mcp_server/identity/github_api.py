"""Owns what GitHub's API says of a person: who they are, which address is theirs, which organisations they are active in.

https://docs.github.com/rest/users/users, https://docs.github.com/rest/users/emails, https://docs.github.com/rest/orgs/members
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from urllib.parse import quote

import orjson

from mcp_server.identity.claims import shown_name, verified_email
from mcp_server.identity.failures import failing, nonsense
from mcp_server.identity.transport import Answer, Document, Transport

_HEADERS: Final = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
_PERSON, _MEMBERSHIP = "who you are", "the organisations you are in"


class Membership(Enum):
    """How one account stands to one organisation."""

    ACTIVE = auto()
    NONE = auto()
    """Not a member, or invited and not there yet."""
    HIDDEN = auto()
    """GitHub does not say: the organisation has not approved this client, or wants its own single sign-on first."""


@dataclass(frozen=True, slots=True)
class Account:
    """``id`` never changes and is never given again; ``login`` may be somebody else's tomorrow."""

    id: int
    login: str
    name: str


class GitHubApi:
    """GitHub's API, asked with whatever credentials a call brings."""

    def __init__(self, transport: Transport, api_url: str) -> None:
        self._transport = transport
        self._api_url = api_url

    async def myself(self, authorization: str) -> Account:
        """Whose token this is. Raises: Unavailable."""
        answer = await self._get("/user", authorization, _PERSON)
        account = _account(self._found(answer, _PERSON))
        if account is None:
            raise nonsense(self._transport.title, _PERSON, "it names no account")
        return account

    async def account(self, account_id: int, authorization: str) -> Account | None:
        """The account with this id; None: there is none, or not for whoever asks. Raises: Unavailable."""
        answer = await self._get(f"/user/{account_id}", authorization, _PERSON)
        if answer.status == 404:
            return None
        account = _account(self._found(answer, _PERSON))
        return account if account is not None and account.id == account_id else None

    async def verified_email(self, authorization: str) -> str | None:
        """The primary address, if it was verified. None as well where this client may not see it. Raises: Unavailable."""
        answer = await self._get("/user/emails", authorization, "your address")
        if answer.status in (403, 404):
            return None
        if answer.status != 200:
            raise failing(self._transport.title, "your address", answer.status)
        try:
            listed = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            listed = None
        for each in listed if isinstance(listed, list) else []:
            if isinstance(each, dict) and each.get("primary") is True:
                return verified_email(each.get("email"), each.get("verified"))
        return None

    async def my_membership(self, organization: str, authorization: str) -> Membership:
        """How the owner of the token stands to it. Raises: Unavailable."""
        path = f"/user/memberships/orgs/{quote(organization, safe='')}"
        return self._membership(await self._get(path, authorization, _MEMBERSHIP))

    async def membership(self, organization: str, account: Account, authorization: str) -> Membership:
        """How somebody else stands to it, as far as the owner of the token may know. Raises: Unavailable."""
        path = f"/orgs/{quote(organization, safe='')}/memberships/{quote(account.login, safe='')}"
        return self._membership(await self._get(path, authorization, _MEMBERSHIP), account.id)

    def _membership(self, answer: Answer, account_id: int | None = None) -> Membership:
        if answer.status == 404:
            return Membership.NONE
        if answer.status in (302, 403):
            return Membership.HIDDEN
        found = self._found(answer, _MEMBERSHIP)
        user = found.get("user")
        if account_id is not None and not (isinstance(user, Mapping) and user.get("id") == account_id):
            return Membership.NONE
        return Membership.ACTIVE if found.get("state") == "active" else Membership.NONE

    def _found(self, answer: Answer, what: str) -> Document:
        if answer.status != 200:
            raise failing(self._transport.title, what, answer.status)
        return self._transport.parsed(answer, what=what)

    async def _get(self, path: str, authorization: str, what: str) -> Answer:
        answer = await self._transport.get(
            self._api_url + path, what=what, authorization=authorization, headers=_HEADERS
        )
        # A limit says 403 too: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
        spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
        if answer.status == 429 or (answer.status == 403 and spent):
            raise failing(self._transport.title, what, 429)
        return answer


def _account(found: Document) -> Account | None:
    account_id, login = found.get("id"), found.get("login")
    if type(account_id) is not int or account_id <= 0 or not isinstance(login, str) or not login:
        return None
    return Account(account_id, login, shown_name(found.get("name"), login))
