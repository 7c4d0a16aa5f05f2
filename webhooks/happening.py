"""Owns the words for what GitHub can tell us: one value an event that anything here depends on.

PURE, values only. None always means that the payload did not say so, or not in a shape that can be relied on.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.git.objects import CommitId


@dataclass(frozen=True, slots=True)
class Repository:
    """What a payload says of a repository."""

    id: int | None = None
    full_name: str | None = None
    default_branch: str | None = None


@dataclass(frozen=True, slots=True)
class Pinged:
    """A webhook was made or tested. ``events`` is what it subscribes to, ``*`` being everything."""

    events: tuple[str, ...]
    content_type: str | None
    is_active: bool
    checks_tls: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch or tag moved. ``before`` and ``after`` may be ZERO_ID: created, deleted."""

    ref: str | None
    before: CommitId | None
    after: CommitId | None
    forced: bool


@dataclass(frozen=True, slots=True)
class RepositoryChanged:
    """``repository`` or ``public``: what is true of it now is in the delivery's ``repository``."""

    previous_name: str | None = None
    """The ``owner/name`` it had before it was renamed or transferred."""
    previous_branch: str | None = None
    """The default branch it had, when that is what was edited."""


@dataclass(frozen=True, slots=True)
class HookChanged:
    """``meta``: the webhook itself. That it was deleted is the only thing GitHub ever says about it."""


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """What a GitHub App may see from now on."""

    ended: bool
    """The App was uninstalled or suspended."""
    gained: tuple[Repository, ...] = ()
    lost: tuple[Repository, ...] = ()
    whole_account: str | None = None
    """The owner all of whose repositories are meant, where GitHub does not list them one by one."""


@dataclass(frozen=True, slots=True)
class RefNoticed:
    """``create`` or ``delete``: told again by ``push``."""


@dataclass(frozen=True, slots=True)
class PullRequestChanged:
    """``pull_request``: which it was, nobody needs to know; whoever opened one asks what became of it."""


@dataclass(frozen=True, slots=True)
class Unhandled:
    """An event that nothing here depends on."""


Happening = (
    Pinged
    | Pushed
    | RepositoryChanged
    | HookChanged
    | InstallationChanged
    | RefNoticed
    | PullRequestChanged
    | Unhandled
)
