"""Owns the words of a judgement: who is watched, and what can follow from a delivery.

PURE, values only. Who is mirrored from a repository and who takes plugins from it are always told apart: what a push says of a
branch, and what is true of a repository, is for the former only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skillport_sync.ports import MarketplaceName
from webhooks.happening import Pushed


@dataclass(frozen=True, slots=True)
class Watched:
    """A marketplace and a repository that it depends on.

    ``own``: it is mirrored from it, and ``branch`` is what it follows. ``source``: it takes plugins from it, and ``branch`` is
    the branch or tag that it follows there; a commit that is pinned never moves and need not be watched. None: whatever the
    repository's default branch is.
    """

    marketplace: MarketplaceName
    repository: str
    repository_id: int | None
    branch: str | None
    role: Literal["own", "source"] = "own"


@dataclass(frozen=True, slots=True)
class News:
    """What is true from now on of the repository that marketplaces are mirrored from. None: the delivery does not say."""

    renamed_to: str | None = None
    default_branch: str | None = None
    archived: bool | None = None
    visibility: str | None = None
    deleted: bool | None = None
    hook_deleted: bool | None = None
    installation_state: str | None = None
    """``active``, ``suspended``, ``deleted``, or ``removed``: the App is there but may not see this repository."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Somebody should look at GitHub for these marketplaces or users, at least one. ``because`` is a stable code, here and below.

    ``marketplaces`` are mirrored from the repository, ``users`` take plugins from it; nobody is both.
    """

    marketplaces: tuple[MarketplaceName, ...]
    because: str
    hint: Pushed | None = None
    """The push that says so: surely one of the branch that ``marketplaces`` follow. Never means anything to users."""
    news: News | None = None
    users: tuple[MarketplaceName, ...] = ()
    noted: tuple[MarketplaceName, ...] = ()
    """Mirrored from it too, and need not look for that: the news is theirs as well."""
    warnings: tuple[str, ...] = ()
    """Stable codes of what somebody should mend."""


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing to fetch, but an operator may want to know."""

    marketplaces: tuple[MarketplaceName, ...]
    because: str
    warnings: tuple[str, ...] = ()
    news: News | None = None
    users: tuple[MarketplaceName, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing follows."""

    because: str


Judgement = Pull | Note | Ignore
