"""Owns the Git Data API: commits, trees, blobs and tags, read by id and written."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Final

from aiohttp import web

from skillport_sync.standin import edits, shapes
from skillport_sync.standin.edits import Pinned
from skillport_sync.standin.objects import DIRECTORY, EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, Kind, Person
from skillport_sync.standin.rest.call import ApiError, Call, Fields, Route, answer, invalid, not_found

_MODES: Final[dict[str, tuple[int, Kind]]] = {
    "100644": (REGULAR, "blob"),
    "100755": (EXECUTABLE, "blob"),
    "120000": (SYMLINK, "blob"),
    "040000": (DIRECTORY, "tree"),
    "160000": (SUBMODULE, "commit"),
}
_TOO_LARGE = (
    "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API, but you can always "
    "clone the repository via Git in order to obtain it."
)


async def get_commit(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    oid = call.variable("oid")
    if not call.has(oid, "commit") or call.hub.faults.take_hidden(oid):
        raise not_found()
    return answer(shapes.git_commit(call.repository, call.objects.commit(oid)))


async def create_commit(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    fields = call.fields
    message, tree, parents = fields.text("message"), fields.text("tree"), fields.texts("parents") or []
    if not call.has(tree, "tree"):
        raise invalid("Tree SHA does not exist")
    if not all(call.has(parent, "commit") for parent in parents):
        raise invalid("Parent SHA does not exist or is not a commit object")
    asking = Person(call.grant.login, f"{call.grant.login}@users.noreply.github.invalid", call.hub.now())
    author = _person(fields.part("author"), asking)
    committer = _person(fields.part("committer"), author)
    signature = fields.optional_text("signature")
    # A bot's commit without an author of its own is signed by GitHub (github.md §3).
    if call.grant.app is not None and not any(name in fields for name in ("author", "committer", "signature")):
        signature = "-----BEGIN PGP SIGNATURE-----\n\nc3RhbmQtaW4=\n-----END PGP SIGNATURE-----\n"
    oid = call.objects.put_commit(tree, parents, author, committer, message, signature)
    shape = shapes.git_commit(call.repository, call.objects.commit(oid))
    return answer(shape, status=201, headers={"Location": str(shape["url"])})


def _person(fields: Fields | None, default: Person) -> Person:
    if fields is None:
        return default
    date = fields.optional_text("date")
    try:
        at = datetime.fromisoformat(date) if date else default.at
    except ValueError:
        raise invalid(f"Invalid request.\n\n{date!r} is not a date-time.") from None
    if at.tzinfo is None:
        raise invalid(f"Invalid request.\n\n{date!r} is not a date-time.")
    return Person(fields.text("name"), fields.text("email"), at)


async def get_tree(call: Call) -> web.StreamResponse:
    """``recursive`` with any value at all, even 0, is recursive. The answer names what was asked for, a commit's id too."""
    call.must_have_commits()
    asked = call.resolve(call.variable("treeish"))
    if asked is None:
        raise not_found()
    kind = call.objects.kind_of(call.objects.peel(asked))
    if kind == "commit":
        asked = call.objects.peel(asked)
        tree = call.objects.commit(asked).tree
    elif kind == "tree":
        tree = asked
    else:
        raise invalid("The requested object is not a tree")
    recursive = "recursive" in call.request.query
    body = call.hub.cached_tree(call.repository, asked, tree, recursive=recursive)
    return answer(body, etag=f'W/"{tree}{asked}{int(recursive)}"')


async def create_tree(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    base = call.fields.optional_text("base_tree")
    if base is not None and call.has(base, "commit"):
        base = call.objects.commit(base).tree
    if base is not None and not call.has(base, "tree"):
        raise invalid("base_tree is not a valid tree oid")
    changes: dict[str, Pinned | None] = {}
    for entry in call.fields.parts("tree"):
        changes[entry.text("path")] = _entry(call, entry)
    if not changes and base is None:
        raise invalid("Invalid tree info")
    try:
        oid = edits.apply(call.objects, base, changes)
    except ValueError:
        raise invalid("tree.path contains a malformed path component") from None
    except edits.NothingThere:
        raise invalid("GitRPC::BadObjectState") from None
    body = call.hub.cached_tree(call.repository, oid, oid, recursive=False)
    return answer(body, status=201, headers={"Location": f"{call.repository.api_url}/git/trees/{oid}"})


def _entry(call: Call, entry: Fields) -> Pinned | None:
    mode, kind = _MODES.get(entry.text("mode"), (0, "blob"))
    if not mode:
        raise invalid("tree.mode must be one of 100644, 100755, 040000, 160000, 120000")
    if "content" in entry:
        if "sha" in entry:
            raise invalid("Must supply either tree.sha or tree.content, not both")
        return Pinned(mode, call.objects.put_blob(entry.text("content").encode()))
    if entry.is_null("sha"):
        return None
    oid = entry.text("sha")
    if mode != SUBMODULE and not call.has(oid, kind):
        raise invalid(f"tree.sha {oid} is not a valid {kind}")
    return Pinned(mode, oid)


async def get_blob(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    oid = call.variable("oid")
    if not call.has(oid, "blob"):
        raise not_found()
    content = call.objects.read(oid, "blob")
    if len(content) > call.hub.blob_limit:
        raise ApiError(403, _TOO_LARGE, [{"resource": "Blob", "field": "data", "code": "too_large"}])
    if call.wants("raw"):
        headers = {"Content-Type": "application/vnd.github.raw+json; charset=utf-8", "ETag": f'W/"{oid}raw"'}
        return web.Response(body=content, headers=headers)
    return answer(shapes.blob(call.repository, oid, content), etag=f'W/"{oid}"')


async def create_blob(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    text, encoding = call.fields.text("content"), call.fields.optional_text("encoding") or "utf-8"
    if encoding == "base64":
        try:
            content = base64.b64decode("".join(text.split()), validate=True)
        except binascii.Error:
            raise invalid("content is not valid Base64") from None
    elif encoding == "utf-8":
        content = text.encode()
    else:
        raise invalid("encoding must be utf-8 or base64")
    if len(content) > call.hub.blob_limit:
        raise invalid("Sorry, your input was too large to process.")
    oid = call.objects.put_blob(content)
    url = f"{call.repository.api_url}/git/blobs/{oid}"
    return answer({"sha": oid, "url": url}, status=201, headers={"Location": url})


async def get_tag(call: Call) -> web.StreamResponse:
    call.must_have_commits()
    oid = call.variable("oid")
    if not call.has(oid, "tag"):
        raise not_found()
    return answer(shapes.git_tag(call.repository, oid))


_READ, _WRITE = ("contents", "read"), ("contents", "write")
_GIT = "/repos/{owner}/{repo}/git"
ROUTES = (
    Route("GET", _GIT + "/commits/{oid}", get_commit, _READ),
    Route("POST", _GIT + "/commits", create_commit, _WRITE),
    Route("GET", _GIT + "/trees/{treeish:.+}", get_tree, _READ),
    Route("POST", _GIT + "/trees", create_tree, _WRITE),
    Route("GET", _GIT + "/blobs/{oid}", get_blob, _READ),
    Route("POST", _GIT + "/blobs", create_blob, _WRITE),
    Route("GET", _GIT + "/tags/{oid}", get_tag, _READ),
)
