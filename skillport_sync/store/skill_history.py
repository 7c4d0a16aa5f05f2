"""Owns what the rows say of a skill's past: its phases through the publications that are kept, and versions that stayed the same
while the content did not.

The past is read along the publications and not along the rows, because a rollback serves an old content again. Only reads, and
never decides who may know.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from skillport_sync.access.policy import POLICY_PATH
from skillport_sync.git.objects import BlobId, CommitId, TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import PublicationId
from skillport_sync.store.database import moment
from skillport_sync.store.drafts import SkillPhase, SkillRow, Unbumped

PHASES = (
    "WITH seen AS ("
    "SELECT p.id, p.commit_id, p.published_at_us, p.content_seq, s.from_seq, s.name, s.version, s.revision, "
    "s.commit_id AS brought_by, s.published_at_us AS brought_at_us, f.oid AS policy "
    "FROM marketplaces m JOIN publications p ON p.marketplace = m.id LEFT JOIN skills s ON s.marketplace = m.id "
    "AND s.plugin = ?2 AND s.directory = ?3 AND s.from_seq <= p.content_seq AND s.to_seq > p.content_seq "
    "LEFT JOIN sources o ON o.marketplace = m.id AND o.key = '' "
    "LEFT JOIN files f ON f.source = o.id AND f.path = ?4 AND f.from_seq <= p.content_seq AND f.to_seq > p.content_seq "
    "WHERE m.name = ?1 AND p.id <= ?5), "
    "compared AS (SELECT *, lag(id) OVER following AS id_before, lag(from_seq) OVER following AS row_before, "
    "lag(policy) OVER following AS policy_before, max(content_seq) OVER (following ROWS BETWEEN UNBOUNDED PRECEDING "
    "AND 1 PRECEDING) AS highest_before FROM seen WINDOW following AS (ORDER BY id)), "
    "begun AS (SELECT *, from_seq > coalesce(highest_before, 0) AS is_new FROM compared "
    "WHERE id_before IS NULL OR row_before IS NOT from_seq OR policy_before IS NOT policy) "
    "SELECT id, commit_id, iif(is_new, brought_by, commit_id), iif(is_new, brought_at_us, published_at_us), "
    "name, version, revision, policy FROM begun ORDER BY id"
)
"""Where a skill, or the policy beside it, became another, oldest first. A row that is new since the publications before, those
that are not kept included, says itself what brought it; one that is served again came with the publication that did so."""

UNBUMPED = (
    "SELECT s.plugin, s.directory, s.name, s.version, s.revision, s.commit_id, s.published_at_us "
    "FROM marketplaces m JOIN head h ON h.marketplace = m.id JOIN publications p ON p.id = h.publication "
    "JOIN skills s ON s.marketplace = m.id AND +s.from_seq <= p.content_seq AND s.to_seq > p.content_seq "
    "JOIN skills b ON b.marketplace = m.id AND b.plugin = s.plugin AND b.directory = s.directory AND b.from_seq = ("
    "SELECT max(from_seq) FROM skills WHERE marketplace = m.id AND plugin = s.plugin AND directory = s.directory "
    "AND from_seq < s.from_seq) "
    "WHERE m.name = ? AND b.version = s.version AND b.revision <> s.revision ORDER BY s.plugin, s.directory"
)
"""Skills that are served with another content than the row before has, under the same version."""


def asked(name: MarketplaceName, plugin: str, directory: str, until: PublicationId) -> tuple[object, ...]:
    """What ``PHASES`` is to be asked with."""
    return (name, plugin, directory, POLICY_PATH.encode(), until)


def phases_of(rows: Sequence[Sequence[Any]], plugin: str, directory: str) -> list[SkillPhase]:
    """Phases out of rows of ``PHASES``, newest first, from when the skill was first there."""
    phases: list[SkillPhase] = []
    for identity, own_commit, commit, at_us, name, version, revision, policy in rows:
        row = None if revision is None else SkillRow(plugin, directory, name, version, TreeId(revision.hex()))
        policy_id = None if policy is None else BlobId(policy.hex())
        if row is None and not phases:
            continue
        if phases and (phases[-1].row, phases[-1].policy) == (row, policy_id):  # served again as it was already
            continue
        phases.append(
            SkillPhase(
                PublicationId(identity),
                CommitId(own_commit.hex()),
                CommitId(commit.hex()),
                moment(at_us),
                row,
                policy_id,
            )
        )
    return phases[::-1]


def unbumped(connection: sqlite3.Connection, name: MarketplaceName) -> list[Unbumped]:
    """What ``UNBUMPED`` finds. Goes through every skill that is served."""
    return [
        Unbumped(plugin, directory, label, version, TreeId(revision.hex()), CommitId(commit.hex()), moment(since_us))
        for plugin, directory, label, version, revision, commit, since_us in connection.execute(UNBUMPED, (name,))
    ]
