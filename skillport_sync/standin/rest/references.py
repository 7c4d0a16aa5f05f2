"""Owns ``git/ref``, ``git/matching-refs`` and ``git/refs``: reading and moving branches and tags.

An update without ``force`` checks that the new commit comes after the old one and nothing more: it is no compare-and-swap
(github.md §3).
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from skillport_sync.standin import history, shapes
from skillport_sync.standin.rest.call import Call, Route, answer, invalid, not_found

PULL_REQUESTS_ONLY: Final = "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"


async def get_ref(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    ref = f"refs/{call.variable('ref')}"
    at = call.head_of(ref)
    if at is None:
        raise not_found()
    return answer(shapes.reference(call.repository, ref, at))


async def matching_refs(call: Call) -> web.StreamResponse:
    """Every reference that begins so; never paged."""
    call.must_have_commits()
    start = f"refs/{call.request.match_info.get('ref', '')}"
    found = {ref: call.head_of(ref) for ref in sorted(call.repository.refs) if ref.startswith(start)}
    return answer([shapes.reference(call.repository, ref, at) for ref, at in found.items() if at is not None])


async def create_ref(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    ref, oid = call.fields.text("ref"), call.fields.text("sha")
    if not ref.startswith("refs/") or ref.count("/") < 2:
        raise invalid("Reference name must start with 'refs/' and contain at least two slashes.")
    if ref in call.repository.refs:
        raise invalid("Reference already exists")
    if call.objects.kind_of(oid) is None:
        raise invalid("Object does not exist")
    call.hub.announce_later(call.repository, call.repository.move(ref, oid, actor=call.grant.login))
    shape = shapes.reference(call.repository, ref, oid)
    return answer(shape, status=201, headers={"Location": str(shape["url"])})


async def update_ref(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    ref, oid = f"refs/{call.variable('ref')}", call.fields.text("sha")
    force = call.fields.flag("force", default=False)
    at = call.repository.refs.get(ref)
    if at is None:
        raise invalid("Reference does not exist")
    if call.objects.kind_of(oid) is None:
        raise invalid("Object does not exist")
    if ref.startswith("refs/heads/"):
        if not call.has(oid, "commit"):
            raise invalid("Object is not a commit")
        refuse_protected(call, ref)
        if not force and not history.is_ancestor(call.objects, at, oid):
            raise invalid("Update is not a fast forward")
    if oid != at:
        call.hub.announce_later(call.repository, call.repository.move(ref, oid, actor=call.grant.login))
    return answer(shapes.reference(call.repository, ref, oid))


async def delete_ref(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    ref = f"refs/{call.variable('ref')}"
    if ref not in call.repository.refs:
        raise invalid("Reference does not exist")
    refuse_protected(call, ref)
    call.hub.announce_later(call.repository, call.repository.move(ref, None, actor=call.grant.login))
    return web.Response(status=204)


def refuse_protected(call: Call, ref: str) -> None:
    if ref.removeprefix("refs/heads/") in call.repository.protected_branches:
        raise invalid(PULL_REQUESTS_ONLY)


_READ, _WRITE = ("contents", "read"), ("contents", "write")
ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/git/ref/{ref:.+}", get_ref, _READ),
    Route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref:.*}", matching_refs, _READ),
    Route("POST", "/repos/{owner}/{repo}/git/refs", create_ref, _WRITE),
    Route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref:.+}", update_ref, _WRITE),
    Route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref:.+}", delete_ref, _WRITE),
)
