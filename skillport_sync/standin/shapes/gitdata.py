"""Owns the JSON of references, commits, trees, blobs and tags, and of lists of changed files."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from skillport_sync.standin import history
from skillport_sync.standin.objects import CommitObject, Person
from skillport_sync.standin.shapes.accounts import Json, moment, node

if TYPE_CHECKING:
    from skillport_sync.standin.repository import Repository

MAX_FILES = 300
"""How many files a commit or a comparison lists (github.md §2.1)."""


def reference(found: Repository, ref: str, oid: str) -> Json:
    kind = found.objects.kind_of(oid)
    return {
        "ref": ref,
        "node_id": node("Ref", f"{found.id}:{ref}"),
        "url": f"{found.api_url}/git/{ref}",
        "object": {"sha": oid, "type": kind, "url": f"{found.api_url}/git/{kind}s/{oid}"},
    }


def _dated(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": moment(person.at)}


def _verification(commit: CommitObject) -> Json:
    if commit.signature is None:
        return {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    return {
        "verified": True,
        "reason": "valid",
        "signature": commit.signature,
        "payload": commit.signed_payload,
        "verified_at": moment(commit.committer.at),
    }


def _summary(found: Repository, commit: CommitObject) -> Json:
    return {
        "author": _dated(commit.author),
        "committer": _dated(commit.committer),
        "message": commit.message.removesuffix("\n"),
        "tree": {"sha": commit.tree, "url": f"{found.api_url}/git/trees/{commit.tree}"},
        "url": f"{found.api_url}/git/commits/{commit.oid}",
        "verification": _verification(commit),
    }


def _page_of(found: Repository, oid: str) -> str:
    return found.api_url.replace("/repos/", "/", 1) + f"/commit/{oid}"


def git_commit(found: Repository, commit: CommitObject) -> Json:
    """The schema ``git-commit`` of the Git Data API."""
    url = f"{found.api_url}/git/commits"
    return {
        "sha": commit.oid,
        "node_id": node("Commit", f"{found.id}:{commit.oid}"),
        **_summary(found, commit),
        "html_url": _page_of(found, commit.oid),
        "parents": [{"sha": p, "url": f"{url}/{p}", "html_url": _page_of(found, p)} for p in commit.parents],
    }


def commit_summary(found: Repository, commit: CommitObject) -> Json:
    """The schema ``commit`` as a comparison lists it: without its files."""
    url = f"{found.api_url}/commits"
    return {
        "url": f"{url}/{commit.oid}",
        "sha": commit.oid,
        "node_id": node("Commit", f"{found.id}:{commit.oid}"),
        "html_url": _page_of(found, commit.oid),
        "comments_url": f"{url}/{commit.oid}/comments",
        "commit": {**_summary(found, commit), "comment_count": 0},
        "author": {},
        "committer": {},
        "parents": [{"sha": p, "url": f"{url}/{p}", "html_url": _page_of(found, p)} for p in commit.parents],
    }


def commit_with_files(found: Repository, commit: CommitObject) -> Json:
    files = diff(found, list(history.changes_of(found.objects, commit.oid)), commit.oid)
    added = sum(_number(file["additions"]) for file in files)
    removed = sum(_number(file["deletions"]) for file in files)
    stats = {"additions": added, "deletions": removed, "total": added + removed}
    return {**commit_summary(found, commit), "stats": stats, "files": files}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def diff(found: Repository, changes: Sequence[history.PathChange], commit: str) -> list[Json]:
    """The first 300 changed paths; their names lose what is not UTF-8, as everywhere in GitHub's JSON."""
    listed: list[Json] = []
    page = found.api_url.replace("/repos/", "/", 1)
    for change in changes[:MAX_FILES]:
        path = change.path.decode("utf-8", "replace")
        added, removed = history.changed_lines(found.objects, change)
        entry = change.after or change.before
        listed.append(
            {
                "sha": entry.oid if entry else None,
                "filename": path,
                "status": change.status,
                "additions": added,
                "deletions": removed,
                "changes": added + removed,
                "blob_url": f"{page}/blob/{commit}/{path}",
                "raw_url": f"{page}/raw/{commit}/{path}",
                "contents_url": f"{found.api_url}/contents/{path}?ref={commit}",
            }
        )
    return listed


def tree(
    found: Repository, asked: str, entries: Sequence[tuple[bytes, int, str, str, int | None]], *, truncated: bool
) -> bytes:
    """A ``git-tree`` answer, encoded. ``entries`` are (raw path, mode, kind, id, size of a blob)."""
    url = f"{found.api_url}/git"
    listed: list[Json] = []
    for path, mode, kind, oid, size in entries:
        item: Json = {"path": path.decode("utf-8", "replace"), "mode": f"{mode:06o}", "type": kind, "sha": oid}
        if size is not None:
            item["size"] = size
        if kind != "commit":
            item["url"] = f"{url}/{kind}s/{oid}"
        listed.append(item)
    return orjson.dumps({"sha": asked, "url": f"{url}/trees/{asked}", "tree": listed, "truncated": truncated})


def blob(found: Repository, oid: str, content: bytes) -> Json:
    return {
        "sha": oid,
        "node_id": node("Blob", f"{found.id}:{oid}"),
        "size": len(content),
        "url": f"{found.api_url}/git/blobs/{oid}",
        "content": wrapped_base64(content),
        "encoding": "base64",
    }


def wrapped_base64(content: bytes) -> str:
    """Base64 in lines of 60 characters, as GitHub writes it."""
    text = base64.b64encode(content).decode()
    return "".join(text[start : start + 60] + "\n" for start in range(0, len(text), 60))


def git_tag(found: Repository, oid: str) -> Json:
    tag = found.objects.tag(oid)
    tagger = tag.tagger
    return {
        "node_id": node("Tag", f"{found.id}:{oid}"),
        "sha": oid,
        "url": f"{found.api_url}/git/tags/{oid}",
        "tagger": _dated(tagger) if tagger else {"name": "", "email": "", "date": moment(found.created_at)},
        "object": {
            "sha": tag.target,
            "type": tag.target_kind,
            "url": f"{found.api_url}/git/{tag.target_kind}s/{tag.target}",
        },
        "tag": tag.name,
        "message": tag.message.removesuffix("\n"),
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }
