"""Owns the stand-in as a whole: repositories, Apps, tokens, faults, the journal, and who hears of what.

Everything is in memory and in this process. ``start`` puts it on two loopback ports, the API's and codeload's, so that the
redirect of a tarball really changes its origin.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

from skillport_sync.standin import archive, payloads, shapes
from skillport_sync.standin.access import EVERYTHING, Access, App, Grant
from skillport_sync.standin.edits import Files
from skillport_sync.standin.events import Announcement, Event, RefChange
from skillport_sync.standin.faults import Faults
from skillport_sync.standin.hooks import Delivery, Hook, HookTarget, Message, Postman, encode
from skillport_sync.standin.journal import Journal
from skillport_sync.standin.limits import Limits
from skillport_sync.standin.objects import TreeEntry
from skillport_sync.standin.repository import Repository
from skillport_sync.standin.server import Server

LINK_LIFETIME: Final = timedelta(minutes=5)
CACHED_BYTES: Final = 256_000_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


class StandInGitHub:
    """A GitHub of one's own.

    ``latency_s`` is one round trip: every request to the API and to codeload waits so long before it is looked at.
    ``enterprise`` makes it an Enterprise Server: its API is below ``/api``, its deliveries name it, and it has no rate limits.
    ``tree_limit`` is how many entries a recursive tree lists before it is truncated, ``blob_limit`` the largest blob in bytes.
    """

    def __init__(
        self, *, latency_s: float = 0.0, now: Callable[[], datetime] = _utc_now, enterprise: bool = False
    ) -> None:
        self.now = now
        self.enterprise = enterprise
        self.latency_s = latency_s
        self.tree_limit = 100_000
        self.blob_limit = 100_000_000
        self.api_url = "http://github.invalid"
        self.codeload_url = "http://codeload.invalid"
        self.faults = Faults()
        self.journal = Journal()
        self.limits = Limits(now)
        self.limits.off = enterprise
        self.access = Access(now)
        self.repositories: list[Repository] = []
        self._ids = itertools.count(700_000_001)
        self._links: dict[str, tuple[Repository, str, datetime]] = {}
        self._cache: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._errands: set[asyncio.Task[object]] = set()
        self.postman = Postman(now, self.new_id, names_itself=enterprise)
        self._server = Server(self)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the API's base URL. Port 0 takes any free one. Raises: OSError."""
        self.api_url, self.codeload_url = await self._server.start(host, port)
        return self.api_url

    async def close(self) -> None:
        """Stop listening and end what is still under way, hanging requests and deliveries too."""
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self._server.close()
        await self.postman.close()

    def routes_below(self, path: str) -> Iterator[web.RouteDef]:
        """The REST API, to be mounted by somebody else below this path, as an Enterprise Server has it."""
        return self._server.routes(path)

    def new_id(self) -> int:
        return next(self._ids)

    def new_guid(self) -> str:
        return str(uuid.uuid4())

    # ── repositories ─────────────────────────────────────────────────────────────────────────────────────────────

    def create_repository(self, full_name: str, *, private: bool = True, default_branch: str = "main") -> Repository:
        """An empty repository. Raises: ValueError when the name is taken."""
        if any(found.full_name.lower() == full_name.lower() for found in self.repositories if not found.deleted):
            raise ValueError(f"{full_name} exists already")
        repository = Repository(self, full_name, private=private, default_branch=default_branch)
        self.repositories.append(repository)
        return repository

    def find(self, full_name: str) -> Repository | None:
        """By its present name, or by one it had before; names do not tell cases apart."""
        asked = full_name.lower()
        present = [found for found in self.repositories if not found.deleted]
        named = next((found for found in present if found.full_name.lower() == asked), None)
        return named or next((found for found in present if asked in found.aliases), None)

    def moved(self, repository: Repository, old_full_name: str) -> None:
        """The cached answers name the repository by its old name."""
        del old_full_name
        for key in [key for key in self._cache if key[0] == repository.id]:
            del self._cache[key]

    async def push(
        self,
        repository: Repository,
        files: Files,
        *,
        branch: str | None = None,
        message: str = "Change skills",
        deliver: bool = True,
    ) -> str:
        """``repository.push`` for whoever holds only the hub."""
        return await repository.push(files, branch=branch, message=message, deliver=deliver)

    # ── callers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def accept_token(
        self,
        token: str,
        *,
        repositories: Collection[str] | None = None,
        permissions: Mapping[str, str] = EVERYTHING,
        login: str = "mona",
    ) -> Grant:
        """A personal token. ``repositories`` None sees all of them; else full names."""
        grant = self.access.accept(token, repositories, permissions, login)
        self.limits.know(grant.identity)
        return grant

    def revoke_token(self, token: str) -> None:
        """From now on it is bad credentials. Raises: KeyError."""
        del self.access.grants[token]

    def register_app(
        self,
        app_id: int,
        public_key_pem: str,
        installation_id: int,
        *,
        account: str,
        repositories: Collection[str] | None = None,
        permissions: Mapping[str, str] = EVERYTHING,
        events: Sequence[str] = ("push", "repository"),
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
    ) -> App:
        """An App, installed in one account. With ``webhook_url`` its hook hears of every repository it is installed in."""
        names = None if repositories is None else frozenset(name.lower() for name in repositories)
        app = App(app_id, public_key_pem, installation_id, account, names, dict(permissions), self.now(), tuple(events))
        if webhook_url is not None:
            target = HookTarget("integration", app_id, f"{self.api_url}/app/hook")
            app.hook = Hook(
                self.new_id(), target, webhook_url, webhook_secret, app.events, "json", app.created_at, app.created_at
            )
        self.access.apps[app_id] = app
        self.limits.know(f"installation {installation_id}")
        return app

    async def change_installation(self, app: App, action: str) -> Delivery | None:
        """``created``, ``deleted``, ``suspend``, ``unsuspend``, ``new_permissions_accepted``: done, and the App's hook told."""
        app.suspended = action == "suspend" or (app.suspended and action != "unsuspend")
        covered = [found for found in self.repositories if app.covers(found)]
        app.deleted = action == "deleted"
        if app.hook is None:
            return None
        payload = payloads.installation(self.api_url, app, action, covered, app.account)
        message = Message("installation", action, self.new_guid(), encode(payload), app.installation_id, None)
        return await self.postman.carry(app.hook, message)

    # ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────

    async def deliver(
        self, repository: Repository, announcement: Announcement, only: Hook | None = None
    ) -> Sequence[Delivery]:
        """Send to every hook that wants it, all at once, and wait for the answers."""
        name = "push" if isinstance(announcement, RefChange) else announcement.name
        if isinstance(announcement, Event):
            only = only or announcement.hook
        app = next((app for app in self.access.apps.values() if app.covers(repository)), None)
        hooks = [only] if only else [*repository.hooks.values(), *([app.hook] if app and app.hook else [])]
        listening = [hook for hook in hooks if hook.wants(name)]
        if not listening:
            return ()
        if isinstance(announcement, RefChange):
            payload, action = payloads.push(self.api_url, repository, announcement), None
        else:
            payload, action = dict(announcement.payload), announcement.action
        if app is not None:
            payload["installation"] = {
                "id": app.installation_id,
                "node_id": shapes.node("Installation", app.installation_id),
            }
        installation = app.installation_id if app else None
        message = Message(name, action, announcement.guid, encode(payload), installation, repository.id)
        times = await self.faults.pass_deliveries()
        return await asyncio.gather(*(self.postman.carry(hook, message) for hook in listening * times))

    async def redeliver(self, delivery_id: int) -> Delivery:
        """Send a recorded delivery again, with the same GUID. Raises: KeyError when no hook has it."""
        apps = [app.hook for app in self.access.apps.values() if app.hook]
        hooks = [hook for found in self.repositories for hook in found.hooks.values()]
        for hook in [*hooks, *apps]:
            for delivery in hook.deliveries:
                if delivery.id == delivery_id:
                    return await self.postman.redeliver(hook, delivery)
        raise KeyError(delivery_id)

    def announce_later(self, repository: Repository, announcement: Announcement, only: Hook | None = None) -> None:
        """Deliver after the answer that is being given, as GitHub does; what a push does to pull requests, too."""
        self._later(self.deliver(repository, announcement, only))
        if isinstance(announcement, RefChange):
            self.faults.moved((repository.id, announcement.ref), announcement.before)
            for event in repository.pulls.events_of(announcement):
                self._later(self.deliver(repository, event))

    def redeliver_later(self, hook: Hook, delivery: Delivery) -> None:
        self._later(self.postman.redeliver(hook, delivery))

    async def deliveries_settled(self) -> None:
        """Return when everything that was to be delivered in the background has been answered."""
        while self._errands:
            await asyncio.gather(*self._errands, return_exceptions=True)

    def _later(self, errand: Coroutine[object, object, object]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # ── large answers, made once ─────────────────────────────────────────────────────────────────────────────────

    def prepare(self, repository: Repository, commit: str | None = None) -> None:
        """Make the recursive tree and the tarball of a commit now, so that a benchmark does not measure it. Blocks."""
        oid = commit or repository.head()
        self.cached_tree(repository, oid, repository.tree(oid), recursive=True)
        self._cached((repository.id, "tarball", oid), lambda: _archive(repository, oid))

    def cached_tree(self, repository: Repository, asked: str, tree: str, *, recursive: bool) -> bytes:
        """The JSON of a tree; ``asked`` is the id it is said to have."""
        return self._cached(
            (repository.id, "tree", asked, recursive, self.tree_limit, self.api_url),
            lambda: self._tree(repository, asked, tree, recursive=recursive),
        )

    async def tarball(self, repository: Repository, commit: str) -> bytes:
        """The archive of a commit, made in a thread the first time: a large one takes seconds."""
        key = (repository.id, "tarball", commit)
        if key not in self._cache:
            body = await asyncio.to_thread(_archive, repository, commit)
            return self._cached(key, lambda: body)
        return self._cached(key, bytes)

    def _tree(self, repository: Repository, asked: str, tree: str, *, recursive: bool) -> bytes:
        objects = repository.objects
        found: list[tuple[bytes, TreeEntry]]
        found = list(objects.walk(tree)) if recursive else [(entry.name, entry) for entry in objects.tree(tree)]
        listed = [
            (path, entry.mode, entry.kind, entry.oid, objects.size_of(entry.oid) if entry.kind == "blob" else None)
            for path, entry in found[: self.tree_limit]
        ]
        return shapes.tree(repository, asked, listed, truncated=len(found) > self.tree_limit)

    def _cached(self, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        body = self._cache.get(key)
        if body is None:
            body = self._cache[key] = make()
            while sum(map(len, self._cache.values())) > CACHED_BYTES and len(self._cache) > 1:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return body

    # ── codeload ─────────────────────────────────────────────────────────────────────────────────────────────────

    def archive_link(self, repository: Repository, commit: str, ref: str) -> str:
        """A link that opens one archive for five minutes, without any other credential."""
        token = secrets.token_hex(14).upper()
        self._links[token] = (repository, commit, self.now() + LINK_LIFETIME)
        named = commit if ref == commit else f"refs/heads/{ref.removeprefix('heads/')}"
        return f"{self.codeload_url}/{repository.full_name}/legacy.tar.gz/{named}?token={token}"

    def linked_archive(self, token: str) -> tuple[Repository, str] | None:
        """What a link's token opens, None when it is unknown or too old."""
        repository, commit, until = self._links.get(token, (None, "", self.now()))
        return (repository, commit) if repository is not None and self.now() < until else None


def _archive(repository: Repository, commit: str) -> bytes:
    return archive.tarball(repository.objects, commit, f"{repository.owner}-{repository.name}-{commit[:7]}")
