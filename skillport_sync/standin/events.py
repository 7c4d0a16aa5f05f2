"""Owns what a repository can tell the world: a reference that moved, or an event with its payload. Nothing here is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from skillport_sync.standin.hooks import Hook
from skillport_sync.standin.objects import NO_COMMIT

PullAction = Literal["opened", "edited", "closed", "reopened", "synchronize"]


@dataclass(frozen=True, slots=True)
class RefChange:
    """A branch or tag that moved. Delivered twice it keeps its ``guid``, as a redelivery does."""

    ref: str
    before: str
    after: str
    forced: bool
    at: datetime
    guid: str
    actor: str
    pulls: tuple[tuple[int, PullAction], ...] = field(default=(), compare=False)
    """The pull requests that it changed, each with the action that is announced."""

    @property
    def created(self) -> bool:
        return self.before == NO_COMMIT

    @property
    def deleted(self) -> bool:
        return self.after == NO_COMMIT

    @property
    def activity_type(self) -> str:
        """GitHub's word for it in ``GET /repos/{owner}/{repo}/activity``."""
        if self.created:
            return "branch_creation"
        if self.deleted:
            return "branch_deletion"
        return "force_push" if self.forced else "push"

    def again(self, guid: str) -> RefChange:
        """The same change as another event."""
        return replace(self, guid=guid)


@dataclass(frozen=True, slots=True)
class Event:
    """Anything but a push, its payload as it was when it happened (without ``installation``, which depends on the hook).

    ``hook`` is set where only one hook hears of it: ``ping`` and ``meta``.
    """

    name: str
    action: str | None
    payload: Mapping[str, object]
    guid: str
    hook: Hook | None = None


Announcement = RefChange | Event
