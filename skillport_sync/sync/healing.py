"""Owns the looking after one marketplace's repository and webhook: what GitHub failed to tell, and what stands in the way.

Runs after a pull and never instead of one: what was pushed is found by reconcile, whatever is found out here. Asks at most once a
minute, and no more for an hour what it may not. What the answers mean is judged in ``missed`` and ``conditions``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from skillport_sync.errors import Denied, Missing, RateLimited, SkillportError, Unauthenticated, Unavailable
from skillport_sync.github.activity import PushLog
from skillport_sync.github.hook_facts import HookFact
from skillport_sync.github.hooks import Deliveries, Hooks
from skillport_sync.github.transport import NOT_REACHED
from skillport_sync.github.wire import RepositoryFact
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.store.healing import ConditionRow, GapRow, Look, PushRow, Seen
from skillport_sync.store.state import StateStore
from skillport_sync.sync.branch import Source
from skillport_sync.sync.conditions import LOST, MEANINGS, Condition, of_hooks, of_loss, of_repository, ours, said
from skillport_sync.sync.identity import Identity
from skillport_sync.sync.missed import gaps, pushes, to_redeliver

log = structlog.get_logger(__name__)

APART_S: Final = 60.0
"""Two looks that nobody asked for are never closer."""
DENIED_FOR_S: Final = 3600.0
"""What GitHub refused is not asked for again so long, unless an operator wants it."""
OVERLAP: Final = timedelta(minutes=10)
"""Each look begins so much before the last one ended: a delivery is listed when it is over, not when it begins."""
MOST_REDELIVERIES: Final = 50
"""So many are asked for at one look. GitHub limits what is changed in a minute."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the webhook is looked after. ``hooks`` None: no credential could, so that nobody tries."""

    hooks: Hooks | None
    url: str
    """Where it has to lead."""
    redelivers: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What the webhook's side of a look has shown."""

    conditions: Sequence[Condition] = ()
    hook_id: int | None = None
    gaps: Sequence[GapRow] = ()
    read_to: datetime | None = None


class Healer:
    """Looks after one marketplace. ``look`` is called by its loop, after a pull; one at a time."""

    def __init__(
        self,
        marketplace: MarketplaceName,
        configured: str,
        *,
        source: Callable[[], Source],
        identity: Identity,
        push_log: PushLog,
        webhook: Webhook | None,
        state: StateStore,
        clock: Clock,
        grace: timedelta | None,
        withdraw: Callable[[MarketplaceName], None],
        serve_again: Callable[[MarketplaceName], None],
    ) -> None:
        """``webhook`` None: none is received. ``grace``: after so long a loss, ``withdraw`` is called once, and ``serve_again``
        when the repository can be read again; None: never."""
        self._marketplace = marketplace
        self._configured = configured
        self._source = source
        self._identity = identity
        self._push_log = push_log
        self._webhook = webhook
        self._state = state
        self._rows = state.healing
        self._clock = clock
        self._grace = grace
        self._withdraw = withdraw
        self._serve_again = serve_again
        self._withdrawn: str | None = None
        self._may_ask_s = float("-inf")
        self._denied_until_s = float("-inf")
        self._denied: Condition | None = None
        self._is_asked = False
        self._redeliver_now = False
        self._redelivered = 0

    @property
    def withdrawn(self) -> str | None:
        """Why nothing of the marketplace is served any more, as a clause; None while it is."""
        return self._withdrawn

    @property
    def redelivered(self) -> int:
        """How many deliveries were asked for again at the last look."""
        return self._redelivered

    def ask(self, *, redeliver: bool = False) -> None:
        """An operator wants the next look, whatever was refused before; with ``redeliver``, what is lost is asked for again."""
        self._is_asked = True
        self._redeliver_now = redeliver

    async def restore(self) -> None:
        """What was withdrawn when the process last stopped stays withdrawn, and the repository is still the one it was."""
        await self._identity.recall()
        self._settle((await self._rows.seen(self._marketplace)).conditions)

    async def look(self) -> None:
        """Find out what is the matter, note it, and ask for what is lost where that is wanted.

        Raises: Unavailable, where state.db cannot be written.
        """
        now_s = self._clock.monotonic_s()
        is_asked, redelivers = self._is_asked, self._redeliver_now
        if now_s < self._may_ask_s and not is_asked:
            self._settle((await self._rows.seen(self._marketplace)).conditions)
            return
        self._may_ask_s, self._is_asked, self._redeliver_now, self._redelivered = now_s + APART_S, False, False, 0
        if is_asked:
            self._denied_until_s = float("-inf")
        before = await self._rows.seen(self._marketplace)
        look = await self._look(before, redelivers=redelivers)
        if look is not None:
            await self._rows.took(self._marketplace, look)
            self._say(before, look)
        self._settle((await self._rows.seen(self._marketplace)).conditions)

    # --- looking ---------------------------------------------------------------------------------------------------------

    async def _look(self, before: Seen, *, redelivers: bool) -> Look | None:
        """What is the matter; None where GitHub does not say now."""
        source = self._source()
        facts = await self._state.repository_facts(self._marketplace)
        try:
            fact = await self._identity.prove(source.repository)
        except SkillportError as error:
            lost = of_loss(error, facts, was_there=await self._identity.recall() is not None)
            if lost is None:
                log.debug("look_put_off", marketplace=self._marketplace, code=error.code)
                return None
            is_loss = MEANINGS[lost.code].is_loss
            return Look([(each.code, each.detail) for each in (lost, *([Condition(LOST)] if is_loss else []))])
        noticed = await self._pushes(fact, source, before)
        found = await self._deliveries(fact, before, redelivers=redelivers)
        conditions = [*of_repository(fact, self._configured), *found.conditions]
        return Look(
            [(each.code, each.detail) for each in conditions], found.read_to, found.hook_id, found.gaps, noticed
        )

    async def _pushes(self, fact: RepositoryFact, source: Source, before: Seen) -> tuple[PushRow, ...]:
        """What the push log knows and nobody told. The first look only begins to watch."""
        if before.looked_at is None or before.began is None:
            return ()
        since = max(before.began, before.looked_at - OVERLAP)
        ref = f"refs/heads/{source.branch or fact.default_branch}"
        try:
            found = await self._push_log.since(fact.full_name, ref, since)
        except SkillportError as error:
            log.debug("push_log_not_read", marketplace=self._marketplace, code=error.code)
            return ()
        told = await self._rows.told([each.after for each in found])
        return pushes(found, told=told, now=self._clock.now(), hears=self._webhook is not None)

    async def _deliveries(self, fact: RepositoryFact, before: Seen, *, redelivers: bool) -> _Found:
        """The webhook as it is, and what it could not hand over."""
        webhook = self._webhook
        if webhook is None or webhook.hooks is None:
            return _Found()
        if self._clock.monotonic_s() < self._denied_until_s and self._denied is not None:
            return _Found([self._denied, *await self._said_deleted()])
        try:
            return await self._read_deliveries(webhook, webhook.hooks, fact, before, redelivers=redelivers)
        except (Denied, Missing, Unauthenticated) as error:
            # 404 where the token may not know of webhooks at all. Said once, and not tried for a while.
            self._denied = Condition("hooks_not_visible", error.message)
            self._denied_until_s = self._clock.monotonic_s() + DENIED_FOR_S
            return _Found([self._denied, *await self._said_deleted()])
        except SkillportError as error:
            log.info("deliveries_not_read", marketplace=self._marketplace, code=error.code)
            kept = [
                Condition(row.code, row.detail)
                for row in before.conditions
                if row.code.startswith("hook") and row.code in MEANINGS
            ]
            return _Found(kept)

    async def _said_deleted(self) -> list[Condition]:
        """What a webhook that cannot be looked at said of itself at last."""
        facts = await self._state.repository_facts(self._marketplace)
        return [Condition("hook_deleted")] if facts.hook_deleted else []

    async def _read_deliveries(
        self, webhook: Webhook, hooks: Hooks, fact: RepositoryFact, before: Seen, *, redelivers: bool
    ) -> _Found:
        repository = fact.full_name
        facts = await self._state.repository_facts(self._marketplace)
        found = ours(await hooks.listed(repository), webhook.url, await self._rows.hooks_heard())
        conditions = list(of_hooks(found, webhook.url, facts))
        if not found:
            return _Found(conditions)
        hook, now = found[0], self._clock.now()
        since = None if before.read_to is None or before.hook_id != hook.id else before.read_to - OVERLAP
        deliveries = await hooks.deliveries(repository, hook, since)
        if not deliveries.is_whole:
            conditions.append(Condition("deliveries_cut"))
        received = await self._rows.received({attempt.guid for attempt in deliveries.attempts})
        lost = gaps(deliveries.attempts, received=received, began=before.began, repository_id=fact.id)
        if redelivers or webhook.redelivers:
            await self._rows.note_gaps(self._marketplace, lost)
            denied = await self._redeliver(hooks, repository, hook, deliveries)
            conditions += [] if denied is None else [denied]
        return _Found(conditions, hook.id, lost, now)

    # --- asking again ----------------------------------------------------------------------------------------------------

    async def _redeliver(
        self, hooks: Hooks, repository: str, hook: HookFact, deliveries: Deliveries
    ) -> Condition | None:
        """Ask for what never came, each once; what it means that this is not allowed. Claimed before it is asked for: a process
        that dies between the two asks for one too few, never twice."""
        lost = await self._rows.lost(self._marketplace)
        for gap in to_redeliver(lost, deliveries.attempts)[:MOST_REDELIVERIES]:
            if not await self._rows.claim(self._marketplace, gap.guid):
                continue
            try:
                await hooks.redeliver(repository, hook, gap.attempt_id)
            except Missing:
                continue  # GitHub has forgotten it
            except SkillportError as error:
                if isinstance(error, Denied | Unauthenticated | RateLimited) or error.code == NOT_REACHED:
                    await self._rows.release(self._marketplace, gap.guid)
                if isinstance(error, Denied | Unauthenticated):
                    return Condition("redelivery_denied", error.message)
                if isinstance(error, Unavailable):
                    return None
                continue
            self._redelivered += 1
            log.info("delivery_asked_for", marketplace=self._marketplace, guid=gap.guid, github_event=gap.event)
        return None

    # --- what follows ----------------------------------------------------------------------------------------------------

    def _settle(self, conditions: Sequence[ConditionRow]) -> None:
        """Serve or withdraw, as the loss and its age have it."""
        lost_since = next((row.since for row in conditions if row.code == LOST), None)
        if self._grace is None or lost_since is None or self._clock.now() - lost_since < self._grace:
            if self._withdrawn is not None:
                self._withdrawn = None
                self._serve_again(self._marketplace)
                log.warning("publication_served_again", marketplace=self._marketplace)
            return
        if self._withdrawn is None:
            because = next((said(Condition(r.code, r.detail)) for r in conditions if _is_loss(r.code)), "it is lost")
            days = self._grace / timedelta(days=1)
            self._withdrawn = f"{self._marketplace} is withdrawn after {days:g} days without its repository: {because}"
            self._withdraw(self._marketplace)
            log.error("publication_withdrawn", marketplace=self._marketplace, reason=because)

    def _say(self, before: Seen, look: Look) -> None:
        """Each thing once: when it begins, and when it is over."""
        was, now_is = {row.code for row in before.conditions}, {code for code, _ in look.conditions}
        for code, detail in look.conditions:
            if code not in was and code != LOST:
                (log.info if MEANINGS[code].severity == "info" else log.warning)(
                    "condition_found",
                    marketplace=self._marketplace,
                    code=code,
                    said=said(Condition(code, detail)),
                    to_do=MEANINGS[code].remedy,
                )
        for code in sorted(was - now_is - {LOST}):
            log.info("condition_over", marketplace=self._marketplace, code=code)
        known = {gap.guid for gap in before.gaps}
        new = [gap for gap in look.gaps if gap.guid not in known]
        missed = [push for push in look.pushes if push.missed]
        if new or missed:
            log.warning("deliveries_missed", marketplace=self._marketplace, deliveries=len(new), pushes=len(missed))


def _is_loss(code: str) -> bool:
    meaning = MEANINGS.get(code)
    return meaning is not None and meaning.is_loss
