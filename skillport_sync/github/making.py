"""Owns the making of git objects at GitHub: contents, a tree, a commit, in this order. No branch has any of them yet.

What git would call them is known beforehand (``git.edit``), and GitHub has to answer the same: nothing is taken on trust.
https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-your-git-database
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from http import HTTPStatus

import orjson

from skillport_sync.errors import Broken
from skillport_sync.git.edit import Changed, Edited
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId
from skillport_sync.github.locations import repository_path
from skillport_sync.github.message import Message
from skillport_sync.github.transport import Transport
from skillport_sync.github.written import Committed, read_object_id, read_written_commit

_IN_LOOP_BYTES = 256 * 1024  # base64 and JSON take about a millisecond for it

_INLINE_BYTES = 256 * 1024
_INLINE_TOTAL_BYTES = 4 * 1024 * 1024
"""Text up to here goes into the tree's own request; what is larger, or no text, is a request of its own."""


async def make_commit(
    api: Transport, repository: str, parent: CommitId, base_tree: TreeId, message: Message, edited: Edited
) -> Committed:
    """The edits as a commit on ``parent``, whose root tree is ``base_tree``.

    Raises Broken (``github_wrote_another``) where GitHub made another tree of it, else as ``Transport.tell`` does.
    """
    inlined = _inlined(edited)
    apart = {change.after.oid for change in edited.changed if change.after is not None and _is_new(change)} - set(
        inlined
    )
    # One after the other, as GitHub asks of whoever writes:
    # https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
    for oid in sorted(apart):
        await _blob(api, repository, oid, edited.blobs[oid])
    # Removed first: a file may come where a directory was.
    changes = sorted(edited.changed, key=lambda change: (change.after is not None, change.path))
    rows = [_row(change, inlined) for change in changes]
    size = sum(len(content) for content in inlined.values())
    tree = await encoded(lambda: {"base_tree": base_tree, "tree": rows}, size)
    body = await _make(api, repository, "trees", tree)
    _same(read_object_id(body, "a tree"), edited.listing.root)
    # Without an author of its own a bot's commit is signed by GitHub:
    # https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification
    wanted = {"message": message.text, "tree": edited.listing.root, "parents": [parent]}
    commit = read_written_commit(await _make(api, repository, "commits", orjson.dumps(wanted)))
    _same(commit.tree, edited.listing.root)
    return Committed(commit.commit, commit.tree, parent)


def path_of(change: Changed) -> str:
    return change.path.decode()  # edits are made of text paths


async def _blob(api: Transport, repository: str, oid: BlobId, content: bytes) -> None:
    json = await encoded(lambda: {"content": base64.b64encode(content).decode(), "encoding": "base64"}, len(content))
    _same(read_object_id(await _make(api, repository, "blobs", json), "a blob"), oid)


async def _make(api: Transport, repository: str, kind: str, json: bytes) -> bytes:
    path = repository_path(repository, "git", kind)
    return (await api.tell("POST", path, json, expected={HTTPStatus.CREATED})).body


async def encoded(build: Callable[[], object], size_bytes: int) -> bytes:
    """What is built, as JSON; in a thread where contents of this size would hold the loop up."""
    if size_bytes <= _IN_LOOP_BYTES:
        return orjson.dumps(build())
    return await asyncio.to_thread(lambda: orjson.dumps(build()))


def _is_new(change: Changed) -> bool:
    """Whether the content is another, and not only the mode."""
    return change.before is None or change.after is None or change.before.oid != change.after.oid


def _inlined(edited: Edited) -> dict[BlobId, str]:
    """The contents that may stand in the tree's request: small text."""
    inlined: dict[BlobId, str] = {}
    left = _INLINE_TOTAL_BYTES
    for oid, content in edited.blobs.items():
        if len(content) > min(left, _INLINE_BYTES) or b"\0" in content:
            continue
        try:
            inlined[oid] = content.decode()
        except UnicodeDecodeError:
            continue
        left -= len(content)
    return inlined


def _row(change: Changed, inlined: Mapping[BlobId, str]) -> dict[str, object]:
    """An entry of the tree's request; a null id deletes. https://docs.github.com/rest/git/trees#create-a-tree"""
    after = change.after
    if after is None:
        return {"path": path_of(change), "mode": f"{Mode.FILE:06o}", "type": "blob", "sha": None}
    row: dict[str, object] = {"path": path_of(change), "mode": f"{after.mode:06o}", "type": "blob"}
    if _is_new(change) and after.oid in inlined:
        return row | {"content": inlined[after.oid]}
    return row | {"sha": after.oid}


def _same(made: str, wanted: str) -> None:
    """Raises Broken where GitHub made something else than was meant."""
    if made != wanted:
        raise Broken(
            "GitHub made other objects of these files than git does. Nothing was changed.", code="github_wrote_another"
        )
