"""Owns the questions that Skillport Sync asks GitHub. Everything a caller needs of GitHub is a method of ``GitHub``.

Believes nothing: ids are well-formed, contents are bytes; proving them is the caller's. Never retries, never waits for a limit
to pass, keeps nothing between two questions but what they cost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus

import aiohttp
from yarl import URL

from skillport_sync.errors import Conflict, Missing, RateLimited, SkillportError, Unavailable
from skillport_sync.git.objects import EMPTY_TREE, BlobId, CommitId, TreeId
from skillport_sync.github import archive, wire
from skillport_sync.github.budget import DEFAULT_LIMITS, Gate, Limits, Spent
from skillport_sync.github.host import Host
from skillport_sync.github.locations import archive_location, repository_path
from skillport_sync.github.transport import API_URL, USER_AGENT, Answer, Credentials, Transport
from skillport_sync.ports import Clock

DEFAULT_BRANCH = "HEAD"
"""The ref that stands for the repository's default branch."""

_SHA = "application/vnd.github.sha"
_RAW = "application/vnd.github.raw+json"
_READ_IN_LOOP_BYTES = 64 * 1024  # about half a millisecond of parsing; anything larger is parsed in a thread
_REPOSITORY_OF = re.compile(r"(/repositories/\d+|/repos/[^/]+/[^/]+)(?:/|$)")


class GitHub:
    """Read access to one GitHub. Repositories are ``owner/name``. At most ``max_concurrency`` requests at a time.

    Every method raises, beside what it names:
        Unauthenticated, Denied, Missing, Conflict: as GitHub says (``github.refusal``).
        RateLimited: a limit is used up; until ``retry_after_s`` has passed, every question is refused without being asked.
        Unavailable: no answer, or none of GitHub's.
        Broken: an answer that cannot be right.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        credentials: Credentials,
        *,
        api_url: str = API_URL,
        user_agent: str = USER_AGENT,
        clock: Clock,
        max_concurrency: int = 8,
        limits: Limits = DEFAULT_LIMITS,
        host: Host | None = None,
    ) -> None:
        """``session`` is the caller's to close, ``host`` shared with whoever else asks this GitHub.

        Raises: Invalid, for an ``api_url`` that tokens may not be sent to.
        """
        self._session = session
        self._clock = clock
        self._limits = limits
        self._user_agent = user_agent
        self._api = Transport(
            session,
            credentials,
            api_url=api_url,
            user_agent=user_agent,
            clock=clock,
            max_concurrency=max_concurrency,
            limits=limits,
            host=host,
        )
        self._archive_gate = Gate(clock, code=archive.LIMITED)
        self._archives_spent = Spent()

    @property
    def spent(self) -> Spent:
        """What was asked since this client was made. A value: keep one, and subtract it later."""
        return self._api.spent + self._archives_spent

    @property
    def rate(self) -> wire.RateFact | None:
        """The primary limit as last told; None where GitHub has not told, as Enterprise Servers do by default."""
        return self._api.rate

    async def head(self, repository: str, ref: str, known: CommitId | None) -> wire.Head:
        """The commit that ``ref`` (``heads/<branch>``, or ``HEAD`` for the default branch) points to.

        One request; when the answer is ``known``, one that costs nothing. Raises Missing for a branch that is not there
        (code ``branch_missing``), Conflict (``empty_repository``) where nothing was ever pushed.
        """
        # The entity tag of this media type is the commit id itself, whoever asks; every other ETag of GitHub's is bound to the
        # token: https://docs.github.com/rest/commits/commits#get-a-commit
        try:
            answer = await self._api.ask(repository_path(repository, "commits", ref), accept=_SHA, known=known)
        except (Missing, Conflict) as refused:
            if refused.code == "empty_repository" or (isinstance(refused, Missing) and ref != DEFAULT_BRANCH):
                raise
            if ref == DEFAULT_BRANCH:
                branch = (await self.repository(repository)).default_branch
                return await self.head(repository, f"heads/{branch}", known)
            raise Missing(
                f"{repository} has no {ref}. Check the branch in [[marketplaces]], and whether it was deleted.",
                code="branch_missing",
            ) from refused
        renamed_to = await self._present_name(repository, answer) if answer.moved else None
        if known is not None and answer.status == HTTPStatus.NOT_MODIFIED:
            return wire.Head(known, unchanged=True, renamed_to=renamed_to)
        commit = wire.read_head(answer.body)
        return wire.Head(commit, unchanged=commit == known, renamed_to=renamed_to)

    async def commit(self, repository: str, commit: CommitId) -> wire.CommitFact:
        return wire.read_commit((await self._api.ask(repository_path(repository, "git/commits", commit))).body)

    async def tree(self, repository: str, treeish: str) -> wire.TreeAnswer:
        """Every entry below ``treeish`` (a commit's or a tree's id), in one answer or as much as GitHub puts into one."""
        return await self._tree(repository, treeish, recursive=True)

    async def subtree(self, repository: str, tree: TreeId, *, recursive: bool) -> wire.TreeAnswer:
        """The entries of one tree, with all below it or without."""
        return await self._tree(repository, tree, recursive=recursive)

    async def blob(self, repository: str, oid: BlobId, *, max_bytes: int) -> bytes:
        """A blob's bytes, unproved. Raises Broken (``github_answer_too_large``) beyond ``max_bytes``, which are never held."""
        path = repository_path(repository, "git/blobs", oid)
        return (await self._api.ask(path, accept=_RAW, max_bytes=max_bytes)).body

    def tarball(
        self, repository: str, commit: CommitId, *, max_bytes: int
    ) -> AbstractAsyncContextManager[AsyncIterator[list[wire.TarMember]]]:
        """The files of a commit as ``git archive`` writes them, in batches, while they arrive. ``max_bytes``: of all contents.

        Raises, on entry and while iterating, beside the above: RateLimited (``archive_rate_limited``) when only archives are
        limited, Unavailable (``archive_cut``) when not all of it came, Broken when it is no archive, or is too large.
        """
        return self._tarball(repository, commit, max_bytes)

    async def repository(self, repository: str) -> wire.RepositoryFact:
        """What GitHub says of the repository. Follows a rename: compare ``full_name``."""
        return wire.read_repository((await self._api.ask(repository_path(repository))).body)

    async def compare(self, repository: str, base: CommitId, head: CommitId) -> wire.Relation | None:
        """What ``head`` is to ``base``. None: GitHub knows one of them no more, as after a force-push and its clean-up."""
        # Page 1 carries the diff of up to 300 files, every other page only the verdict:
        # https://docs.github.com/rest/commits/commits#compare-two-commits
        path = repository_path(repository, "compare", f"{base}...{head}") + "?per_page=1&page=2"
        try:
            return wire.read_comparison((await self._api.ask(path)).body)
        except Missing:
            return None

    async def _tree(self, repository: str, treeish: str, *, recursive: bool) -> wire.TreeAnswer:
        if treeish == EMPTY_TREE:  # not an object that GitHub keeps
            return wire.TreeAnswer([], truncated=False, lossy_names=False)
        # Any value of the parameter switches it on, "0" too: https://docs.github.com/rest/git/trees#get-a-tree
        path = repository_path(repository, "git/trees", treeish) + ("?recursive=1" if recursive else "")
        body = (await self._api.ask(path)).body
        if len(body) <= _READ_IN_LOOP_BYTES:
            return wire.read_tree(body)
        return await asyncio.to_thread(wire.read_tree, body)

    async def _present_name(self, repository: str, answer: Answer) -> str | None:
        """What a repository is called now whose old name was redirected. GitHub redirects to its number."""
        moved_to = _REPOSITORY_OF.search(URL(answer.url, encoded=True).path)
        if moved_to is None:
            return None
        name = wire.read_repository((await self._api.ask(moved_to[1])).body).full_name
        return name if name != repository else None

    @asynccontextmanager
    async def _tarball(
        self, repository: str, commit: CommitId, max_bytes: int
    ) -> AsyncIterator[AsyncIterator[list[wire.TarMember]]]:
        self._archive_gate.check()
        path = repository_path(repository, "tarball", commit)
        answer = await self._api.ask(path, expected=HTTPStatus.FOUND)
        location = archive_location(self._api.base_url, answer.headers.get("location", ""))
        if location is None:
            raise Unavailable(
                f"GitHub keeps the archive for GET {path} where this client does not fetch from. "
                "Check api_url in the configuration.",
                code="github_redirect_refused",
            )
        self._archives_spent += Spent(requests=1)
        try:
            async with archive.download(
                self._session,
                location,
                asked=f"GET {path}",
                commit=commit,
                user_agent=self._user_agent,
                max_bytes=max_bytes,
                limits=self._limits,
                clock=self._clock,
            ) as batches:
                yield batches
        except SkillportError as error:
            self._api.tell_of("archive", error.code)
            if isinstance(error, RateLimited) and error.code == archive.LIMITED and error.retry_after_s is not None:
                self._archive_gate.close_for(error.retry_after_s)
            raise
        self._api.tell_of("archive", "200")
