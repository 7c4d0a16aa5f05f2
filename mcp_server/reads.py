"""Owns what is told of somebody reading content: who, through which client, which files of which skill at which commit.

Whoever keeps an audit hears of every read, and of every one that was refused, whichever way its answer took. Values only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcp_server.authentication import Caller
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import PublicationId
from skillport_sync.queries.answers import FetchAnswer, Part


@dataclass(frozen=True, slots=True)
class Read:
    """Content that was given out, or what was asked for where it was not."""

    skill: str
    """``plugin/name``; of a refused read, what was asked for."""
    paths: tuple[str, ...]
    """The files whose content was in the answer; of a refused read, those asked for."""
    outcome: str = "ok"
    """``ok``, or the code of the refusal."""
    marketplace: MarketplaceName | None = None
    publication: PublicationId | None = None
    commit: CommitId | None = None


OnRead = Callable[[Caller, Read], None]
"""Told of every read. Called while somebody waits for the answer: returns at once, never raises."""


def unread(caller: Caller, read: Read) -> None:
    """The ``OnRead`` of a service without an audit."""


def read_of(answer: FetchAnswer) -> Read:
    """What somebody got to see with this answer."""
    (snapshot,) = answer.snapshots
    return Read(
        f"{answer.skill.plugin}/{answer.skill.name}",
        tuple(content.path for content in answer.contents if isinstance(content, Part)),
        marketplace=snapshot.marketplace,
        publication=snapshot.publication,
        commit=snapshot.commit,
    )
