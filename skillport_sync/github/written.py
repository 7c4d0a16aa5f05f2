"""Owns what GitHub's answers to writes mean: typed facts and outcomes, out of bytes and headers. Pure.

Shapes: https://docs.github.com/graphql/reference/mutations#createcommitonbranch, https://docs.github.com/rest/pulls/pulls
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from skillport_sync.errors import Broken, Conflict, Missing, SkillportError, Unavailable
from skillport_sync.git.objects import CommitId, TreeId
from skillport_sync.github.fields import Fields, fields_of, flag, inner, list_of, number, object_of, oid, text, time
from skillport_sync.github.refusal import denied, limited, quoted, says_protected, words_of

PullState = Literal["open", "closed", "merged"]

CONTENTS_WRITE = "contents=write"
"""As GitHub writes it in ``X-Accepted-GitHub-Permissions``; its GraphQL API names no permission."""

_DECIDED = frozenset({"UNPROCESSABLE", "INVALID", "BAD_USER_INPUT", "undefinedField"})
"""Types of errors that say no, and not that something went wrong on the way."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that GitHub made. Whether a branch is at it, the method that returns it says."""

    commit: CommitId
    tree: TreeId
    parent: CommitId


@dataclass(frozen=True, slots=True)
class Stale:
    """The branch was not where it was expected to be. Nothing was changed."""

    said: str = ""


@dataclass(frozen=True, slots=True)
class Protected:
    """A rule of the repository keeps this branch from being changed like this: it takes pull requests. Nothing was changed."""

    said: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request was sent, and what came of it is not known. ``cause`` is what to raise where it turns out that nothing did."""

    cause: SkillportError


@dataclass(frozen=True, slots=True)
class WrittenCommit:
    """A commit as it is read to find out whether it is ours."""

    commit: CommitId
    tree: TreeId
    parents: tuple[CommitId, ...]
    message: str


@dataclass(frozen=True, slots=True)
class RepositoryRights:
    """What may be done in a repository. ``may_push`` None: not told, as for Apps, whose token says it by its permissions."""

    full_name: str
    node_id: str
    default_branch: str
    archived: bool
    may_push: bool | None


@dataclass(frozen=True, slots=True)
class PullFact:
    """A pull request. ``head_commit`` is what it would merge, or merged."""

    number: int
    url: str
    """The page for people."""
    state: PullState
    title: str
    body: str
    head_branch: str
    head_commit: CommitId
    base_branch: str
    created_at: datetime
    updated_at: datetime


def read_committed(fields: Fields, parent: CommitId) -> Committed:
    """The ``commit { oid tree { oid } }`` of a mutation's payload."""
    what = "a new commit"
    commit = inner(fields, "commit", what)
    tree = inner(commit, "tree", what)
    return Committed(CommitId(oid(commit, what, "oid")), TreeId(oid(tree, what, "oid")), parent)


def read_written_commit(body: bytes) -> WrittenCommit:
    """A commit of the Git Data API. https://docs.github.com/rest/git/commits"""
    what = "a commit"
    answer = object_of(body, what)
    message = answer.get("message")
    return WrittenCommit(
        CommitId(oid(answer, what)),
        TreeId(oid(inner(answer, "tree", what), what)),
        tuple([CommitId(oid(fields_of(each, what), what)) for each in list_of(answer.get("parents"), what)]),
        message if isinstance(message, str) else "",
    )


def read_object_id(body: bytes, what: str) -> str:
    """The id of a blob or a tree that was made."""
    return oid(object_of(body, what), what)


def read_reference(body: bytes) -> CommitId:
    """What a branch that was asked for, or made, is at."""
    return CommitId(oid(inner(object_of(body, "a branch"), "object", "a branch"), "a branch"))


def read_rights(body: bytes) -> RepositoryRights:
    what = "a repository"
    answer = object_of(body, what)
    permissions = answer.get("permissions")
    push = permissions.get("push") if isinstance(permissions, dict) else None
    return RepositoryRights(
        text(answer, "full_name", what),
        text(answer, "node_id", what),
        text(answer, "default_branch", what),
        flag(answer, "archived", what),
        push if isinstance(push, bool) else None,
    )


def read_pull(answer: Fields) -> PullFact:
    """One pull request, out of whichever answer or webhook. Lists leave out ``merged``; ``merged_at`` is everywhere."""
    what = "a pull request"
    head, base, body = inner(answer, "head", what), inner(answer, "base", what), answer.get("body")
    is_open = text(answer, "state", what) == "open"
    return PullFact(
        number(answer, "number", what),
        text(answer, "html_url", what),
        "open" if is_open else "closed" if answer.get("merged_at") is None else "merged",
        text(answer, "title", what),
        body if isinstance(body, str) else "",
        text(head, "ref", what),
        CommitId(oid(head, what)),
        text(base, "ref", what),
        time(answer, "created_at", what),
        time(answer, "updated_at", what),
    )


def read_mutation(
    body: bytes, headers: Mapping[str, str], mutation: str, *, needs: str, now: datetime
) -> Fields | Stale | Protected:
    """The payload of a mutation that was done, or that it was not. ``needs``: the permission it takes.

    Raises:
        Denied, Missing, Conflict, RateLimited: it was not done either.
        Unavailable, Broken: whether it was done is not known.
    """
    what = "a change"
    answer = object_of(body, what)
    data = answer.get("data")
    payload = data.get(mutation) if isinstance(data, dict) else None
    if isinstance(payload, dict):
        return payload
    errors = [fields_of(each, what) for each in list_of(answer.get("errors") or [], what)]
    kinds = {kind for each in errors if isinstance(kind := each.get("type"), str)}
    words = words_of(body)
    asked = f"{mutation} of its GraphQL API"
    if "STALE_DATA" in kinds:
        return Stale(words)
    if "RATE_LIMITED" in kinds or "rate limit" in words.casefold():
        raise limited(words, headers, asked=asked, now=now)
    if says_protected(words):
        return Protected(words)
    if "NOT_FOUND" in kinds:
        raise Missing(
            f"GitHub has not what {asked} was to change{quoted(words)}, or these credentials may not see it. "
            "Check the repository's name, the branch, and that the token or the App has access to it.",
            code="github_not_found",
        )
    refused = denied(words, headers, asked=asked, needs=needs)
    if "FORBIDDEN" in kinds or "INSUFFICIENT_SCOPES" in kinds or refused.code != "github_permission_missing":
        raise refused
    if kinds & _DECIDED:
        raise Conflict(f"GitHub cannot do {asked} as things are{quoted(words)}.", code="github_conflict")
    if not errors:
        raise Broken(f"GitHub's answer to {asked} says neither yes nor no.", code="github_answer_broken")
    raise Unavailable(f"Something went wrong at GitHub in {asked}{quoted(words)}.", code="github_unavailable")
