"""Owns what one person may know of how a skill came to be what it is.

Of a time when they might not read it they learn what they were told then: that it was not there. Both the policy of that time and
today's have to let them, as for its content. Never reads that content.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from skillport_sync.access.decide import decide
from skillport_sync.access.model import Absent, AccessPolicy, Action, Allowed, Malformed, Principal
from skillport_sync.access.policy import read_policy
from skillport_sync.catalog.model import Skill
from skillport_sync.errors import Broken, Missing
from skillport_sync.git.objects import BlobId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import PublicationId
from skillport_sync.queries.answers import HistoryFact
from skillport_sync.queries.cursors import PublicationKey
from skillport_sync.queries.fetching import BlobReader
from skillport_sync.queries.naming import Found
from skillport_sync.store.drafts import SkillPhase, SkillRow

_MAX_POLICIES = 64


class SkillHistory(Protocol):
    async def skill_history(
        self, marketplace: MarketplaceName, plugin: str, directory: str, until: PublicationId
    ) -> list[SkillPhase]:
        """What a skill has been, newest first. Raises: Unavailable."""
        ...


class Past:
    """The histories of skills, as this or that person may see them."""

    def __init__(self, history: SkillHistory, blobs: BlobReader) -> None:
        self._history = history
        self._blobs = blobs
        self._policies: OrderedDict[BlobId, AccessPolicy | Malformed] = OrderedDict()

    async def of(self, principal: Principal, found: Found) -> tuple[HistoryFact, ...]:
        """What this skill of a publication in force has been until then, newest first."""
        snapshot, skill = found.published.snapshot, found.skill
        phases = await self._history.skill_history(
            snapshot.marketplace, skill.plugin.name, skill.directory, found.published.publication.id
        )
        seen = [
            (phase, phase.row if await self._might_read(principal, phase, found) else None)
            for phase in reversed(phases)
        ]
        return tuple(reversed(_told(snapshot.marketplace, seen)))

    async def _might_read(self, principal: Principal, phase: SkillPhase, found: Found) -> bool:
        if phase.row is None:
            return False
        then = replace(found.skill, name=phase.row.name)
        policy = await self._policy(phase.policy)
        return (
            not isinstance(policy, Malformed)
            and _allows(policy, principal, then)
            and _allows(found.published.snapshot.policy, principal, then)
        )

    async def _policy(self, oid: BlobId | None) -> AccessPolicy | Absent | Malformed:
        """The policy in this blob. One that cannot be read, or not any more, lets nobody."""
        if oid is None:
            return Absent()
        policy = self._policies.get(oid)
        if policy is None:
            try:
                content = await self._blobs.content(oid)
            except (Missing, Broken) as error:
                return Malformed("", error.message)
            read = await asyncio.to_thread(read_policy, content)
            assert not isinstance(read, Absent), "only a commit without the file has none"
            policy = self._policies[oid] = read
            if len(self._policies) > _MAX_POLICIES:
                self._policies.popitem(last=False)
        else:
            self._policies.move_to_end(oid)
        return policy


def _allows(policy: AccessPolicy | Absent, principal: Principal, skill: Skill) -> bool:
    return isinstance(decide(policy, principal, Action.READ, skill), Allowed)


def _told(marketplace: MarketplaceName, seen: Sequence[tuple[SkillPhase, SkillRow | None]]) -> list[HistoryFact]:
    """One entry for each change of what was there to be seen, oldest first; what nobody saw begin has no beginning."""
    told: list[HistoryFact] = []
    last: SkillRow | None = None
    present: SkillRow | None = None
    for phase, row in seen:
        if row == last:
            continue
        told.append(
            HistoryFact(
                PublicationKey.of(marketplace, phase.publication, phase.publication_commit),
                phase.commit,
                phase.published_at,
                None if row is None else row.version,
                None if row is None else row.revision,
                row is not None
                and present is not None
                and row.version is not None
                and row.version == present.version
                and row.revision != present.revision,
            )
        )
        last, present = row, row or present
    return told
