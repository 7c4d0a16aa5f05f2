"""Owns the routes of the REST API: which address asks what. Who asks is the front door's to say, what is answered is decided by
``queries``, how it reads is ``wording``; what changes skills is ``editing``.

A skill is named by its name, or by ``plugin/name`` as two segments or percent-encoded as one. The last segment's own words
(``versions``, ``install``, ``bump``, …) go before a skill of that name, which ``plugin%2Finstall`` still means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, ParamSpec, TypeVar

from aiohttp import hdrs, web

from mcp_server.authentication import Caller
from mcp_server.body import read_body
from mcp_server.front_door import FrontDoor, Handler
from mcp_server.install.links import InstallLinks
from mcp_server.marketplace.settings_snippet import connect
from mcp_server.reads import OnRead, Read, unread
from mcp_server.rest import wording
from mcp_server.rest.editing import Editing
from mcp_server.rest.questions import at_of, browse_of, installed_of, label_of, target_of
from mcp_server.tool import OnQuery, unheard
from skillport_sync.errors import Denied, Missing, SkillportError
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import ContentsAnswer
from skillport_sync.queries.fetching import own_paths
from skillport_sync.queries.views import off_loop

_P = ParamSpec("_P")
_T = TypeVar("_T")

SURFACE: Final = "rest"
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
LARGE_BYTES: Final = 64 * 1024
"""From here on a text is put into JSON, or JSON is read, on another thread."""

Answer = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


def rest_routes(
    *,
    door: FrontDoor,
    queries: Queries,
    links: InstallLinks,
    base_url: str,
    on_read: OnRead = unread,
    on_query: OnQuery = unheard,
    editing: Editing | None = None,
) -> list[web.RouteDef]:
    """The REST API, and 404 in JSON for whatever else is asked below ``/api/``.

    ``base_url`` is where this service is reached, ``on_read`` is told of every SKILL.md that is given out, or is not. ``editing``
    answers at the same addresses for what changes skills; without it they are only read.
    """
    return _Rest(door, queries, links, base_url, on_read, on_query, editing).routes()


class _Rest:
    def __init__(
        self,
        door: FrontDoor,
        queries: Queries,
        links: InstallLinks,
        base_url: str,
        on_read: OnRead,
        on_query: OnQuery,
        editing: Editing | None,
    ) -> None:
        self._door = door
        self._queries = queries
        self._links = links
        self._base_url = base_url
        self._on_read = on_read
        self._on_query = on_query
        self._editing = editing

    def routes(self) -> list[web.RouteDef]:
        get = {
            "/api/whoami": self._known("whoami", self._whoami),
            "/api/skills": self._known("list", self._skills),
            "/api/claude-code": self._known("claude-code", self._claude_code),
            "/api/debug/plugins": self._known("plugins", self._plugins),
        }
        skill: dict[str, Handler] = {hdrs.METH_GET: self._known("fetch", self._skill)}
        words: dict[str, Mapping[str, Handler]] = {
            "versions": {hdrs.METH_GET: self._known("version", self._versions)},
            "install": {hdrs.METH_GET: self._known("install", self._install)},
        }
        changes: list[web.RouteDef] = []
        if self._editing is not None:
            skill |= self._editing.of_skill
            words |= self._editing.of_words
            changes = [self._door.resource("/api/changes", self._editing.of_changes)]
        return [
            *(self._door.resource(path, {hdrs.METH_GET: handler}) for path, handler in get.items()),
            *changes,
            self._door.resource("/api/skills/{name}", skill),
            *(
                # A question that makes something is not asked by a HEAD.
                self._door.resource(f"{path}/{word}", handlers, head=word == "versions")
                for word, handlers in words.items()
                for path in ("/api/skills/{name}", "/api/skills/{plugin}/{name}")
            ),
            # Behind the words above: whatever else is a second segment is a name.
            self._door.resource("/api/skills/{plugin}/{name}", skill),
            self._door.resource("/api/check-updates", {hdrs.METH_POST: self._known("installed", self._updates)}),
            web.route(hdrs.METH_ANY, "/api", self._door.anybody(_no_such_route)),
            web.route(hdrs.METH_ANY, "/api/{path:.*}", self._door.anybody(_no_such_route)),
        ]

    def _known(self, operation: str, answer: Answer) -> Handler:
        async def told(request: web.Request, caller: Caller) -> web.StreamResponse:
            try:
                response = await answer(request, caller)
            except SkillportError as error:
                self._on_query(operation, SURFACE, error.code)
                raise
            self._on_query(operation, SURFACE, "ok")
            return response

        return self._door.known(told)

    async def _whoami(self, request: web.Request, caller: Caller) -> web.Response:  # noqa: ARG002  whoever asks
        answer = await self._queries.whoami(caller.principal)
        return _json(
            wording.whoami(answer, await self._editing.writable(caller) if self._editing is not None else None)
        )

    async def _skills(self, request: web.Request, caller: Caller) -> web.Response:
        asked = browse_of(request.query)
        answer = await self._queries.browse(
            caller.principal,
            query=asked.query,
            surface=asked.surface,
            plugin=asked.plugin,
            published=asked.published,
        )
        refresh = "refresh" in request.query
        return _json(await off_loop(len(answer.skills), wording.browsed, answer, asked.surface, refresh=refresh))

    async def _plugins(self, request: web.Request, caller: Caller) -> web.Response:  # noqa: ARG002  takes no arguments
        who = await self._queries.whoami(caller.principal)
        if not any(who.editor.values()):
            raise Denied("Only editors see how plugins are laid out. GET /api/skills shows what you may read.")
        answer = await self._queries.browse(caller.principal)
        return _json(await off_loop(len(answer.skills), wording.plugins, answer))

    async def _skill(self, request: web.Request, caller: Caller) -> web.Response:
        label, at = label_of(request.match_info), at_of(request.query)
        try:
            answer = await self._queries.contents(caller.principal, label, version=at.version, commit=at.commit)
            path = _skill_md(answer)
            skill_md = None if path is None else await self._queries.content(answer, path)
        except SkillportError as error:
            self._on_read(caller, Read(label, (), error.code))
            raise
        self._on_read(caller, _read(answer, path))
        size = len(skill_md or b"") + sum(len(name) for name, _ in answer.files)
        return _json(await _away_if(size > LARGE_BYTES, wording.contents, answer, skill_md))

    async def _versions(self, request: web.Request, caller: Caller) -> web.Response:
        return _json(wording.versions(await self._queries.versions(caller.principal, label_of(request.match_info))))

    async def _install(self, request: web.Request, caller: Caller) -> web.Response:
        label, at, target = label_of(request.match_info), at_of(request.query), target_of(request.query)
        offer = await self._links.offer(caller, label, version=at.version, commit=at.commit, target=target)
        return _json(wording.offered(offer))

    async def _updates(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        body = await read_body(request, MAX_BODY_BYTES)
        if isinstance(body, web.Response):
            return body
        installed = await _away_if(len(body) > LARGE_BYTES, installed_of, body)
        answer = await self._queries.check_installed(caller.principal, installed)
        return _json(wording.updates(answer, installed))

    async def _claude_code(self, request: web.Request, caller: Caller) -> web.Response:  # noqa: ARG002  the same for all
        who = await self._queries.whoami(caller.principal)
        titles = self._queries.titles()
        connected = [
            (title, connect(base_url=self._base_url, title=title, marketplace=name if len(titles) > 1 else None))
            for name, title in titles.items()
        ]
        return _json(wording.connected(connected, who.snapshots))


def _skill_md(answer: ContentsAnswer) -> str | None:
    """Where its SKILL.md is. None where it is a link to what this person may not see, or too large to be kept."""
    files = dict(answer.files)
    return next((path for path in own_paths(answer.files) if files[path].sha256 is not None), None)


def _read(answer: ContentsAnswer, path: str | None) -> Read:
    (snapshot,) = answer.snapshots
    return Read(
        answer.found.label,
        () if path is None else (path,),
        marketplace=snapshot.marketplace,
        publication=snapshot.publication,
        commit=snapshot.commit,
    )


async def _no_such_route(request: web.Request) -> web.StreamResponse:  # noqa: ARG001  whatever it is
    raise Missing("There is nothing at this address. GET /api/skills lists the skills.", code="unknown_route")


async def _away_if(long: bool, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run pure ``work``: on another thread where it is ``long``."""
    return await asyncio.to_thread(work, *args, **kwargs) if long else work(*args, **kwargs)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
