"""Owns how often skills were used, counted out of the rows of ``audit``, and which version a commit had of a skill. Only reads.

A read that came again within a minute is one row of the audit, and so counted once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from skillport_sync.access.model import PrincipalId
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.audit_events import AuditAction
from skillport_sync.store.database import FOREVER, micros, moment


@dataclass(frozen=True, slots=True)
class Used:
    """What was read or installed of a skill as one commit has it."""

    marketplace: MarketplaceName
    skill: str
    """``plugin/name``; a plugin's name where a whole one was installed."""
    commit: CommitId
    person: PrincipalId | None
    """None where it was not asked for, or is not known."""
    reads: int
    installs: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ServedSkill:
    """A skill as one commit had it."""

    marketplace: MarketplaceName
    commit: CommitId
    label: str
    """``plugin/name``."""


COUNTED = (
    "SELECT marketplace, skill, commit_id, iif(?3, principal, NULL) AS who, "
    "sum(action = ?1), sum(action = ?2), max(at_us) FROM audit "
    "WHERE action IN (?1, ?2) AND outcome = 'ok' AND at_us >= ?4 "
    "AND marketplace IS NOT NULL AND skill IS NOT NULL AND commit_id IS NOT NULL "
    "GROUP BY marketplace, skill, commit_id, who ORDER BY marketplace, skill, commit_id, who"
)
"""What was given out, by what and as of when it was. What was refused was not used."""

VERSIONS = (
    "SELECT DISTINCT s.plugin, s.name, s.version FROM marketplaces m JOIN publications p ON p.marketplace = m.id "
    "JOIN skills s ON s.marketplace = m.id AND s.from_seq <= p.content_seq AND s.to_seq > p.content_seq "
    "WHERE m.name = ? AND p.commit_id = ?"
)
"""Every skill of a commit of which a publication is kept."""


def counted(connection: sqlite3.Connection, since: datetime | None, by_person: bool) -> list[Used]:
    since_us = -FOREVER if since is None else micros(since)
    rows = connection.execute(COUNTED, (AuditAction.READ, AuditAction.INSTALL, by_person, since_us))
    return [
        Used(
            MarketplaceName(marketplace),
            skill,
            CommitId(commit),
            None if who is None else PrincipalId(who),
            reads,
            installs,
            moment(last_us),
        )
        for marketplace, skill, commit, who, reads, installs, last_us in rows
    ]


def versions(connection: sqlite3.Connection, asked: Iterable[ServedSkill]) -> Mapping[ServedSkill, str]:
    """The version that each said, of those that said one at a commit of which a publication is kept."""
    wanted: dict[tuple[MarketplaceName, CommitId], dict[str, ServedSkill]] = {}
    for skill in asked:
        wanted.setdefault((skill.marketplace, skill.commit), {})[skill.label] = skill
    found: dict[ServedSkill, str] = {}
    for (marketplace, commit), by_label in wanted.items():
        for plugin, name, version in connection.execute(VERSIONS, (marketplace, _raw(commit))):
            skill_asked = by_label.get(f"{plugin}/{name}")
            if skill_asked is not None and version is not None:
                found[skill_asked] = version
    return found


def _raw(commit: CommitId) -> bytes:
    try:
        return bytes.fromhex(commit)
    except ValueError:  # the audit keeps what it was told, and this is no commit's id
        return b""
