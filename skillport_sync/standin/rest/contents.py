"""Owns ``contents/{path}``: convenient and lossy. Symlinks are followed, submodules are listed as files, directories stop
at 1000 entries, files at 1 MB and 100 MB (github.md §2.1).
"""

from __future__ import annotations

import posixpath
from urllib.parse import quote

from aiohttp import web

from skillport_sync.standin import shapes
from skillport_sync.standin.objects import DIRECTORY, SUBMODULE, SYMLINK, TreeEntry
from skillport_sync.standin.rest.call import ApiError, Call, Route, answer, not_found
from skillport_sync.standin.shapes import Json

MAX_ENTRIES = 1000
INLINE_BYTES = 1_000_000


async def get_contents(call: Call) -> web.StreamResponse:
    if not call.repository.refs:
        raise ApiError(404, "This repository is empty.")
    ref = call.query("ref") or call.repository.default_branch
    commit = call.resolve_commit(ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    tree = call.objects.commit(commit).tree
    path = call.request.match_info.get("path", "").strip("/")
    entry = call.objects.lookup(tree, path.encode("utf-8", "surrogateescape"))
    if entry is None:
        raise not_found()
    if entry.mode == DIRECTORY:
        return _directory(call, entry, path, ref)
    if entry.mode == SYMLINK:
        target = call.objects.read(entry.oid, "blob")
        aim = posixpath.normpath(posixpath.join(posixpath.dirname(path.encode()), target))
        followed = None if aim.startswith((b"..", b"/")) else call.objects.lookup(tree, aim)
        if followed is None or followed.kind != "blob" or followed.mode == SYMLINK:
            return answer(_described(call, entry, path, ref, "symlink") | {"target": target.decode("utf-8", "replace")})
        entry = followed
    if entry.mode == SUBMODULE:
        pinned = _described(call, entry, path, ref, "submodule")
        return answer(pinned | {"submodule_git_url": f"{call.api}/{path}.git"})
    return _file(call, entry, path, ref)


def _file(call: Call, entry: TreeEntry, path: str, ref: str) -> web.StreamResponse:
    content = call.objects.read(entry.oid, "blob")
    if len(content) > call.hub.blob_limit:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.", [{"code": "too_large", "field": "data"}])
    if call.wants("raw"):
        return web.Response(body=content, headers={"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
    inline = len(content) <= INLINE_BYTES
    text = shapes.wrapped_base64(content) if inline else ""
    body = {"content": text, "encoding": "base64" if inline else "none"}
    return answer(_described(call, entry, path, ref, "file") | body)


def _directory(call: Call, entry: TreeEntry, path: str, ref: str) -> web.StreamResponse:
    listed: list[Json] = []
    for below in call.objects.tree(entry.oid)[:MAX_ENTRIES]:
        name = below.name.decode("utf-8", "replace")
        kind = {DIRECTORY: "dir", SYMLINK: "symlink"}.get(below.mode, "file")
        listed.append(_described(call, below, f"{path}/{name}" if path else name, ref, kind))
    if not call.wants("object"):
        return answer(listed)
    response = answer(_described(call, entry, path, ref, "dir") | {"entries": listed})
    response.content_type = "application/vnd.github.object"
    return response


def _described(call: Call, entry: TreeEntry, path: str, ref: str, kind: str) -> Json:
    repository = call.repository
    pinned_elsewhere = entry.mode == SUBMODULE
    url = f"{repository.api_url}/contents/{quote(path)}?ref={quote(ref)}"
    git = None if pinned_elsewhere else f"{repository.api_url}/git/{entry.kind}s/{entry.oid}"
    html = None if pinned_elsewhere else f"{call.api}/{repository.full_name}/{entry.kind}/{ref}/{quote(path)}"
    download = (
        f"{call.api}/raw/{repository.full_name}/{ref}/{quote(path)}" if kind in ("file", "symlink") and git else None
    )
    return {
        "name": posixpath.basename(path),
        "path": path,
        "sha": entry.oid,
        "size": call.objects.size_of(entry.oid) if entry.kind == "blob" else 0,
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": download,
        "type": kind,
        "_links": {"self": url, "git": git, "html": html},
    }


ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/contents", get_contents, ("contents", "read")),
    Route("GET", "/repos/{owner}/{repo}/contents/{path:.*}", get_contents, ("contents", "read")),
)
