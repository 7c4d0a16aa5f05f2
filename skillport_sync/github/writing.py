"""Owns everything that changes a repository at GitHub: one commit on a branch, a branch, and, in ``pulls``, pull requests.

A second client beside ``client.GitHub``, with a credential that may write. Never retries and never decides: where it is not known
whether a write was done it says so, and what may safely be asked again says that. A branch moves from where it was expected to
be, or it does not move; until it does, nobody sees anything of what was made for it.

Whoever is told ``Unanswered`` asks ``landed`` before anything else, and may then ask for the same commit again: it is made on the
same parent, so that of the two at most one gets onto the branch, and the other is ``Stale``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from http import HTTPStatus

import aiohttp
import orjson

from skillport_sync.errors import Broken, Conflict, Missing, RateLimited, Unavailable
from skillport_sync.git.edit import Edited
from skillport_sync.git.objects import ZERO_ID, CommitId, TreeId
from skillport_sync.github.budget import DEFAULT_LIMITS, Limits, Spent
from skillport_sync.github.fields import Fields
from skillport_sync.github.host import Host
from skillport_sync.github.locations import graphql_url, repository_path
from skillport_sync.github.making import encoded, make_commit, path_of
from skillport_sync.github.message import Message, Requester
from skillport_sync.github.pulls import PullRequests
from skillport_sync.github.refusal import quoted, says_protected, words_of
from skillport_sync.github.transport import API_URL, NOT_REACHED, USER_AGENT, Credentials, Transport
from skillport_sync.github.written import (
    CONTENTS_WRITE,
    Committed,
    Protected,
    PullFact,
    PullState,
    RepositoryRights,
    Stale,
    Unanswered,
    WrittenCommit,
    read_committed,
    read_mutation,
    read_reference,
    read_rights,
    read_written_commit,
)
from skillport_sync.ports import Clock

__all__ = [
    "Committed",
    "GitHubWriter",
    "Message",
    "Protected",
    "PullFact",
    "PullRequests",
    "PullState",
    "RepositoryRights",
    "Requester",
    "Stale",
    "Unanswered",
    "WrittenCommit",
]

PLAIN_BYTES = 8 * 1024 * 1024
"""Contents that one GraphQL request may have. GitHub names no limit; objects are a request each, whose limits are known."""

_LOOKS_BACK = 100
"""How many commits behind the head ours is looked for: so many others may have landed since."""

_COMMIT = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid tree { oid } } } }"
_MOVE = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"


class GitHubWriter:
    """Write access to one GitHub. Repositories are ``owner/name``, branches are named without ``refs/heads/``.

    Every method raises, beside what it names, always having done nothing:
        Unauthenticated, Denied (``github_permission_missing`` names the permission, ``repository_archived``,
            ``github_push_protection``), Missing, Conflict: as GitHub says.
        RateLimited: a limit is used up; nothing is asked until ``retry_after_s`` has passed.
        Unavailable, Broken: what was asked first could not be had. Where a branch may have moved, ``Unanswered`` says so instead.
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
        self._credentials = credentials
        self._clock = clock
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
        self._graphql_url = graphql_url(self._api.base_url)
        self.pulls = PullRequests(self._api)

    @property
    def spent(self) -> Spent:
        """What was asked since this client was made."""
        return self._api.spent

    # ── one commit ───────────────────────────────────────────────────────────────────────────────────────────────

    async def commit(
        self,
        repository: str,
        branch: str,
        expected_head: CommitId,
        base_tree: TreeId,
        message: Message,
        edited: Edited,
    ) -> Committed | Stale | Protected | Unanswered:
        """The edits as one commit on ``expected_head``, and the branch at it. ``base_tree`` is that commit's root tree.

        One request for ordinary files, signed by GitHub; some more where a mode says more than that, or for very much.
        """
        if edited.is_plain and _size_of(edited) <= PLAIN_BYTES:
            return await self.commit_plain(repository, branch, expected_head, message, edited)
        return await self.commit_objects(repository, branch, expected_head, base_tree, message, edited)

    async def commit_plain(
        self, repository: str, branch: str, expected_head: CommitId, message: Message, edited: Edited
    ) -> Committed | Stale | Protected | Unanswered:
        """For edits that are plain: whatever GitHub writes this way is an ordinary file. One request."""

        def given() -> Mapping[str, object]:
            return {
                "branch": {"repositoryNameWithOwner": repository, "branchName": branch},
                "expectedHeadOid": expected_head,
                "message": {"headline": message.first_line, "body": message.rest},
                "fileChanges": _file_changes(edited),
            }

        done = await self._mutate("createCommitOnBranch", _COMMIT, given, _size_of(edited))
        if not isinstance(done, Mapping):
            return done
        try:
            return read_committed(done, expected_head)
        except Broken as unread:  # it is there, and did not say what it is
            return Unanswered(unread)

    async def commit_objects(
        self,
        repository: str,
        branch: str,
        expected_head: CommitId,
        base_tree: TreeId,
        message: Message,
        edited: Edited,
    ) -> Committed | Stale | Protected | Unanswered:
        """For any edits: objects first, which nobody sees, then the branch."""
        rights = await self.rights(repository)
        made = await self.make_commit(repository, expected_head, base_tree, message, edited)
        refused = await self._move(rights.node_id, branch, expected_head, made.commit)
        return made if refused is None else refused

    async def make_commit(
        self, repository: str, parent: CommitId, base_tree: TreeId, message: Message, edited: Edited
    ) -> Committed:
        """A commit that no branch is at, with exactly the tree that was computed. May be made again without harm.

        Raises Broken (``github_wrote_another``) where GitHub made another tree of it.
        """
        return await make_commit(self._api, repository, parent, base_tree, message, edited)

    # ── after a write that was not answered ──────────────────────────────────────────────────────────────────────

    async def landed(
        self, repository: str, branch: str, parent: CommitId, tree: TreeId, message: Message
    ) -> Committed | None:
        """The commit of this message and tree on ``parent``, if the branch has it: at its head, or under what came since.

        None is no proof: GitHub may still be at work, or its reads be behind. Raises Missing for a branch that is gone.
        """
        at: CommitId | None = await self._head(repository, branch)
        for _ in range(_LOOKS_BACK):
            if at is None or at == parent:
                return None
            seen = await self._commit(repository, at)
            if parent in seen.parents:
                is_ours = seen.parents == (parent,) and seen.tree == tree and message.is_of(seen.message)
                return Committed(seen.commit, seen.tree, parent) if is_ours else None
            at = seen.parents[0] if seen.parents else None
        return None

    async def head_of(self, repository: str, branch: str) -> WrittenCommit:
        """The commit a branch is at, asked for anew. Raises Missing for a branch that is not there."""
        return await self._commit(repository, await self._head(repository, branch))

    # ── branches and rights ──────────────────────────────────────────────────────────────────────────────────────

    async def create_branch(self, repository: str, branch: str, at: CommitId) -> CommitId | Protected:
        """What the branch is at: ``at``, or another commit where there was a branch of this name. May be asked again."""
        answer = await self._api.tell(
            "POST",
            repository_path(repository, "git/refs"),
            orjson.dumps({"ref": f"refs/heads/{branch}", "sha": at}),
            expected={201, 409, 422},
        )
        if answer.status == HTTPStatus.CREATED:
            return read_reference(answer.body)
        words = words_of(answer.body)
        if says_protected(words):
            return Protected(words)
        try:
            return await self._head(repository, branch)
        except Missing:
            raise Conflict(f"GitHub cannot make the branch {branch}{quoted(words)}.", code="github_conflict") from None

    async def delete_branch(self, repository: str, branch: str, at: CommitId) -> Stale | Protected | Unanswered | None:
        """Gone, if it is at this commit. None: it is."""
        rights = await self.rights(repository)
        return await self._move(rights.node_id, branch, at, CommitId(ZERO_ID))

    async def rights(self, repository: str) -> RepositoryRights:
        """What may be done in the repository. Whether a branch is protected shows only when it is written to: ``Protected``."""
        return read_rights((await self._api.ask(repository_path(repository))).body)

    # ── how it is asked ──────────────────────────────────────────────────────────────────────────────────────────

    async def _move(
        self, repository_id: str, branch: str, before: CommitId, after: CommitId
    ) -> Stale | Protected | Unanswered | None:
        """The branch from one commit to another. None: it is there.

        A reference's own REST update only asks whether the new commit comes after the present one, so it would bring back what
        was taken out of the history; ``beforeOid`` compares. https://docs.github.com/graphql/reference/mutations#updaterefs
        """
        update = {"name": f"refs/heads/{branch}", "beforeOid": before, "afterOid": after, "force": False}
        given = {"repositoryId": repository_id, "refUpdates": [update]}
        done = await self._mutate("updateRefs", _MOVE, lambda: given)
        return None if isinstance(done, Mapping) else done

    async def _mutate(
        self, mutation: str, query: str, given: Callable[[], Mapping[str, object]], size_bytes: int = 0
    ) -> Fields | Stale | Protected | Unanswered:
        json = await encoded(lambda: {"query": query, "variables": {"input": given()}}, size_bytes)
        # A token that has to be minted first fails without anything having been sent.
        await self._credentials.authorization()
        try:
            answer = await self._api.tell("POST", self._graphql_url, json, expected={HTTPStatus.OK})
            return read_mutation(answer.body, answer.headers, mutation, needs=CONTENTS_WRITE, now=self._clock.now())
        except RateLimited as limited:
            if limited.retry_after_s is not None:
                self._api.close_for(limited.retry_after_s)
            raise
        except (Unavailable, Broken) as lost:
            if lost.code == NOT_REACHED:
                raise
            return Unanswered(lost)

    async def _head(self, repository: str, branch: str) -> CommitId:
        # Not the reference with its entity tag, as reads ask: a write is followed by one answer that nobody kept.
        return read_reference((await self._api.ask(repository_path(repository, "git/ref/heads", branch))).body)

    async def _commit(self, repository: str, commit: CommitId) -> WrittenCommit:
        return read_written_commit((await self._api.ask(repository_path(repository, "git/commits", commit))).body)


def _size_of(edited: Edited) -> int:
    return sum(len(content) for content in edited.blobs.values())


def _file_changes(edited: Edited) -> Mapping[str, object]:
    """https://docs.github.com/graphql/reference/input-objects#filechanges"""
    return {
        "additions": [
            {"path": path_of(change), "contents": base64.b64encode(edited.blobs[change.after.oid]).decode()}
            for change in edited.changed
            if change.after is not None
        ],
        "deletions": [{"path": path_of(change)} for change in edited.changed if change.after is None],
    }
