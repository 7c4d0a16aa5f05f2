"""Owns ``POST /graphql``: the two mutations that write a commit or move references under a strict precondition.

No GraphQL engine: the mutation is recognised by its name in the query, its argument is the variable ``input``, and the answer
holds every field somebody may have selected. Refusals are HTTP 200 with ``errors``, as on GitHub (github.md §3).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from aiohttp import web

from skillport_sync.standin import edits, history, shapes
from skillport_sync.standin.objects import NO_COMMIT, Person
from skillport_sync.standin.repository import Repository
from skillport_sync.standin.rest.call import ApiError, Call, Fields, Route, answer
from skillport_sync.standin.rest.references import PULL_REQUESTS_ONLY
from skillport_sync.standin.shapes import Json


class MutationError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


async def graphql(call: Call) -> web.StreamResponse:
    query = call.fields.text("query")
    given = (call.fields.part("variables") or Fields({})).part("input")
    for name, mutation in _MUTATIONS.items():
        if name not in query:
            continue
        try:
            if given is None:
                raise MutationError("INVALID", "Variable $input of type Input! was provided invalid value")
            return answer({"data": {name: mutation(call, given)}})
        except MutationError as error:
            return answer(_refusal({name: None}, error.kind, error.message, [name]))
        except ApiError as error:
            return answer(_refusal({name: None}, "UNPROCESSABLE", error.message, [name]))
    return answer(_refusal(None, "undefinedField", "Field doesn't exist on this schema", ["query"]))


def _refusal(data: Json | None, kind: str, message: str, path: list[str]) -> Json:
    error = {"type": kind, "path": path, "locations": [{"line": 1, "column": 1}], "message": message}
    return ({"data": data} if data is not None else {}) | {"errors": [error]}


def create_commit_on_branch(call: Call, given: Fields) -> Json:
    """All files come out as 100644, executable ones too. The author is whoever asks; GitHub signs."""
    branch = given.part("branch") or Fields({})
    repository = _writable(call, branch.optional_text("repositoryNameWithOwner"))
    name = branch.text("branchName").removeprefix("refs/heads/")
    head = repository.refs.get(f"refs/heads/{name}")
    if head is None:
        raise MutationError("NOT_FOUND", f"A branch named {name} was not found.")
    expected = given.text("expectedHeadOid")
    if head != expected:
        message = f'Expected branch to point to "{expected}" but it did not.  Pull and try again.'
        raise MutationError("STALE_DATA", message)
    _refuse_protected(repository, f"refs/heads/{name}")
    changes = given.part("fileChanges") or Fields({})
    files: dict[str, bytes | None] = {}
    for addition in changes.parts("additions") if "additions" in changes else []:
        try:
            files[addition.text("path")] = base64.b64decode(addition.text("contents"), validate=True)
        except binascii.Error:
            raise MutationError("UNPROCESSABLE", "A path was requested with contents that are not Base64.") from None
    for deletion in changes.parts("deletions") if "deletions" in changes else []:
        files[deletion.text("path")] = None
    try:
        tree = edits.apply(repository.objects, repository.tree(head), files)
    except (ValueError, edits.NothingThere) as error:
        raise MutationError(
            "UNPROCESSABLE", f"A path was requested for deletion which does not exist: {error}"
        ) from error
    words = given.part("message") or Fields({})
    text = "\n\n".join(part for part in (words.text("headline"), words.optional_text("body")) if part)
    who = Person(call.grant.login, f"{call.grant.login}@users.noreply.github.invalid", call.hub.now())
    oid = repository.objects.put_commit(
        tree, [head], who, who, text, "-----BEGIN PGP SIGNATURE-----\n\nc3RhbmQtaW4=\n-----END PGP SIGNATURE-----\n"
    )
    change = repository.move(f"refs/heads/{name}", oid, actor=call.grant.login)
    call.hub.announce_later(repository, change)
    url = f"{call.api}/{repository.full_name}/commit/{oid}"
    return {"clientMutationId": None, "commit": {"oid": oid, "url": url, "tree": {"oid": tree}}, "ref": {"name": name}}


def update_refs(call: Call, given: Fields) -> Json:
    """All or nothing. ``beforeOid`` is a strict precondition; an id of zeros means "must not be there" and "delete"."""
    wanted = given.text("repositoryId")
    found = next((r for r in call.hub.repositories if shapes.node("Repository", r.id) == wanted), None)
    repository = _writable(call, found.full_name if found else None)
    updates = given.parts("refUpdates")
    for update in updates:
        ref, after, before = update.text("name"), update.text("afterOid"), update.optional_text("beforeOid")
        at = repository.refs.get(ref, NO_COMMIT)
        if before is not None and at != before:
            raise MutationError(
                "STALE_DATA", f'Expected {ref} to point to "{before}" but it did not.  Pull and try again.'
            )
        if at != NO_COMMIT:
            _refuse_protected(repository, ref)
        if after != NO_COMMIT and repository.objects.kind_of(after) is None:
            raise MutationError("UNPROCESSABLE", f"Object {after} does not exist.")
        moves = NO_COMMIT not in (at, after) and not update.flag("force", default=False)
        if moves and not history.is_ancestor(repository.objects, at, after):
            raise MutationError("UNPROCESSABLE", f"Update of {ref} is not a fast forward.")
    for update in updates:
        after = update.text("afterOid")
        change = repository.move(update.text("name"), None if after == NO_COMMIT else after, actor=call.grant.login)
        call.hub.announce_later(repository, change)
    return {"clientMutationId": None}


def _writable(call: Call, full_name: str | None) -> Repository:
    found = call.hub.find(full_name) if full_name else None
    if found is None or not call.grant.sees(found):
        raise MutationError("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    if not call.grant.may("contents", "write"):
        kind = "integration" if call.grant.app else "personal access token"
        raise MutationError("FORBIDDEN", f"Resource not accessible by {kind}")
    if found.archived:
        raise MutationError("UNPROCESSABLE", "Repository was archived so is read-only.")
    return found


def _refuse_protected(repository: Repository, ref: str) -> None:
    if ref.removeprefix("refs/heads/") in repository.protected_branches:
        raise MutationError("UNPROCESSABLE", PULL_REQUESTS_ONLY)


_MUTATIONS: dict[str, Callable[[Call, Fields], Json]] = {
    "createCommitOnBranch": create_commit_on_branch,
    "updateRefs": update_refs,
}
ROUTE = Route("POST", "/graphql", graphql, caller="token")
