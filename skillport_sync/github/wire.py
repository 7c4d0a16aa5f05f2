"""Owns the reading of GitHub's answers: bytes and headers in, typed facts out. Pure; nothing past here is untyped.

What an answer claims is not proved here: ids are well-formed, not verified. An answer that cannot be read is ``Broken``.
Shapes: https://docs.github.com/rest/git, https://docs.github.com/rest/commits (API version 2022-11-28).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal, cast

import msgspec

from skillport_sync.git.listing import RawEntry
from skillport_sync.git.objects import CommitId, Mode, TreeId, is_object_id
from skillport_sync.github.fields import fields_of, flag, inner, list_of, number, object_of, oid, refuse, text, time

Relation = Literal["ahead", "behind", "diverged", "identical"]
"""What ``head`` is to ``base`` in a comparison."""


@dataclass(frozen=True, slots=True)
class Head:
    """The commit a ref points to. ``unchanged``: it is the one the caller knew."""

    commit: CommitId
    unchanged: bool
    renamed_to: str | None = None
    """The repository's present ``owner/name``, when GitHub answered from another one than was asked for."""


@dataclass(frozen=True, slots=True)
class CommitFact:
    id: CommitId
    tree: TreeId
    parents: tuple[CommitId, ...]
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class TreeAnswer:
    """Paths are relative to the tree that was asked for."""

    entries: list[RawEntry]
    truncated: bool
    """GitHub left entries out (more than 100 000, or 7 MB): walk the sub-trees."""
    lossy_names: bool
    """Some name holds U+FFFD, which is also how GitHub's JSON shows bytes that are not UTF-8."""


@dataclass(frozen=True, slots=True)
class RepositoryFact:
    id: int
    full_name: str
    default_branch: str
    private: bool
    archived: bool


@dataclass(frozen=True, slots=True)
class RateFact:
    """GitHub's primary limit as its last answer told it. ``resource``: which of its counters (``core``, ``graphql`` …)."""

    limit: int
    remaining: int
    reset_at: datetime
    resource: str


@dataclass(frozen=True, slots=True)
class InstallationToken:
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Installation:
    """An App's installation on one account. ``account_type``: ``Organization`` or ``User``."""

    id: int
    account: str
    account_type: str
    permissions: Mapping[str, str]
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file of an archive, or a symlink whose ``content`` is its target. ``path`` is raw, without the archive's root."""

    path: bytes
    mode: Mode
    content: bytes


# What a tree entry says of itself twice must agree. "100664" is from before git 1.0 and still in old history.
_MODES = {
    ("040000", "tree"): Mode.TREE,
    ("100644", "blob"): Mode.FILE,
    ("100664", "blob"): Mode.GROUP_WRITABLE,
    ("100755", "blob"): Mode.EXECUTABLE,
    ("120000", "blob"): Mode.SYMLINK,
    ("160000", "commit"): Mode.SUBMODULE,
}
_RELATIONS = frozenset({"ahead", "behind", "diverged", "identical"})


def read_head(body: bytes) -> CommitId:
    """The commit id that is the whole body of an ``application/vnd.github.sha`` answer."""
    line = body.strip().decode("ascii", "replace")
    if not is_object_id(line):
        refuse("a branch's head", "it is not a commit id")
    return CommitId(line)


def read_commit(body: bytes) -> CommitFact:
    what = "a commit"
    answer = object_of(body, what)
    committer = inner(answer, "committer", what)
    parents = list_of(answer.get("parents"), what)
    return CommitFact(
        id=CommitId(oid(answer, what)),
        tree=TreeId(oid(inner(answer, "tree", what), what)),
        parents=tuple(CommitId(oid(fields_of(parent, what), what)) for parent in parents),
        committed_at=time(committer, "date", what),
    )


class _TreeRow(msgspec.Struct, gc=False):
    path: str
    mode: str
    type: str
    sha: str
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Tree(msgspec.Struct, gc=False):
    tree: list[_TreeRow]
    truncated: bool


_TREE = msgspec.json.Decoder(_Tree)
_ENTRY = re.compile(r"\$\.tree\[(\d+)\]")


def read_tree(body: bytes) -> TreeAnswer:
    """Every entry of a tree answer. 17,500 of them, 4 MB, take about 15 ms: large bodies are for a thread.

    Decoded straight into typed rows: a general JSON reader spends most of its time, and holds the interpreter, on links that
    nobody asks for.
    """
    what = "a tree"
    try:
        answer = _TREE.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        entry = _ENTRY.search(str(error))
        refuse(what, f"entry {entry[1]} is not what git lists" if entry else "it is not a list of entries")
    entries: list[RawEntry] = []
    for row in answer.tree:
        mode = _MODES.get((row.mode, row.type))
        if mode is None or not is_object_id(row.sha) or (row.size is None and mode.has_content):
            refuse(what, f"entry {len(entries)} has no usable id or size, or no mode and type that git knows")
        entries.append(RawEntry(row.path.encode(), mode, row.sha, row.size if mode.has_content else None))
    # Rarely any: one search of the whole answer spares one a name.
    may_be_lossy = b"\xef\xbf\xbd" in body or b"\\ufff" in body or b"\\uFFF" in body
    lossy_names = may_be_lossy and any("\N{REPLACEMENT CHARACTER}" in row.path for row in answer.tree)
    return TreeAnswer(entries, answer.truncated, lossy_names)


def read_repository(body: bytes) -> RepositoryFact:
    what = "a repository"
    answer = object_of(body, what)
    return RepositoryFact(
        id=number(answer, "id", what),
        full_name=text(answer, "full_name", what),
        default_branch=text(answer, "default_branch", what),
        private=flag(answer, "private", what),
        archived=flag(answer, "archived", what),
    )


def read_comparison(body: bytes) -> Relation:
    status = text(object_of(body, "a comparison"), "status", "a comparison")
    if status not in _RELATIONS:
        refuse("a comparison", "its status is none that is known")
    return cast(Relation, status)


def read_installation(body: bytes) -> int:
    """The id of an App's installation."""
    return number(object_of(body, "an installation"), "id", "an installation")


def read_account_installation(body: bytes) -> Installation:
    """An App's installation, with the account it is on and what it was granted there."""
    what = "an installation"
    answer = object_of(body, what)
    account = inner(answer, "account", what)
    granted = inner(answer, "permissions", what)
    return Installation(
        id=read_installation(body),
        account=text(account, "login", what),
        account_type=text(account, "type", what),
        permissions={name: level for name, level in granted.items() if isinstance(level, str)},
        is_suspended=answer.get("suspended_at") is not None,
    )


def read_installation_token(answer: object) -> InstallationToken:
    """A token as GitHub mints it. Opaque: its length and alphabet have changed before; only a header must be able to carry it."""
    what = "an installation token"
    fields = fields_of(answer, what)
    token = text(fields, "token", what)
    if not (token.isascii() and token.isprintable() and " " not in token):
        refuse(what, "no header can carry it")
    return InstallationToken(token, time(fields, "expires_at", what))


def read_rate(headers: Mapping[str, str]) -> RateFact | None:
    """The primary limit's state. None where the headers are absent (GitHub Enterprise Server by default) or unreadable."""
    try:
        return RateFact(
            limit=int(headers["x-ratelimit-limit"]),
            remaining=int(headers["x-ratelimit-remaining"]),
            reset_at=datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC),
            resource=headers.get("x-ratelimit-resource", "core"),
        )
    except (KeyError, ValueError, OverflowError, OSError):
        return None
