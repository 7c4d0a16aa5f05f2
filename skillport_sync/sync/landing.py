"""Owns getting one commit onto a branch, once, also where GitHub's answer is lost: then it is looked for before anything else.

Asking for the same commit again is safe, because it is made on the same parent: of the two at most one gets onto the branch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from skillport_sync.errors import SkillportError, Unavailable
from skillport_sync.git.edit import Edited
from skillport_sync.github.message import Message
from skillport_sync.github.writing import Committed, GitHubWriter, Protected, Stale, Unanswered
from skillport_sync.sync.preparing import Standpoint

log = structlog.get_logger(__name__)

LOOK_AFTER_S = (0.0, 1.0, 3.0)
"""How long to wait before each look for a commit that was not answered: GitHub may still be at work on it."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where commits of one repository go, and how patiently one is looked for."""

    writer: GitHubWriter
    look_after_s: Sequence[float] = LOOK_AFTER_S

    async def land(
        self, repository: str, branch: str, here: Standpoint, message: Message, edited: Edited
    ) -> Committed | Stale | Protected:
        """The edits as one commit on ``here``, and the branch at it.

        Raises: as ``GitHubWriter``; Unavailable (``write_unanswered``) where it cannot be found out whether it is there.
        """
        root = here.listing.root
        answer = await self.writer.commit(repository, branch, here.commit, root, message, edited)
        if not isinstance(answer, Unanswered):
            return answer
        log.warning("write_unanswered", repository=repository, branch=branch, code=answer.cause.code)
        found = await self._look(repository, branch, here, message, edited)
        if found is not None:
            return found
        try:
            again = await self.writer.commit(repository, branch, here.commit, root, message, edited)
        except SkillportError as error:
            raise _unanswered(repository) from error
        if isinstance(again, Stale):
            # The branch is elsewhere: at the first one, which took its time, or at somebody else's.
            return await self._look(repository, branch, here, message, edited) or again
        if isinstance(again, Unanswered):
            found = await self._look(repository, branch, here, message, edited)
            if found is None:
                raise _unanswered(repository) from again.cause
            return found
        return again

    async def _look(
        self, repository: str, branch: str, here: Standpoint, message: Message, edited: Edited
    ) -> Committed | None:
        """The commit, if the branch has it. None: not, or not yet, or GitHub does not say."""
        for wait_s in self.look_after_s:
            await asyncio.sleep(wait_s)
            try:
                found = await self.writer.landed(repository, branch, here.commit, edited.listing.root, message)
            except SkillportError as error:
                log.info("write_not_found", repository=repository, branch=branch, code=error.code)
                continue
            if found is not None:
                return found
        return None


def _unanswered(repository: str) -> Unavailable:
    return Unavailable(
        f"GitHub did not say whether the change of {repository} was made, and cannot be asked now. Look before trying again: "
        "what is there already is not done twice.",
        code="write_unanswered",
    )
