"""Owns question → answer. Each answer is read from one publication of each marketplace, taken once, without any network.

Surface-neutral: what the MCP tool and the REST API say differently is said there. What a person may not read is answered
exactly as what does not exist. Never changes anything, never asks GitHub.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from skillport_sync.access.decide import is_editor
from skillport_sync.access.model import Principal
from skillport_sync.catalog.model import Skill, Surface
from skillport_sync.catalog.select import one_line, parse_surface, select
from skillport_sync.current import Current
from skillport_sync.errors import Invalid, Unavailable
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries import naming
from skillport_sync.queries.answers import (
    FetchAnswer,
    Freshness,
    Installed,
    InstalledAnswer,
    InstalledFact,
    ListAnswer,
    SkillLine,
    SnapshotFact,
    VersionAnswer,
    WhoamiAnswer,
)
from skillport_sync.queries.cursors import Cursor, decode, question_digest
from skillport_sync.queries.fetching import BlobReader, Place, chosen, pack
from skillport_sync.queries.naming import Found
from skillport_sync.queries.retention import Retention
from skillport_sync.queries.versions import compare, fact_of, require_current
from skillport_sync.queries.views import Standing, View, Views, look, may_still_read, off_loop, visible_files
from skillport_sync.store.drafts import SkillVersion

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_INSTALLED = 200
DESCRIPTION_CHARACTERS = 88
"""What a list can afford of a description: with name, plugin and version about 45 tokens a skill."""


def first_sync() -> str:
    return "the first sync is under way"


class SkillHistory(Protocol):
    async def skill_history(self, marketplace: MarketplaceName, plugin: str, directory: str) -> list[SkillVersion]:
        """What a skill has been, newest first. Raises: Unavailable."""
        ...


class Queries:
    """Everything that can be asked.

    Raises, whatever is asked: Unavailable while nothing is published, Missing for a skill that is not there for this person,
    Invalid for a question that cannot be answered as it stands, Conflict for a cursor that has ended.
    """

    def __init__(
        self,
        current: Current,
        blobs: BlobReader,
        history: SkillHistory,
        clock: Clock,
        why_absent: Callable[[], str] = first_sync,
    ) -> None:
        """``why_absent`` says, in a clause, why nothing is published yet; asked only then."""
        self._current = current
        self._blobs = blobs
        self._history = history
        self._retention = Retention(clock)
        self._views = Views(current, self._retention.replaced)
        self._why_absent = why_absent

    def standing(self, principal: Principal) -> Standing | None:
        """What this person's answers depend on, where that is in memory: what a cache of answers is keyed by."""
        return self._views.known(principal)

    def freshness(self, marketplace: MarketplaceName) -> Freshness:
        return Freshness(self._current.age_s(marketplace), self._current.is_stale(marketplace))

    async def list_skills(
        self,
        principal: Principal,
        *,
        query: str | None = None,
        surface: str | None = None,
        plugin: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> ListAnswer:
        """The skills this person may read, by marketplace, plugin and directory; best first where there is a query."""
        wanted = parse_surface(surface) if surface else None
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"limit must be between 1 and {MAX_LIMIT}, not {limit}.", code="limit_out_of_range")
        standing = await self._standing(principal)
        view, offset, question = standing.view, 0, question_digest("list", query, surface, plugin)
        if cursor is not None:
            decoded = decode(cursor, question, positions=1)
            view, offset = await self._view_again(standing.view, decoded, principal), decoded.position[0]
        if query or wanted or plugin:
            chosen = await off_loop(view.size, _matching, view, query, wanted, plugin)
            total, page = len(chosen), chosen[offset : offset + limit]
        else:
            total, page = view.size, list(islice(view, offset, offset + limit))
        after = offset + limit
        return ListAnswer(
            snapshots=self._facts(view.published),
            basis=standing.view.basis if view is standing.view else None,
            several=len(view.published) > 1,
            skills=tuple(
                _line(published, skill)
                for published, skill in page
                if view is standing.view or may_still_read(published, principal, skill, standing.view.published)
            ),
            total=total,
            next_cursor=self._cursor(view.published, question, (after,)) if after < total else None,
        )

    async def fetch(
        self,
        principal: Principal,
        skill: str,
        *,
        paths: Sequence[str] = (),
        version: str | None = None,
        commit: str | None = None,
        cursor: str | None = None,
    ) -> FetchAnswer:
        """SKILL.md and the list of files, or the files at ``paths``; as much as one answer may carry."""
        standing = await self._standing(principal)
        published, place = standing.view.published, Place()
        question = question_digest("fetch", skill, list(paths), version, commit)
        if cursor is not None:
            decoded = decode(cursor, question, positions=3)
            published, place = self._retention.redeem(decoded.publications, published), Place(*decoded.position)
        found = await self._one(principal, skill, published, standing.view)
        require_current(found, version, commit)
        files = visible_files(found.published, principal, found.skill, standing.view.published)
        asked = paths or (_own_path(found.skill),)
        wanted = await off_loop(len(files), chosen, files, asked, found.skill.label)
        packed = await pack(self._blobs, () if paths else files, wanted, place)
        in_force = any(found.published is one for one in standing.view.published)
        return FetchAnswer(
            snapshots=self._facts((found.published,)),
            basis=standing.view.basis if in_force else None,
            several=len(standing.view.published) > 1,
            skill=fact_of(found),
            files=packed.listing,
            contents=packed.contents,
            next_cursor=self._cursor((found.published,), question, packed.next.numbers) if packed.next else None,
        )

    async def versions(self, principal: Principal, skill: str) -> VersionAnswer:
        """What this skill is and has been."""
        standing = await self._standing(principal)
        found = await self._one(principal, skill, standing.view.published, standing.view)
        fact = fact_of(found)
        history = await self._history.skill_history(fact.marketplace, fact.plugin, found.skill.directory)
        answered_at = found.published.publication.published_at
        return VersionAnswer(
            snapshots=self._facts((found.published,)),
            basis=standing.view.basis,
            several=len(standing.view.published) > 1,
            skill=fact,
            # What was published while the database was asked is not of this answer's publication.
            history=tuple(entry for entry in history if entry.published_at <= answered_at),
        )

    async def check_installed(self, principal: Principal, installed: Sequence[Installed]) -> InstalledAnswer:
        """Which of these are up to date, which have changed, which are gone; in the order of asking."""
        if len(installed) > MAX_INSTALLED:
            raise Invalid(
                f"At most {MAX_INSTALLED} skills in one question; {len(installed)} were sent.", code="too_many"
            )
        standing = await self._standing(principal)
        published, several = standing.view.published, len(standing.view.published) > 1
        facts = await off_loop(standing.view.size, _compared, published, principal, installed, several)
        return InstalledAnswer(
            snapshots=self._facts(published), basis=standing.view.basis, several=several, installed=facts
        )

    async def whoami(self, principal: Principal) -> WhoamiAnswer:
        """Who this person is taken for, and where they are an editor."""
        standing = await self._standing(principal)
        published = standing.view.published
        return WhoamiAnswer(
            snapshots=self._facts(published),
            basis=standing.personal,
            several=len(published) > 1,
            principal=principal,
            editor={one.snapshot.marketplace: is_editor(one.snapshot.policy, principal) for one in published},
        )

    async def _standing(self, principal: Principal) -> Standing:
        if not self._current.get():
            raise Unavailable(
                f"Nothing is published yet: {self._why_absent()}. Try again in a minute.", code="nothing_published"
            )
        return await self._views.standing(principal)

    def _facts(self, published: Sequence[Published]) -> tuple[SnapshotFact, ...]:
        return tuple(
            SnapshotFact(
                one.snapshot.marketplace,
                one.snapshot.repository,
                one.snapshot.commit,
                one.publication.published_at,
                self.freshness(one.snapshot.marketplace),
            )
            for one in published
        )

    def _cursor(self, published: Sequence[Published], question: str, position: tuple[int, ...]) -> str:
        return Cursor(self._retention.promise(published, self._views.published()), question, position).encode()

    async def _view_again(self, now: View, cursor: Cursor, principal: Principal) -> View:
        """The view that the cursor's first page was cut from: today's, or one of publications that were replaced since."""
        published = self._retention.redeem(cursor.publications, now.published)
        if published is now.published:
            return now
        return await off_loop(sum(len(one.snapshot.catalog.skills) for one in published), look, published, principal)

    async def _one(self, principal: Principal, label: str, published: tuple[Published, ...], now: View) -> Found:
        candidates = [
            found
            for found in naming.found(published, principal, label)
            if may_still_read(found.published, principal, found.skill, now.published)
        ]
        if len(candidates) > 1:
            raise naming.ambiguous(label, naming.labels(candidates, len(published) > 1))
        if not candidates:
            raise await off_loop(now.size, naming.unknown, label, now)
        return candidates[0]


def _matching(
    view: View, query: str | None, surface: Surface | None, plugin: str | None
) -> Sequence[tuple[Published, Skill]]:
    readable = list(view)
    publication_of = {id(skill): published for published, skill in readable}
    chosen = select((skill for _, skill in readable), query=query, surface=surface, plugin=plugin)
    return [(publication_of[id(skill)], skill) for skill in chosen]


def _compared(
    published: tuple[Published, ...], principal: Principal, installed: Sequence[Installed], several: bool
) -> tuple[InstalledFact, ...]:
    return tuple(compare(one, naming.found(published, principal, one.name), several) for one in installed)


def _line(published: Published, skill: Skill) -> SkillLine:
    description = one_line(skill.description, DESCRIPTION_CHARACTERS)
    return SkillLine(published.snapshot.marketplace, skill.plugin.name, skill.name, skill.version, description)


def _own_path(skill: Skill) -> str:
    """Where SKILL.md is, seen from the skill, as it is spelled."""
    return skill.skill_md[len(skill.directory) + 1 :] if skill.directory else skill.skill_md
