"""Owns the pull requests of a repository: what becomes of them when branches move, and what a person does with them on the web.

As everywhere in a repository, a change returns what GitHub would announce, and nothing is sent until somebody delivers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from skillport_sync.standin import edits, history, payloads
from skillport_sync.standin.edits import Pinned
from skillport_sync.standin.events import Event, PullAction, RefChange
from skillport_sync.standin.objects import Person

if TYPE_CHECKING:
    from skillport_sync.standin.repository import Home, Repository

MergeMethod = Literal["merge", "squash"]
SOMEBODY = "mona"


class CannotMerge(ValueError):
    """Both sides changed the same path, or there is nothing to merge: what the web's button is grey for."""


@dataclass(slots=True)
class Pull:
    """A pull request between two branches. ``head_sha`` is where its branch is, or was when it was closed."""

    number: int
    id: int
    title: str
    body: str | None
    head: str
    base: str
    author: str
    created_at: datetime
    updated_at: datetime
    head_sha: str
    base_sha: str
    state: Literal["open", "closed"] = "open"
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merge_commit: str | None = None
    merged_by: str | None = None

    def end(self, at: datetime) -> None:
        self.state, self.closed_at, self.updated_at = "closed", at, at

    def end_merged(self, commit: str, at: datetime, by: str) -> None:
        self.end(at)
        self.merged_at, self.merge_commit, self.merged_by = at, commit, by


class PullRequests:
    """All of one repository, by number from 1."""

    def __init__(self, repository: Repository, home: Home) -> None:
        self._repository = repository
        self._home = home
        self._all: list[Pull] = []

    def __iter__(self) -> Iterator[Pull]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, number: int) -> Pull:
        """Raises: KeyError."""
        if not 1 <= number <= len(self._all):
            raise KeyError(number)
        return self._all[number - 1]

    def open(
        self, head: str, base: str, title: str, body: str | None = None, *, author: str = SOMEBODY
    ) -> tuple[Pull, Event]:
        """No questions asked; what GitHub asks first, ``rest.pulls`` asks. Raises: KeyError for a branch that is not there."""
        now, repository = self._home.now(), self._repository
        number, heads = len(self._all) + 1, (repository.head(head), repository.head(base))
        pull = Pull(number, self._home.new_id(), title, body, head, base, author, now, now, *heads)
        self._all.append(pull)
        return pull, self.event(pull, "opened", author)

    def edit(self, number: int, *, title: str | None = None, body: str | None = None, actor: str = SOMEBODY) -> Event:
        pull = self[number]
        before = {"title": pull.title, "body": pull.body}
        pull.title, pull.body = title or pull.title, pull.body if body is None else body
        pull.updated_at = self._home.now()
        after = {"title": pull.title, "body": pull.body}
        changes = {name: {"from": old} for name, old in before.items() if old != after[name]}
        return self.event(pull, "edited", actor, {"changes": changes})

    def close(self, number: int, *, actor: str = SOMEBODY) -> Event:
        self[number].end(self._home.now())
        return self.event(self[number], "closed", actor)

    def reopen(self, number: int, *, actor: str = SOMEBODY) -> Event:
        pull = self[number]
        pull.state, pull.closed_at, pull.updated_at = "open", None, self._home.now()
        return self.event(pull, "reopened", actor)

    def merge(self, number: int, method: MergeMethod = "merge", *, actor: str = SOMEBODY) -> tuple[RefChange, Event]:
        """The button on the web, which works on protected branches too; the branch that was merged is left.

        Raises: KeyError, CannotMerge.
        """
        pull = self[number]
        by = Person(actor, f"{actor}@example.com", self._home.now())
        commit = _merged(self._repository, pull, method, by)
        pull.end_merged(commit, by.at, actor)
        change = self._repository.move(f"refs/heads/{pull.base}", commit, actor=actor)
        return change, self.event(pull, "closed", actor)

    # ── branches that move ───────────────────────────────────────────────────────────────────────────────────────

    def follow(self, change: RefChange) -> Iterator[tuple[int, PullAction]]:
        """What a moved branch does to the open ones: a new head, an end with its branch, or an end by being merged by hand."""
        for pull in self._all:
            if pull.state == "closed":
                continue
            moves_base = change.ref == f"refs/heads/{pull.base}" and not change.deleted
            if change.ref == f"refs/heads/{pull.head}" and change.deleted:
                pull.end(change.at)
                yield pull.number, "closed"
            elif change.ref == f"refs/heads/{pull.head}":
                pull.head_sha, pull.updated_at = change.after, change.at
                yield pull.number, "synchronize"
            elif moves_base and history.is_ancestor(self._repository.objects, pull.head_sha, change.after):
                pull.end_merged(change.after, change.at, change.actor)
                yield pull.number, "closed"

    def events_of(self, change: RefChange) -> list[Event]:
        """What GitHub announces of pull requests beside a push."""
        more = {"before": change.before, "after": change.after}
        return [
            self.event(self[number], action, change.actor, more if action == "synchronize" else {})
            for number, action in change.pulls
        ]

    def event(self, pull: Pull, action: PullAction, actor: str, more: Mapping[str, object] | None = None) -> Event:
        """The event ``pull_request``, its payload as things stand now.

        https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request
        """
        api, repository = self._home.api_url, self._repository
        body = {"number": pull.number, "pull_request": payloads.pull(api, repository, pull), **(more or {})}
        payload = payloads.about(api, repository, action, body, actor)
        return Event("pull_request", action, payload, self._home.new_guid())


def _merged(repository: Repository, pull: Pull, method: MergeMethod, by: Person) -> str:
    """The commit that merges it; no branch is at it yet."""
    objects = repository.objects
    base = repository.refs.get(f"refs/heads/{pull.base}")
    if pull.state == "closed" or base is None:
        raise CannotMerge(f"#{pull.number} is closed")
    found = history.compare(objects, base, pull.head_sha)
    if found is None or not found.ahead:
        raise CannotMerge(f"#{pull.number} has nothing that {pull.base} has not")
    onto = repository.tree(base)
    files: dict[bytes, Pinned | None] = {}
    for change in history.changed_paths(objects, repository.tree(found.merge_base), repository.tree(pull.head_sha)):
        present = objects.lookup(onto, change.path)
        if present == change.after:
            continue
        if present != change.before:
            raise CannotMerge(change.path.decode("utf-8", "replace"))
        files[change.path] = None if change.after is None else Pinned(change.after.mode, change.after.oid)
    tree = edits.apply(objects, onto, files)
    if method == "squash":
        return objects.put_commit(tree, [base], by, by, f"{pull.title} (#{pull.number})\n")
    text = f"Merge pull request #{pull.number} from {repository.owner}/{pull.head}\n\n{pull.title}\n"
    return objects.put_commit(tree, [base, pull.head_sha], by, by, text)
