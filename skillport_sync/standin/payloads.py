"""Owns webhook payloads: the JSON of a push and of every other event, in the shape GitHub sends it.

Field names follow GitHub's webhook schemas (github.md §1.2, §1.3). In ``push`` alone, ``created_at`` and ``pushed_at`` of the
repository are whole epoch seconds. Pure: state in, mapping out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from skillport_sync.standin import history, shapes
from skillport_sync.standin.events import RefChange
from skillport_sync.standin.objects import Person
from skillport_sync.standin.shapes import Json

if TYPE_CHECKING:
    from skillport_sync.standin.access import App
    from skillport_sync.standin.repository import Repository

MAX_COMMITS = 2048
MAX_FILES_OF_A_COMMIT = 3000

account = shapes.account
hook = shapes.hook
pull = shapes.pull


def about(api: str, repository: Repository, action: str | None, body: Mapping[str, object], actor: str) -> Json:
    """An event's payload: what happened, to which repository, by whom."""
    return {
        **({"action": action} if action is not None else {}),
        **body,
        "repository": shapes.repository(api, repository),
        "organization": organization(api, repository.owner),
        "sender": account(api, actor),
    }


def organization(api: str, login: str) -> Json:
    number = shapes.account_id(login)
    url = f"{api}/orgs/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": shapes.node("Organization", number),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{api}/avatars/u/{number}?v=4",
        "description": "",
    }


def push(api: str, repository: Repository, change: RefChange) -> Json:
    """The event ``push``. Tags and deletions list no commits; an annotated tag's ``after`` is the tag object's id."""
    objects = repository.objects
    page = f"{api}/{repository.full_name}"
    head = None if change.deleted else objects.peel(change.after)
    commits: tuple[str, ...] = ()
    if head is not None and change.ref.startswith("refs/heads/"):
        base = repository.refs.get(f"refs/heads/{repository.default_branch}") if change.created else change.before
        commits = history.commits_between(objects, None if base == change.after else base, head)
        if change.created and base == change.after and change.ref != f"refs/heads/{repository.default_branch}":
            commits = ()
    owner = account(api, repository.owner, "Organization") | {"name": repository.owner, "email": None}
    described = shapes.repository(api, repository) | {
        "owner": owner,
        "url": page,
        "created_at": int(repository.created_at.timestamp()),
        "pushed_at": int(change.at.timestamp()),
        "stargazers": 0,
        "master_branch": repository.default_branch,
        "organization": repository.owner,
    }
    return {
        "ref": change.ref,
        "before": change.before,
        "after": change.after,
        "repository": described,
        "pusher": {"name": change.actor, "email": f"{change.actor}@example.com"},
        "organization": organization(api, repository.owner),
        "sender": account(api, change.actor),
        "created": change.created,
        "deleted": change.deleted,
        "forced": change.forced,
        "base_ref": None,
        "compare": f"{page}/compare/{change.before[:12]}...{change.after[:12]}",
        "commits": [pushed_commit(page, repository, oid) for oid in commits[-MAX_COMMITS:]],
        "head_commit": None if head is None else pushed_commit(page, repository, head),
    }


def pushed_commit(page: str, repository: Repository, oid: str) -> Json:
    """One commit as a push lists it: no parents, at most 3000 paths in all."""
    commit = repository.objects.commit(oid)
    paths: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    for count, change in enumerate(history.changes_of(repository.objects, oid)):
        if count == MAX_FILES_OF_A_COMMIT:
            break
        paths[change.status].append(change.path.decode("utf-8", "replace"))
    return {
        "id": oid,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message.removesuffix("\n"),
        "timestamp": commit.committer.at.replace(microsecond=0).isoformat(),
        "url": f"{page}/commit/{oid}",
        "author": _named(commit.author),
        "committer": _named(commit.committer),
        **paths,
    }


def _named(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "username": person.email.partition("@")[0]}


def installation(api: str, app: App, action: str, repositories: list[Repository], actor: str) -> Json:
    """The event ``installation``: created, deleted, suspend, unsuspend, new_permissions_accepted."""
    listed = [
        {
            "id": repository.id,
            "node_id": shapes.node("Repository", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
        }
        for repository in repositories
    ]
    return {
        "action": action,
        # Whole seconds here, a string in the REST API.
        "installation": app.described(api)
        | dict.fromkeys(("created_at", "updated_at"), int(app.created_at.timestamp())),
        "repositories": listed,
        "sender": account(api, actor),
    }
