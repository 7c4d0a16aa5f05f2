"""Owns one repository as GitHub keeps it: its references, its settings, its push log, and every way they change.

Every change returns what GitHub would announce (a ``RefChange`` or an ``Event``); nothing is sent until somebody delivers
it, so that a test can lose, repeat or reorder announcements by plain code.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from skillport_sync.standin import edits, history, payloads
from skillport_sync.standin.edits import Files
from skillport_sync.standin.events import Announcement, Event, RefChange
from skillport_sync.standin.hooks import Delivery, Hook, HookTarget
from skillport_sync.standin.objects import NO_COMMIT, ObjectStore, Person, parse_batch
from skillport_sync.standin.pulls import PullRequests

DEFAULT_AUTHOR = ("Mona Lisa", "mona@example.com")
DEFAULT_ACTOR = "mona"


class Home(Protocol):
    """What a repository needs of the GitHub it lives on."""

    api_url: str

    def now(self) -> datetime: ...
    def new_id(self) -> int: ...
    def new_guid(self) -> str: ...
    def moved(self, repository: Repository, old_full_name: str) -> None: ...
    async def deliver(self, repository: Repository, announcement: Announcement) -> Sequence[Delivery]: ...


class Repository:
    """``owner/name`` with its objects. ``refs`` maps full names (``refs/heads/main``) to object ids."""

    def __init__(self, home: Home, full_name: str, *, private: bool, default_branch: str) -> None:
        self._home = home
        self.id = home.new_id()
        self.owner, self.name = full_name.split("/")
        self.aliases = {full_name.lower()}
        self.private = private
        self.archived = False
        self.deleted = False
        self.default_branch = default_branch
        self.created_at = self.updated_at = self.pushed_at = home.now()
        self.objects = ObjectStore()
        self.refs: dict[str, str] = {}
        self.protected_branches: set[str] = set()
        self.changes: list[RefChange] = []
        self.hooks: dict[int, Hook] = {}
        self.pulls = PullRequests(self, home)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def api_url(self) -> str:
        return f"{self._home.api_url}/repos/{self.full_name}"

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def head(self, branch: str | None = None) -> str:
        """The commit a branch is at, the default branch's without a name. Raises: KeyError."""
        return self.refs[f"refs/heads/{branch or self.default_branch}"]

    def tree(self, commit: str | None = None) -> str:
        """The root tree's id of a commit, the head's without one."""
        return self.objects.commit(commit or self.head()).tree

    def read(self, path: str | bytes, commit: str | None = None) -> bytes:
        """A file's bytes. Raises: KeyError when the commit has no such file."""
        raw = path.encode() if isinstance(path, str) else path
        entry = self.objects.lookup(self.tree(commit), raw)
        if entry is None or entry.kind != "blob":
            raise KeyError(path)
        return self.objects.read(entry.oid, "blob")

    # ── commits and references ───────────────────────────────────────────────────────────────────────────────────

    def commit(
        self,
        files: Files,
        *,
        branch: str | None = None,
        message: str = "Change skills",
        base: str | None = None,
        author: tuple[str, str] = DEFAULT_AUTHOR,
        actor: str = DEFAULT_ACTOR,
    ) -> str:
        """One commit with all these edits on top of ``base`` (else of the branch), and the branch moved to it.

        A branch that is not there begins at the default branch's head. A ``base`` that is not the branch's head rewrites
        history. Returns the commit's id; ``changes[-1]`` is what a push would announce.
        """
        ref = f"refs/heads/{branch or self.default_branch}"
        parent = base or self.refs.get(ref) or self.refs.get(f"refs/heads/{self.default_branch}")
        tree = edits.apply(self.objects, self.objects.commit(parent).tree if parent else None, files)
        person = Person(*author, self._home.now())
        text = message if message.endswith("\n") else message + "\n"
        oid = self.objects.put_commit(tree, [parent] if parent else [], person, person, text)
        self.move(ref, oid, actor=actor)
        return oid

    def import_git(self, path: Path, ref: str = "HEAD", *, branch: str | None = None) -> str:
        """Take every object reachable from ``ref`` of a repository on disk, and set the branch to that commit.

        Bytes are taken as C git has them, so names that are no UTF-8 and unusual modes arrive unchanged. Blocks.
        Raises: subprocess.CalledProcessError, FileNotFoundError when there is no ``git``.
        """
        git = _git(path)
        listed = git(["rev-list", "--objects", "--no-object-names", ref], b"")
        for kind, body in parse_batch(git(["cat-file", "--batch"], listed)):
            self.objects.put(kind, body)
        commit = git(["rev-parse", "--verify", ref + "^{commit}"], b"").decode().strip()
        self.move(f"refs/heads/{branch or self.default_branch}", commit)
        return commit

    def move(self, ref: str, oid: str | None, *, actor: str = DEFAULT_ACTOR) -> RefChange:
        """Make a full reference name this object, or nothing. No questions asked: this is the way to rewrite history.

        Raises: KeyError when the object is not here, or when there is no reference to delete.
        """
        before = self.refs.get(ref, NO_COMMIT)
        forced = False
        if oid is None:
            del self.refs[ref]
        else:
            commit = self.objects.peel(oid)
            forced = before != NO_COMMIT and not history.is_ancestor(self.objects, self.objects.peel(before), commit)
            self.refs[ref] = oid
        self.pushed_at = self._home.now()
        change = RefChange(ref, before, oid or NO_COMMIT, forced, self.pushed_at, self._home.new_guid(), actor)
        change = replace(change, pulls=tuple(self.pulls.follow(change)))
        self.changes.append(change)
        return change

    def force(self, branch: str, commit: str) -> RefChange:
        return self.move(f"refs/heads/{branch}", commit)

    def create_branch(self, branch: str, commit: str | None = None) -> RefChange:
        return self.move(f"refs/heads/{branch}", commit or self.head())

    def delete_branch(self, branch: str) -> RefChange:
        return self.move(f"refs/heads/{branch}", None)

    def tag(self, name: str, commit: str | None = None, *, message: str | None = None) -> RefChange:
        """A tag at a commit; annotated (an object of its own) when there is a message."""
        target = commit or self.head()
        if message is not None:
            target = self.objects.put_tag(target, name, Person(*DEFAULT_AUTHOR, self._home.now()), message + "\n")
        return self.move(f"refs/tags/{name}", target)

    # ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────

    def set_default_branch(self, branch: str) -> Event:
        old, self.default_branch = self.default_branch, branch
        return self.event("repository", "edited", {"changes": {"default_branch": {"from": old}}})

    def rename_default_branch(self, branch: str) -> Event:
        """The same commits under another branch name, as the settings page does it."""
        old = f"refs/heads/{self.default_branch}"
        self.refs[f"refs/heads/{branch}"] = self.refs.pop(old)
        return self.set_default_branch(branch)

    def rename(self, full_name: str) -> Event:
        """A new name, and a new owner when it differs. The old name answers with a redirect from now on."""
        old_full_name, old_owner, old_name = self.full_name, self.owner, self.name
        self.owner, self.name = full_name.split("/")
        self.aliases.add(full_name.lower())
        self._home.moved(self, old_full_name)
        if old_owner != self.owner:
            previous = payloads.account(self._home.api_url, old_owner)
            return self.event("repository", "transferred", {"changes": {"owner": {"from": {"organization": previous}}}})
        return self.event("repository", "renamed", {"changes": {"repository": {"name": {"from": old_name}}}})

    def transfer(self, owner: str) -> Event:
        return self.rename(f"{owner}/{self.name}")

    def archive(self) -> Event:
        self.archived = True
        return self.event("repository", "archived")

    def unarchive(self) -> Event:
        self.archived = False
        return self.event("repository", "unarchived")

    def publicize(self) -> Event:
        """GitHub also sends the event ``public``: deliver ``repository.event("public")`` too."""
        self.private = False
        return self.event("repository", "publicized")

    def privatize(self) -> Event:
        self.private = True
        return self.event("repository", "privatized")

    def delete(self) -> None:
        """Gone: every request is answered 404, and no hook of the repository hears of it."""
        self.deleted = True

    # ── announcements ────────────────────────────────────────────────────────────────────────────────────────────

    def add_hook(
        self, url: str, secret: str | None, events: Sequence[str] = ("push",), content_type: str = "json"
    ) -> Hook:
        """A webhook as the settings page makes it; only one made through the API is pinged."""
        now = self._home.now()
        target = HookTarget("repository", self.id, f"{self.api_url}/hooks")
        hook = Hook(
            self._home.new_id(), target, url, secret, tuple(events), content_type, created_at=now, updated_at=now
        )
        self.hooks[hook.id] = hook
        return hook

    def remove_hook(self, hook: Hook) -> Event:
        """The hook is gone; what is returned (``meta``) is the last word to it, and ``deliver`` tells it to nobody else."""
        del self.hooks[hook.id]
        body: dict[str, object] = {"hook_id": hook.id, "hook": payloads.hook(hook)}
        return self.event("meta", "deleted", body, hook=hook)

    def event(
        self,
        name: str,
        action: str | None = None,
        body: Mapping[str, object] | None = None,
        *,
        hook: Hook | None = None,
    ) -> Event:
        """Any event about this repository, its payload as things stand now; for one ``hook`` only where one is given."""
        payload = payloads.about(self._home.api_url, self, action, body or {}, DEFAULT_ACTOR)
        return Event(name, action, payload, self._home.new_guid(), hook)

    async def deliver(self, announcement: Announcement) -> Sequence[Delivery]:
        """Send it to every hook that asked for it and wait for their answers. Again means once more, with the same GUID."""
        return await self._home.deliver(self, announcement)

    async def push(
        self,
        files: Files,
        *,
        branch: str | None = None,
        message: str = "Change skills",
        base: str | None = None,
        author: tuple[str, str] = DEFAULT_AUTHOR,
        deliver: bool = True,
    ) -> str:
        """``commit``, then the deliveries (unless they shall be lost). Returns the commit's id when every hook has answered."""
        oid = self.commit(files, branch=branch, message=message, base=base, author=author)
        if deliver:
            await self.deliver(self.changes[-1])
        return oid


def _git(path: Path) -> Callable[[list[str], bytes], bytes]:
    program = shutil.which("git")
    if program is None:
        raise FileNotFoundError("git")

    def run(arguments: list[str], stdin: bytes) -> bytes:
        command = [program, "-C", str(path), *arguments]
        return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603

    return run
