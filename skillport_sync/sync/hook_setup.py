"""Owns the setting up of a webhook: what is there, what is wrong with it, made or mended where that is wanted, proved by a ping.

``examine`` changes nothing. ``set_up`` may be repeated. The secret is set every time: nobody can see whether it is the right one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from skillport_sync.github.hook_facts import Attempt, HookFact
from skillport_sync.github.hooks import Hooks, Wanted
from skillport_sync.store.healing import GapRow
from skillport_sync.store.repository_facts import RepositoryFacts
from skillport_sync.sync.conditions import Condition, of_hooks, ours
from skillport_sync.sync.missed import why

PROOF_LOOKS: Final = 20
PROOF_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Setup:
    """How the webhook of one repository is now. ``done``: what was done about it."""

    repository: str
    url: str
    hook: HookFact | None
    conditions: tuple[Condition, ...]
    done: Literal["nothing", "created", "repaired"] = "nothing"
    last: str | None = None
    """How its latest delivery went, as a clause; None where there is none."""
    is_proved: bool | None = None
    """Whether that one arrived; None where there is none."""


async def examine(hooks: Hooks, repository: str, url: str) -> Setup:
    """What is there. Raises as ``Hooks``."""
    found = ours(await hooks.listed(repository), url, frozenset())
    conditions = tuple(of_hooks(found, url, RepositoryFacts()))
    if not found:
        return Setup(repository, url, None, conditions)
    return _told(Setup(repository, url, found[0], conditions), await _attempts(hooks, repository, found[0]))


async def set_up(hooks: Hooks, repository: str, wanted: Wanted) -> Setup:
    """The webhook as it is wanted, made or mended, and what a ping through it came to. Raises as ``Hooks``."""
    found = ours(await hooks.listed(repository), wanted.url, frozenset())
    if found:
        before = {attempt.id for attempt in await _attempts(hooks, repository, found[0])}
        hook, done = await hooks.repair(repository, found[0], wanted), "repaired"
        is_pinged = await hooks.ping(repository, hook)
    else:
        before = set()
        hook, done, is_pinged = await hooks.create(repository, wanted), "created", True
    conditions = tuple(of_hooks((hook, *found[1:]), wanted.url, RepositoryFacts()))
    setup = Setup(repository, wanted.url, hook, conditions, "created" if done == "created" else "repaired")
    if not is_pinged or not hook.id:
        return setup
    for look in range(PROOF_LOOKS):
        if look:
            await asyncio.sleep(PROOF_PAUSE_S)
        attempts = await _attempts(hooks, repository, hook)
        new = [each for each in attempts if each.id not in before and each.event == "ping"]
        if new:
            return _told(setup, new)
    return setup


async def _attempts(hooks: Hooks, repository: str, hook: HookFact) -> Sequence[Attempt]:
    return (await hooks.deliveries(repository, hook, None)).attempts


def _told(setup: Setup, attempts: Sequence[Attempt]) -> Setup:
    if not attempts:
        return setup
    latest = attempts[0]
    gap = GapRow(
        latest.guid, latest.id, latest.event, latest.action, latest.delivered_at, latest.status, latest.status_code
    )
    told = f"{latest.event} arrived" if latest.is_ok else f"{latest.event} did not arrive: {why(gap)}"
    return Setup(setup.repository, setup.url, setup.hook, setup.conditions, setup.done, told, latest.is_ok)
