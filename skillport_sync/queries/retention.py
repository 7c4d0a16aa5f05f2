"""Owns the few replaced publications that somebody may still be paging through, so that their next page is of the same commit.

A publication in force is in memory anyway. One that is replaced is held on only if a cursor into it was handed out, only
the last few, and not for long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from skillport_sync.errors import Conflict
from skillport_sync.ports import Clock
from skillport_sync.publication import Published
from skillport_sync.queries.cursors import PublicationKey, key_of

MAX_HELD = 4
MAX_AGE_S = 600.0


@dataclass(frozen=True, slots=True)
class _Held:
    published: Published
    since_s: float


class Retention:
    """Replaced publications by key, the last replaced last."""

    def __init__(self, clock: Clock, *, max_held: int = MAX_HELD, max_age_s: float = MAX_AGE_S) -> None:
        self._clock = clock
        self._max_held = max_held
        self._max_age_s = max_age_s
        self._promised: set[PublicationKey] = set()
        self._held: OrderedDict[PublicationKey, _Held] = OrderedDict()

    def promise(self, published: Iterable[Published], in_force: tuple[Published, ...]) -> tuple[PublicationKey, ...]:
        """A cursor into these is about to be handed out; the keys are what it names."""
        keys: list[PublicationKey] = []
        for one in published:
            key = key_of(one)
            keys.append(key)
            if any(one is served for served in in_force):
                self._promised.add(key)
            else:
                # Replaced while the answer was made, or long ago and still being paged through.
                self._hold(key, one)
        return tuple(keys)

    def replaced(self, published: Iterable[Published]) -> None:
        """These are no longer in force."""
        for one in published:
            key = key_of(one)
            if key in self._promised:
                self._promised.discard(key)
                self._hold(key, one)

    def _hold(self, key: PublicationKey, published: Published) -> None:
        self._held.setdefault(key, _Held(published, self._clock.monotonic_s()))
        self._forget_old()

    def redeem(self, keys: tuple[PublicationKey, ...], in_force: tuple[Published, ...]) -> tuple[Published, ...]:
        """The publications that a cursor names; ``in_force`` itself where those are the ones.

        Raises: Conflict where one of them is neither in force nor held any more.
        """
        found = self.find(keys, in_force)
        if found is None:
            raise expired()
        return found

    def find(self, keys: tuple[PublicationKey, ...], in_force: tuple[Published, ...]) -> tuple[Published, ...] | None:
        """The same, or None."""
        self._forget_old()
        served = {key_of(one): one for one in in_force}
        if keys == tuple(served):
            return in_force
        held = {key: one.published for key, one in self._held.items()}
        known = [one for key in keys if (one := served.get(key) or held.get(key)) is not None]
        is_whole = len(known) == len(keys) == len({key.marketplace for key in keys})
        return tuple(known) if is_whole else None

    def _forget_old(self) -> None:
        oldest_s = self._clock.monotonic_s() - self._max_age_s
        while self._held and (len(self._held) > self._max_held or next(iter(self._held.values())).since_s < oldest_s):
            self._held.popitem(last=False)


def expired() -> Conflict:
    return Conflict(
        "The skills were published anew since this cursor was made. Start again without it.", code="cursor_expired"
    )
