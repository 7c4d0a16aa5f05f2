"""Owns question → answer. Each answer is read from one publication of each marketplace, taken once, without any network.

Surface-neutral: what the MCP tool and the REST API say differently is said there. What a person may not read is answered
exactly as what does not exist. Never changes anything, never asks GitHub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from skillport_sync.access.decide import is_editor
from skillport_sync.access.model import Principal
from skillport_sync.current import Current
from skillport_sync.errors import Invalid, Unavailable
from skillport_sync.ports import Clock, MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries.answers import (
    BrowseAnswer,
    ContentsAnswer,
    FetchAnswer,
    Freshness,
    Installed,
    InstalledAnswer,
    InstalledFact,
    ListAnswer,
    SnapshotFact,
    VersionAnswer,
    WhoamiAnswer,
)
from skillport_sync.queries.browsing import browsed
from skillport_sync.queries.contents import content_of, files_of, is_editable
from skillport_sync.queries.cursors import Cursor, decode, key_of, question_digest
from skillport_sync.queries.earlier import Earlier, Kept, not_kept
from skillport_sync.queries.fetching import BlobReader, Place, chosen, own_paths, pack
from skillport_sync.queries.finding import Finding
from skillport_sync.queries.listing import Listing, Wanted
from skillport_sync.queries.naming import Names
from skillport_sync.queries.past import Past, SkillHistory
from skillport_sync.queries.plugins import Plugins, PluginsAnswer
from skillport_sync.queries.retention import Retention
from skillport_sync.queries.search import BodyReader, Search
from skillport_sync.queries.versions import compare, fact_of
from skillport_sync.queries.views import Standing, Views, off_loop
from skillport_sync.restoring import Restoring

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_INSTALLED = 200
MAX_HISTORY = 50


def first_sync() -> str:
    return "the first sync is under way"


class Store(BlobReader, BodyReader, SkillHistory, Kept, Protocol):
    """What is kept besides the publications in memory: contents, and what was published before."""


class Queries:
    """Everything that can be asked.

    Raises, whatever is asked: Unavailable while nothing is published, Missing for a skill that is not there for this person,
    Invalid for a question that cannot be answered as it stands, Conflict for a cursor that has ended.
    """

    def __init__(
        self,
        current: Current,
        store: Store,
        restoring: Callable[[MarketplaceName], Restoring],
        clock: Clock,
        why_absent: Callable[[], str] = first_sync,
    ) -> None:
        """``restoring`` makes a marketplace's earlier publications readable again. ``why_absent`` says, in a clause, why nothing
        is published yet; asked only then."""
        self._current = current
        self._blobs: BlobReader = store
        self._retention = Retention(clock)
        self._search = Search(store, clock)
        self._views = Views(current, self._replaced)
        self._listing = Listing(self._views, self._retention, self._search)
        self._past = Past(store, store)
        self._finding = Finding(self._retention, Earlier(store, restoring), self._past)
        self._plugins = Plugins(store)
        self._why_absent = why_absent

    def standing(self, principal: Principal) -> Standing | None:
        """What this person's answers depend on, where that is in memory: what a cache of answers is keyed by."""
        return self._views.known(principal)

    def freshness(self, marketplace: MarketplaceName) -> Freshness:
        return Freshness(self._current.age_s(marketplace), self._current.is_stale(marketplace))

    def titles(self) -> Mapping[MarketplaceName, str]:
        """What each marketplace that is served calls itself, in its marketplace.json."""
        return {one.snapshot.marketplace: one.snapshot.catalog.title for one in self._views.published()}

    async def list_skills(
        self,
        principal: Principal,
        *,
        query: str | None = None,
        surface: str | None = None,
        plugin: str | None = None,
        category: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> ListAnswer:
        """The skills this person may read, by marketplace, plugin and directory; best first where there is a query."""
        wanted = Wanted.of(query, surface, plugin, category)
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"limit must be between 1 and {MAX_LIMIT}, not {limit}.", code="limit_out_of_range")
        standing = await self._standing(principal)
        page = await self._listing.page(principal, standing.view, wanted, limit, cursor)
        return ListAnswer(
            snapshots=self._facts(page.view.published),
            basis=standing.view.basis if page.is_lasting else None,
            several=len(page.view.published) > 1,
            skills=page.lines,
            total=page.total,
            next_cursor=page.next_cursor,
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
        """SKILL.md and the list of files, or the files at ``paths``; as much as one answer may carry. Of what is served, or of an
        earlier ``version`` or ``commit`` of which a publication is kept."""
        standing = await self._standing(principal)
        view, place = standing.view, Place()
        question = question_digest("fetch", skill, list(paths), version, commit)
        if cursor is None:
            found = await self._finding.at(principal, skill, view, version, commit)
        else:
            decoded = decode(cursor, question, positions=3)
            place = Place(*decoded.position)
            found = await self._finding.paged(principal, skill, view, version, decoded.publications)
        published = found.published
        in_force = any(published is one for one in view.published)
        files = await files_of(principal, found, view)
        wanted = await off_loop(len(files), chosen, files, paths or own_paths(files), found.skill.label)
        try:
            packed = await pack(self._blobs, () if paths else files, wanted, place)
        except Unavailable as error:
            if in_force or error.code != "content_not_held":
                raise
            raise not_kept(published.snapshot.commit) from error  # collected since
        following = None
        if packed.next is not None:
            following = Cursor(self._finding.keys(published, view), question, packed.next.numbers).encode()
        return FetchAnswer(
            snapshots=self._facts((published,)),
            # Of another publication two people may not read the same, though today they do.
            basis=view.basis if in_force else None,
            several=len(view.published) > 1,
            skill=fact_of(found),
            files=packed.listing,
            contents=packed.contents,
            next_cursor=following,
        )

    async def contents(
        self, principal: Principal, skill: str, *, version: str | None = None, commit: str | None = None
    ) -> ContentsAnswer:
        """Everything one skill consists of, without its bytes; of what is served, or of an earlier ``version`` or ``commit``."""
        standing = await self._standing(principal)
        view = standing.view
        found = await self._finding.at(principal, skill, view, version, commit)
        files = await files_of(principal, found, view)
        in_force = any(found.published is one for one in view.published)
        return ContentsAnswer(
            snapshots=self._facts((found.published,)),
            # Who may change it is said of this very person.
            basis=standing.personal if in_force else None,
            several=len(view.published) > 1,
            found=found.skill,
            skill=fact_of(found),
            files=tuple(files),
            editable=is_editable(principal, found, view),
            publication=key_of(found.published),
        )

    async def content(self, contents: ContentsAnswer, path: str) -> bytes:
        """All the bytes of one of these files, checked.

        Raises: Missing where there is none of this path or its content is not held, Broken, Unavailable.
        """
        return await content_of(self._blobs, contents, path)

    async def browse(
        self,
        principal: Principal,
        *,
        query: str | None = None,
        surface: str | None = None,
        plugin: str | None = None,
        published: bool | None = None,
    ) -> BrowseAnswer:
        """All skills this person may read, or those that fit; ``published`` False: those that no marketplace shows around."""
        wanted = Wanted.of(query, surface, plugin, None)
        standing = await self._standing(principal)
        view = standing.view
        index = await self._search.index(view) if wanted.query is not None and published is not False else None
        skills = await off_loop(view.readable, browsed, principal, view, wanted, published, index)
        return BrowseAnswer(
            snapshots=self._facts(view.published),
            basis=standing.personal if index is None or not index.lacking else None,
            several=len(view.published) > 1,
            skills=skills,
        )

    async def plugins(self, principal: Principal) -> PluginsAnswer:
        """Every marketplace.json as this person may have it, plugin by plugin."""
        standing = await self._standing(principal)
        published = standing.view.published
        return PluginsAnswer(
            snapshots=self._facts(published),
            # A plugin's own rules decide too, and they tell people apart who may read the same skills.
            basis=standing.personal,
            several=len(published) > 1,
            marketplaces=await self._plugins.shelves(principal, standing),
        )

    async def versions(self, principal: Principal, skill: str) -> VersionAnswer:
        """What this skill is and has been."""
        standing = await self._standing(principal)
        view = standing.view
        found = await self._finding.skill(principal, skill, view)
        history = await self._past.of(principal, found)
        return VersionAnswer(
            snapshots=self._facts((found.published,)),
            # The policies of the past let in others than today's: only this very person has this very history.
            basis=standing.personal,
            several=len(view.published) > 1,
            skill=fact_of(found),
            history=history[:MAX_HISTORY],
        )

    async def check_installed(self, principal: Principal, installed: Sequence[Installed]) -> InstalledAnswer:
        """Which of these skills and plugins are up to date, which have changed, which are gone; in the order of asking."""
        if len(installed) > MAX_INSTALLED:
            raise Invalid(
                f"At most {MAX_INSTALLED} skills in one question; {len(installed)} were sent.", code="too_many"
            )
        standing = await self._standing(principal)
        published, several = standing.view.published, len(standing.view.published) > 1
        names = Names(published, principal, published, several=several)
        facts = await off_loop(standing.view.size, _compared, installed, names)
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

    def _replaced(self, published: tuple[Published, ...]) -> None:
        self._retention.replaced(published)
        self._search.forget()

    async def _standing(self, principal: Principal) -> Standing:
        if not self._current.get():
            raise Unavailable(
                f"Nothing is published yet: {self._why_absent()}. Try again in a minute.", code="nothing_published"
            )
        return await self._views.standing(principal)

    def _facts(self, published: Sequence[Published]) -> tuple[SnapshotFact, ...]:
        served = self._current.get()
        return tuple(
            SnapshotFact(
                one.snapshot.marketplace,
                one.snapshot.repository,
                one.publication.id,
                one.snapshot.commit,
                one.publication.published_at,
                self.freshness(one.snapshot.marketplace),
                served.get(one.snapshot.marketplace) is one,
            )
            for one in published
        )


def _compared(installed: Sequence[Installed], names: Names) -> tuple[InstalledFact, ...]:
    return tuple(compare(one, names) for one in installed)
