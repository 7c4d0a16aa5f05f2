"""Owns what is told of somebody changing the marketplace: who, through which client, what they did to which skill, and what came
of it.

Whoever keeps an audit hears of every change, and of every one that was refused. A rehearsal is neither. Values only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcp_server.authentication import Caller
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import PublicationId


@dataclass(frozen=True, slots=True)
class Write:
    """A change that was made or proposed, or what was asked for where it was not."""

    operation: str
    """``save``, ``delete``, ``bump``, ``publish``, ``unpublish`` or ``rename``."""
    skill: str
    """``plugin/name``; of a refused change, what was asked for."""
    outcome: str = "ok"
    """``ok``, ``proposed``, ``unchanged``, or the code of the refusal."""
    marketplace: MarketplaceName | None = None
    publication: PublicationId | None = None
    """What serves it; None where nothing does yet."""
    commit: CommitId | None = None
    detail: str = ""
    """In words: how many files, which pull request."""


OnWrite = Callable[[Caller, Write], None]
"""Told of every change. Called while somebody waits for the answer: returns at once, never raises."""


def unwritten(caller: Caller, write: Write) -> None:
    """The ``OnWrite`` of a service without an audit."""
