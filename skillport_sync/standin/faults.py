"""Owns what goes wrong on command: answers that fail, wait, break off, lie or never come, and an outage.

A pattern is ``"GET /repos/*/git/blobs/*"`` as ``journal.matches`` reads it. Faults of one pattern are used up in the order they
were scripted, one per request; a request takes at most one of each sort. ``after`` lets so many matching requests pass first;
``late`` carries the request out before its answer is lost, so that a write has taken effect and nobody was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from skillport_sync.standin.journal import matches

_UNICORN = (
    b"<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head><body>Try again.</body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Fail:
    status: int
    body: bytes
    headers: Mapping[str, str]
    late: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ends without an answer."""

    late: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    until: float | asyncio.Event


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is closed after this many bytes of a body whose full length was announced."""

    after_bytes: int


@dataclass(frozen=True, slots=True)
class Corrupt:
    """One byte of the body is another one; its length stays right."""

    flip_byte: int


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing is ever answered; ends when the client goes away or the stand-in is closed."""

    late: bool = False


Fault = Fail | Reset | Delay | Cut | Corrupt | Hang
Ref = tuple[int, str]
"""A repository's id and the full name of a reference."""


@dataclass(slots=True)
class _Script:
    pattern: str
    fault: Fault
    times: int
    after: int = 0


class Gate:
    """Holds every request that matches until it is opened."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.waiting = 0
        self._open = asyncio.Event()
        self._arrived = asyncio.Condition()

    async def hold(self) -> None:
        async with self._arrived:
            self.waiting += 1
            self._arrived.notify_all()
        await self._open.wait()

    async def reached(self, requests: int = 1) -> None:
        """Return when so many requests have come to the gate, since it was set."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.waiting >= requests)

    def open(self) -> None:
        """Let everybody through, those who come later too."""
        self._open.set()


@dataclass(slots=True)
class _StaleHead:
    commit: str | None
    times: int


@dataclass(slots=True)
class Faults:
    is_down: bool = False
    lag_after_writes: int = 0
    """So many reads of a branch still see it where it was before the API moved it (or not at all), each time it moves."""
    _scripts: list[_Script] = field(default_factory=list)
    _gates: list[Gate] = field(default_factory=list)
    _stale: list[_StaleHead] = field(default_factory=list)
    _hidden: dict[str, int] = field(default_factory=dict)
    _lagging: dict[Ref, tuple[str, int]] = field(default_factory=dict)
    _hidden_pulls: int = 0
    _lost: int = 0
    _repeated: int = 0
    _delivery_gates: list[Gate] = field(default_factory=list)

    def fail_next(
        self,
        pattern: str,
        *,
        times: int = 1,
        status: int = 502,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        after: int = 0,
        late: bool = False,
    ) -> None:
        """Answer with this status instead. The default body is GitHub's HTML page, as its load balancer sends for 5xx."""
        raw = _UNICORN if body is None else body.encode() if isinstance(body, str) else body
        content_type = "application/json; charset=utf-8" if raw.startswith((b"{", b"[")) else "text/html; charset=utf-8"
        fault = Fail(status, raw, {"Content-Type": content_type, **(headers or {})}, late)
        self._add(pattern, fault, times, after)

    def reset_next(self, pattern: str, *, times: int = 1, after: int = 0, late: bool = False) -> None:
        self._add(pattern, Reset(late), times, after)

    def redirect_next(self, pattern: str, location: str, status: int = 302, *, times: int = 1) -> None:
        self.fail_next(pattern, times=times, status=status, body=b"", headers={"Location": location})

    def delay_next(self, pattern: str, until: float | asyncio.Event, *, times: int = 1) -> None:
        """Answer rightly, but only after so many seconds, or once the event is set."""
        self._add(pattern, Delay(until), times)

    def cut_next(self, pattern: str, *, after_bytes: int, times: int = 1) -> None:
        self._add(pattern, Cut(after_bytes), times)

    def corrupt_next(self, pattern: str, *, flip_byte: int = -1, times: int = 1) -> None:
        self._add(pattern, Corrupt(flip_byte), times)

    def hang_next(self, pattern: str, *, times: int = 1, after: int = 0, late: bool = False) -> None:
        self._add(pattern, Hang(late), times, after)

    def gate(self, pattern: str) -> Gate:
        gate = Gate(pattern)
        self._gates.append(gate)
        return gate

    def answer_stale_head(self, times: int = 1, commit: str | None = None) -> None:
        """The next reads of a branch's head see this commit, or the head before the last change: GitHub's API may lag."""
        self._stale.append(_StaleHead(commit, times))

    def hide_commit(self, commit: str, times: int = 1) -> None:
        """The next reads of this commit by its id are answered as if it had not arrived yet."""
        self._hidden[commit] = self._hidden.get(commit, 0) + times

    def hide_newest_pull(self, times: int = 1) -> None:
        """The next lists of pull requests lack the newest one, as they may for a moment after it was opened."""
        self._hidden_pulls += times

    def lose_next_deliveries(self, times: int = 1) -> None:
        """The next announcements reach no hook and leave no record, those of writes through the API too."""
        self._lost += times

    def repeat_next_deliveries(self, times: int = 1) -> None:
        """The next announcements are sent twice to each hook, with the same GUID."""
        self._repeated += times

    def hold_deliveries(self) -> Gate:
        """Announcements wait until the gate is opened; then they all leave at once, in any order."""
        gate = Gate("deliveries")
        self._delivery_gates.append(gate)
        return gate

    def down(self) -> None:
        """From now on every connection is reset without an answer."""
        self.is_down = True

    def up(self) -> None:
        self.is_down = False

    def clear(self) -> None:
        """Forget everything scripted, open every gate, and be up."""
        for gate in [*self._gates, *self._delivery_gates]:
            gate.open()
        self._lost = self._repeated = self._hidden_pulls = self.lag_after_writes = 0
        self._lagging.clear()
        self._delivery_gates.clear()
        self._scripts.clear()
        self._gates.clear()
        self._stale.clear()
        self._hidden.clear()
        self.up()

    # ── asked by the server ──────────────────────────────────────────────────────────────────────────────────────

    def take(self, method: str, path: str) -> list[Fault]:
        """The faults of this request, one of each sort; they are used up."""
        taken: dict[type, Fault] = {}
        for script in self._scripts:
            if type(script.fault) in taken or not matches(script.pattern, method, path):
                continue
            if script.after > 0:
                script.after -= 1
            else:
                taken[type(script.fault)] = script.fault
                script.times -= 1
        self._scripts = [script for script in self._scripts if script.times > 0]
        return list(taken.values())

    def gates_of(self, method: str, path: str) -> list[Gate]:
        return [gate for gate in self._gates if matches(gate.pattern, method, path)]

    def take_stale_head(self, before: str | None) -> str | None:
        """The commit to show instead of the head, None when nothing is stale. ``before`` is the head before the last change."""
        if not self._stale:
            return None
        stale = self._stale[0]
        stale.times -= 1
        if stale.times <= 0:
            self._stale.pop(0)
        return stale.commit or before

    def moved(self, ref: Ref, before: str) -> None:
        """The API moved this reference from there."""
        if self.lag_after_writes:
            self._lagging[ref] = (before, self.lag_after_writes)

    def take_lag(self, ref: Ref) -> str | None:
        """Where a reader sees a reference that moved a moment ago; None: where it is."""
        before, left = self._lagging.pop(ref, ("", 0))
        if left > 1:
            self._lagging[ref] = (before, left - 1)
        return before if left else None

    def take_hidden_pull(self) -> bool:
        left, self._hidden_pulls = self._hidden_pulls, max(0, self._hidden_pulls - 1)
        return left > 0

    async def pass_deliveries(self) -> int:
        """Wait where deliveries are held; then how often the announcement is to be sent."""
        for gate in list(self._delivery_gates):
            await gate.hold()
        if self._lost:
            self._lost -= 1
            return 0
        if self._repeated:
            self._repeated -= 1
            return 2
        return 1

    def take_hidden(self, commit: str) -> bool:
        left = self._hidden.get(commit, 0)
        if left:
            self._hidden[commit] = left - 1
        return left > 0

    def _add(self, pattern: str, fault: Fault, times: int, after: int = 0) -> None:
        self._scripts.append(_Script(pattern, fault, times, after))
