"""Owns GitHub's OAuth as the stand-in speaks it, below ``/github`` like an Enterprise Server, with the API that a sign-in asks.

https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps, https://docs.github.com/rest/orgs/members
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from skillport_sync.standin.access import App, BadCredentials
from skillport_sync.standin.identity import asking
from skillport_sync.standin.identity.people import Person
from skillport_sync.standin.identity.tickets import Asked, Given

if TYPE_CHECKING:
    from skillport_sync.standin.identity.provider import StandInIdentity

PATH: Final = "/github"
API: Final = f"{PATH}/api/v3"


_SUSPENDED: Final = "This installation has been suspended"


@dataclass(frozen=True, slots=True)
class _Installed:
    app: App
    may_see_members: bool


class GitHubDialect:
    """A GitHub that knows people, their organisations, and what a token's scope opens."""

    def __init__(self, identity: StandInIdentity) -> None:
        self._identity = identity

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get(f"{PATH}/login/oauth/authorize", self._authorize)
        yield web.post(f"{PATH}/login/oauth/access_token", self._token)
        yield web.get(f"{API}/user", self._user)
        yield web.get(f"{API}/user/emails", self._emails)
        yield web.get(f"{API}/user/memberships/orgs/{{org}}", self._my_membership)
        yield web.get(f"{API}/user/{{id}}", self._somebody)
        yield web.get(f"{API}/orgs/{{org}}/memberships/{{login}}", self._membership)

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = asking.ask(self._identity.tickets, request.query, dialect="github", issuer="", wants_openid=False)
        if isinstance(asked, web.Response):
            return asked
        return self._identity.asks_who(asked)

    def answer(self, asked: Asked, person: Person) -> web.Response:
        """Send the person back, with a code."""
        return asking.back(asked, {"code": self._identity.tickets.code(asked, person)})

    async def _token(self, request: web.Request) -> web.Response:
        """GitHub refuses with 200: https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors."""
        tickets, form = self._identity.tickets, {name: str(value) for name, value in (await request.post()).items()}
        client = asking.client_of(tickets, request, form)
        if client is None:
            return web.json_response({"error": "incorrect_client_credentials"})
        found = asking.redeem(tickets, client, form)
        if found is None or found[0].dialect != "github":
            return web.json_response({"error": "bad_verification_code"})
        asked, person = found
        scope = ",".join(asked.scope.split())
        token = tickets.give(Given(person, "github", scope), prefix="gho_")
        return web.json_response({"access_token": token, "scope": scope, "token_type": "bearer"})

    async def _user(self, request: web.Request) -> web.Response:
        given = self._given(request)
        return _unauthorized() if given is None else web.json_response(given.person.github())

    async def _emails(self, request: web.Request) -> web.Response:
        given = self._given(request)
        if given is None:
            return _unauthorized()
        if "user:email" not in given.scope:
            return _not_found()
        person = given.person
        second = {"email": "second@private.example", "primary": False, "verified": True, "visibility": None}
        return web.json_response(
            [
                second,
                {"email": person.email, "primary": True, "verified": person.email_verified, "visibility": "private"},
            ]
        )

    async def _my_membership(self, request: web.Request) -> web.Response:
        given = self._given(request)
        if given is None:
            return _unauthorized()
        if "read:org" not in given.scope:
            return _forbidden("You need at least read:org scope or user scope to list your organizations.")
        return self._shown(given.person, request.match_info["org"])

    async def _somebody(self, request: web.Request) -> web.Response:
        installed = self._installed(request)
        if installed is not None and installed.app.suspended:
            return _forbidden(_SUSPENDED)
        if self._given(request) is None and installed is None:
            return _unauthorized()
        found = next((each for each in self._identity.people if str(each.github_id) == request.match_info["id"]), None)
        return _not_found() if found is None else web.json_response(found.github())

    async def _membership(self, request: web.Request) -> web.Response:
        org, login = request.match_info["org"], request.match_info["login"]
        installed, given = self._installed(request), self._given(request)
        if installed is not None:
            if installed.app.suspended:
                return _forbidden(_SUSPENDED)
            if installed.app.account.lower() != org.lower() or not installed.may_see_members:
                return _forbidden("Resource not accessible by integration")
        elif given is None:
            return _unauthorized()
        elif given.person.organizations.get(org) != "active" or "read:org" not in given.scope:
            return _forbidden(f"You must be a member of {org} to see membership information for {login}.")
        found = next((each for each in self._identity.people if each.github_login == login), None)
        return _not_found() if found is None else self._shown(found, org)

    def _shown(self, person: Person, org: str) -> web.Response:
        state = person.organizations.get(org)
        if state is None:
            return _not_found()
        if state == "hidden":
            return _forbidden(
                f"Although you appear to have the correct authorization credentials, {org} restricts access."
            )
        return web.json_response(
            {"state": state, "role": "member", "organization": {"login": org}, "user": person.github()}
        )

    def _installed(self, request: web.Request) -> _Installed | None:
        """Which App asks, with a token of one of its installations."""
        hub = self._identity.hub
        if hub is None:
            return None
        try:
            grant = hub.access.who(request.headers.get("Authorization"))
        except BadCredentials:
            return None
        if grant.app is None or grant.app.deleted:
            return None
        return _Installed(grant.app, grant.may("members", "read"))

    def _given(self, request: web.Request) -> Given | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = self._identity.tickets.given.get(token)
        return (
            given if scheme.lower() in ("bearer", "token") and given is not None and given.dialect == "github" else None
        )


def _unauthorized() -> web.Response:
    return web.json_response({"message": "Bad credentials", "status": "401"}, status=401)


def _forbidden(message: str) -> web.Response:
    return web.json_response({"message": message, "status": "403"}, status=403)


def _not_found() -> web.Response:
    return web.json_response({"message": "Not Found", "status": "404"}, status=404)
