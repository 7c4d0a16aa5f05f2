"""Owns ``GET /install.sh`` and ``GET /api/install/{token}``: the installer, and what it asks for.

A link is used up only by an answer that holds the skill, and only once that answer is ready to be sent. Of an answer that breaks
off, the link is open again for the rest of its minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from mcp_server.front_door import FrontDoor, refusal
from mcp_server.install.files_json import MAX_BYTES, files_json
from mcp_server.install.links import Closed, InstallLinks, Ready, Target
from mcp_server.install.package import CONTENT_TYPE
from mcp_server.install.script import install_sh
from skillport_sync.errors import Invalid

SCRIPT_PATH: Final = "/install.sh"
LINK_PATH: Final = "/api/install/{token}"

_STATUS: Final[Mapping[str, HTTPStatus]] = {
    "link_unknown": HTTPStatus.NOT_FOUND,
    "link_used": HTTPStatus.GONE,
    "link_outdated": HTTPStatus.GONE,
}
_CONTENT_TYPE: Final = {Target.CLAUDE_CODE: "application/gzip", Target.PACKAGE: CONTENT_TYPE}
_MOST_OF_AN_ATTEMPT: Final = 128
_PRIVATE: Final[Mapping[str, str]] = {
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FOR_A_WHILE: Final[Mapping[str, str]] = {hdrs.CACHE_CONTROL: "public, max-age=300"}


def install_routes(door: FrontDoor, links: InstallLinks) -> list[web.RouteDef]:
    """The installer, and what it downloads. HEAD of a link would tell who looks at it that it is good, and is refused."""
    script = install_sh(links.base_url)

    async def installer(request: web.Request) -> web.Response:  # noqa: ARG001  it is the same for everybody
        return web.Response(text=script, content_type="text/plain", charset="utf-8", headers=_FOR_A_WHILE)

    async def link(request: web.Request) -> web.StreamResponse:
        return await _answer(request, links)

    return [
        door.resource(SCRIPT_PATH, {hdrs.METH_GET: door.anybody(installer)}),
        door.resource(LINK_PATH, {hdrs.METH_GET: door.anybody(link)}, head=False),
    ]


async def _answer(request: web.Request, links: InstallLinks) -> web.StreamResponse:
    asked = request.query
    form = asked.get("format") or "json"
    if form not in ("json", "plan", "archive"):
        raise Invalid("format must be json, plan or archive.", code="format_unknown")
    attempt = _attempt(asked.get("attempt"))
    target = _target(asked.get("target"))
    ready = await links.ready(request.match_info["token"], Target.CLAUDE_CODE if form == "json" else target)
    if isinstance(ready, Closed):
        return _closed(ready)
    match form:
        case "plan":
            return web.Response(text=links.plan(ready).as_text(), content_type="text/plain", headers=_PRIVATE)
        case "archive":
            response: web.StreamResponse = links.shelf.response(
                ready.archive,
                filename=ready.bundle.filename,
                content_type=_CONTENT_TYPE[ready.target],
                headers={**_PRIVATE, "X-Skillport-Sha256": ready.archive.sha256},
            )
        case _:
            if ready.bundle.size_bytes > MAX_BYTES:
                raise Invalid(
                    f"The skill is too large for an answer in JSON ({ready.bundle.size_bytes:,} bytes). Ask with format=archive.",
                    code="too_large_for_json",
                )
            body = await asyncio.to_thread(files_json, ready)
            response = web.Response(body=body, content_type="application/json", headers=_PRIVATE)
    closed = await links.redeem(ready, attempt)
    return _closed(closed) if closed is not None else await _sent(request, response, links, ready, attempt)


async def _sent(
    request: web.Request, response: web.StreamResponse, links: InstallLinks, ready: Ready, attempt: str | None
) -> web.StreamResponse:
    """The answer, sent to its last byte; where it cannot be, whoever asked for it may ask again."""
    try:
        await response.prepare(request)
        await response.write_eof()
        if response.status >= HTTPStatus.BAD_REQUEST:  # aiohttp's own answer for a file that it cannot open any more
            await links.broke_off(ready, attempt)
    except BaseException as error:
        await asyncio.shield(links.broke_off(ready, attempt))
        # asyncio says RuntimeError of a connection that was closed before a file could be sent.
        if not (isinstance(error, OSError | RuntimeError) and response.prepared and _is_gone(request)):
            raise
    return response


def _is_gone(request: web.Request) -> bool:
    """Whether nobody is there any more."""
    return request.transport is None or request.transport.is_closing()


def _closed(closed: Closed) -> web.Response:
    return refusal(_STATUS[closed.code], closed.code, closed.message)


def _target(text: str | None) -> Target | None:
    try:
        return Target(text) if text else None
    except ValueError:
        known = " or ".join(target.value for target in Target)
        raise Invalid(f"target must be {known}.", code="unknown_target") from None


def _attempt(text: str | None) -> str | None:
    if text and len(text) > _MOST_OF_AN_ATTEMPT:
        raise Invalid(f"attempt may be {_MOST_OF_AN_ATTEMPT} characters long.", code="attempt_too_long")
    return text or None
