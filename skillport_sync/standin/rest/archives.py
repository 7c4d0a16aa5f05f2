"""Owns ``tarball/{ref}``: a redirect to codeload whose link is a credential for five minutes."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin.rest.call import Call, Route, not_found


async def tarball(call: Call) -> web.StreamResponse:
    ref = call.request.match_info.get("ref") or "HEAD"
    commit = call.resolve_commit(ref)
    if commit is None:
        raise not_found()
    return web.Response(status=302, headers={"Location": call.hub.archive_link(call.repository, commit, ref)})


ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/tarball", tarball, ("contents", "read")),
    Route("GET", "/repos/{owner}/{repo}/tarball/{ref:.*}", tarball, ("contents", "read")),
)
