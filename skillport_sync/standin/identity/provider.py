"""Owns the stand-in identity provider: who may be chosen, who may ask, what it signs with, and the port it listens on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from skillport_sync.standin.faults import Delay, Fail, Hang
from skillport_sync.standin.identity import asking, github, openid, page
from skillport_sync.standin.identity.github import GitHubDialect
from skillport_sync.standin.identity.openid import OpenIdDialect
from skillport_sync.standin.identity.people import DEMO_PEOPLE, Facts, Person
from skillport_sync.standin.identity.signing import SigningKey
from skillport_sync.standin.identity.spoiling import IdentityFaults
from skillport_sync.standin.identity.tickets import Asked, Client, Dialect, Given, Tickets
from skillport_sync.standin.journal import Journal, JournalEntry

if TYPE_CHECKING:
    from skillport_sync.standin.hub import StandInGitHub

SIGN_IN = "/sign-in"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandInIdentity:
    """Google, Entra, GitHub and an OpenID provider without a name, on one port of this machine.

    Attributes are read at every request and may be changed between them: ``people``, ``thin_id_tokens`` (an ID token with nothing
    in it but ``sub``; the rest is told by userinfo), ``client_authentication``, ``more_scopes``, ``announced_instead`` (members
    of the discovery document), ``userinfo_instead``.
    """

    def __init__(
        self,
        people: Sequence[Person] = DEMO_PEOPLE,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        hub: StandInGitHub | None = None,
    ) -> None:
        """With ``hub``, GitHub has its repositories and its Apps beside the people, at ``github_api_url``."""
        self.people: Sequence[Person] = people
        self.now = now
        self.hub = hub
        self.tickets = Tickets(now)
        self.faults = IdentityFaults()
        self.journal = Journal()
        self.key = _first_key()
        self.published_keys: Sequence[SigningKey] = (self.key,)
        self.thin_id_tokens = False
        self.client_authentication: Sequence[str] = ("client_secret_basic", "client_secret_post")
        self.more_scopes: Sequence[str] = ()
        self.announced_instead: Facts = {}
        self.userinfo_instead: Facts = {}
        self.url = ""
        self._dialects: dict[Dialect, OpenIdDialect | GitHubDialect] = {
            "oidc": OpenIdDialect(self, openid.OIDC),
            "google": OpenIdDialect(self, openid.GOOGLE),
            "microsoft": OpenIdDialect(self, openid.MICROSOFT),
            "github": GitHubDialect(self),
        }
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def issuer(self) -> str:
        return self.url

    @property
    def google_issuer(self) -> str:
        return self.url + openid.GOOGLE.authority

    @property
    def microsoft_url(self) -> str:
        """What stands before ``/{tenant}/v2.0``."""
        return f"{self.url}/entra"

    @property
    def github_url(self) -> str:
        return self.url + github.PATH

    @property
    def github_api_url(self) -> str:
        return self.url + github.API

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the URL. Raises: OSError."""
        application = web.Application(middlewares=[self._received])
        for dialect in self._dialects.values():
            application.add_routes(dialect.routes())
        application.router.add_post(SIGN_IN, self._sign_in)
        if self.hub is not None:
            application.add_routes(self.hub.routes_below(github.API))
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        self.url = f"http://{bound[0]}:{bound[1]}"
        return self.url

    async def close(self) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def register(self, client_id: str, secret: str | None = None, *, redirect_uris: Collection[str]) -> None:
        """Somebody who may ask; without a secret a public client. Registering again replaces."""
        self.tickets.clients[client_id] = Client(client_id, secret, frozenset(redirect_uris))

    def rotate_key(self, key: SigningKey | None = None) -> None:
        """Sign with another key from now on; the one before is published no more."""
        self.key = key or SigningKey()
        self.published_keys = (self.key,)

    def give_token(self, person: Person, *, scope: str) -> str:
        """A token of GitHub's that nobody had to sign in for, such as a service's own."""
        return self.tickets.give(Given(person, "github", scope), prefix="ghp_")

    def asks_who(self, asked: Asked) -> web.Response:
        """The page to choose on."""
        ticket = self.tickets.begin(asked)
        return asking.html(page.choose(self.people, ticket=ticket, action=SIGN_IN, client_id=asked.client_id))

    async def _sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.tickets.take(str(form.get("ticket", "")))
        if asked is None:
            return asking.html(page.refused("This sign-in is over. Start again from where you came."), status=400)
        person = next((each for each in self.people if each.id == form.get("person")), None)
        if person is None:
            return asking.back(asked, {"error": "access_denied"})
        return self._dialects[asked.dialect].answer(asked, person)

    @web.middleware
    async def _received(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What every request passes first: the journal, and what goes wrong on command."""
        http = self.faults.http
        entry = JournalEntry(
            request.method,
            request.path,
            dict(request.query),
            "api",
            request.headers.get(hdrs.ACCEPT, ""),
            hdrs.AUTHORIZATION in request.headers,
            asyncio.get_running_loop().time(),
            await request.read(),
        )
        self.journal.entries.append(entry)
        for gate in http.gates_of(entry.method, entry.path):
            await self._unless_closed(gate.hold())
        for fault in http.take(entry.method, entry.path):
            match fault:
                case Fail(status, body, headers):
                    return web.Response(status=status, body=body, headers=headers)
                case Delay(asyncio.Event() as event):
                    await self._unless_closed(event.wait())
                case Delay(float() | int() as seconds):
                    await self._unless_closed(asyncio.sleep(seconds))
                case Hang():
                    await self._closing.wait()
                case _:
                    raise TypeError(f"this stand-in cannot {type(fault).__name__.lower()} an answer")
        if http.is_down and request.transport is not None:
            request.transport.abort()
        response = await handler(request)
        entry.status = response.status
        return response

    async def _unless_closed(self, waiting: Coroutine[object, object, object]) -> None:
        """Wait, but not beyond the end of the stand-in."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


@cache
def _first_key() -> SigningKey:
    """The same for every stand-in of a process: making one takes long, and nothing depends on its being new."""
    return SigningKey()
