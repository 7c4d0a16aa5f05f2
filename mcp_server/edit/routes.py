"""Owns ``GET /edit.sh`` and ``GET /api/edit/{token}``: the script that makes a working folder, and what it asks for.

A link is used up only by an answer that holds the skill's files, and only once that answer is ready to be sent. Of an answer that
breaks off, the link is open again for the rest of its minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import hdrs, web

from mcp_server.edit.links import EditLinks
from mcp_server.edit.script import edit_sh
from mcp_server.edit.working_folder import edit_info_of
from mcp_server.front_door import FrontDoor, refusal
from mcp_server.install.files_json import MAX_BYTES, files_json
from mcp_server.install.links import Closed, Ready
from skillport_sync.errors import Invalid

SCRIPT_PATH: Final = "/edit.sh"
LINK_PATH: Final = "/api/edit/{token}"

_STATUS: Final[Mapping[str, HTTPStatus]] = {
    "link_unknown": HTTPStatus.NOT_FOUND,
    "link_used": HTTPStatus.GONE,
    "link_outdated": HTTPStatus.GONE,
}
_FORMS: Final = ("json", "plan", "info", "archive")
_MOST_OF_AN_ATTEMPT: Final = 128
_PRIVATE: Final[Mapping[str, str]] = {
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FOR_A_WHILE: Final[Mapping[str, str]] = {hdrs.CACHE_CONTROL: "public, max-age=300"}


def edit_routes(door: FrontDoor, links: EditLinks) -> list[web.RouteDef]:
    """The script, and what it downloads. To be put before ``rest_routes``, which answer for the rest of ``/api/``."""
    script = edit_sh(links.base_url)

    async def editor(request: web.Request) -> web.Response:  # noqa: ARG001  it is the same for everybody
        return web.Response(text=script, content_type="text/plain", charset="utf-8", headers=_FOR_A_WHILE)

    async def link(request: web.Request) -> web.StreamResponse:
        return await _answer(request, links)

    return [
        door.resource(SCRIPT_PATH, {hdrs.METH_GET: door.anybody(editor)}),
        # HEAD of a link would tell who looks at it that it is good.
        door.resource(LINK_PATH, {hdrs.METH_GET: door.anybody(link)}, head=False),
    ]


async def _answer(request: web.Request, links: EditLinks) -> web.StreamResponse:
    """``plan`` and ``info`` say what the link will give, and leave it whole."""
    asked = request.query
    form = asked.get("format") or "json"
    if form not in _FORMS:
        raise Invalid(f"format must be one of {', '.join(_FORMS)}.", code="format_unknown")
    attempt = asked.get("attempt") or None
    if attempt is not None and len(attempt) > _MOST_OF_AN_ATTEMPT:
        raise Invalid(f"attempt may be {_MOST_OF_AN_ATTEMPT} characters long.", code="attempt_too_long")
    ready = await links.ready(request.match_info["token"])
    if isinstance(ready, Closed):
        return _closed(ready)
    match form:
        case "plan":
            return web.Response(text=links.plan(ready).as_text(), content_type="text/plain", headers=_PRIVATE)
        case "info":
            return web.Response(body=edit_info_of(ready.bundle), content_type="application/json", headers=_PRIVATE)
        case "archive":
            response: web.StreamResponse = links.shelf.response(
                ready.archive,
                filename=ready.bundle.filename,
                content_type="application/gzip",
                headers={**_PRIVATE, "X-Skillport-Sha256": ready.archive.sha256},
            )
        case _:
            if ready.bundle.size_bytes > MAX_BYTES:
                raise Invalid(
                    f"The skill is too large for an answer in JSON ({ready.bundle.size_bytes:,} bytes). Ask with format=archive.",
                    code="too_large_for_json",
                )
            body = await asyncio.to_thread(_json, ready)
            response = web.Response(body=body, content_type="application/json", headers=_PRIVATE)
    closed = await links.redeem(ready, attempt)
    return _closed(closed) if closed is not None else await _sent(request, response, links, ready, attempt)


def _json(ready: Ready) -> bytes:
    """What an install link answers, and, as the seed's, the plugin at the top; and what the files were made from."""
    more = {"skill_plugin": ready.skill.plugin, "revision": ready.skill.revision, "commit": ready.skill.commit}
    return orjson.dumps(more)[:-1] + b"," + files_json(ready)[1:]


async def _sent(
    request: web.Request, response: web.StreamResponse, links: EditLinks, ready: Ready, attempt: str | None
) -> web.StreamResponse:
    """The answer, sent to its last byte; where it cannot be, whoever asked for it may ask again."""
    try:
        await response.prepare(request)
        await response.write_eof()
    except BaseException as error:
        await asyncio.shield(links.broke_off(ready, attempt))
        # asyncio says RuntimeError of a connection that was closed before a file could be sent.
        gone = request.transport is None or request.transport.is_closing()
        if not (isinstance(error, OSError | RuntimeError) and response.prepared and gone):
            raise
    return response


def _closed(closed: Closed) -> web.Response:
    return refusal(_STATUS[closed.code], closed.code, closed.message)
