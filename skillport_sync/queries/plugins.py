"""Owns what one person may have of each plugin: for clients that install plugins, not skills.

All of a plugin goes to whoever may read every skill in it and is refused by no rule for the plugin; to everybody else only the
skills of it that they may read. What is the same for everybody is worked out once a publication. Never reads more of the
contents than marketplace.json and the targets of links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from skillport_sync.access.decide import decide
from skillport_sync.access.model import Action, Allowed, Principal
from skillport_sync.access.plugins import may_have, refused_as_whole
from skillport_sync.catalog.model import PluginName, Skill
from skillport_sync.catalog.plugin_files import PLUGIN_MANIFEST, links_in
from skillport_sync.catalog.skill_md import read_skill_md
from skillport_sync.errors import Missing, Unavailable
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId
from skillport_sync.ports import MarketplaceName
from skillport_sync.publication import Published
from skillport_sync.queries.answers import Answer
from skillport_sync.queries.fetching import BlobReader, read_whole
from skillport_sync.queries.plugin_grounds import MarketplaceGround, PluginGround, ground, manifest_path
from skillport_sync.queries.views import Shelf, Standing, may_still_read
from skillport_sync.queries.visible import visible_files

COMPONENT_PLACES: Final = frozenset(
    {
        ".lsp.json",
        ".mcp.json",
        "agents",
        "bin",
        "commands",
        "hooks",
        "monitors",
        "output-styles",
        "settings.json",
        "themes",
        "workflows",
    }
)
"""Where, directly in a plugin, Claude Code finds what is not a skill (https://code.claude.com/docs/en/plugins-reference). It is
left out with the rest of a plugin also where the plugin itself is a skill that somebody may read: reading is not running."""


@dataclass(frozen=True, slots=True)
class PluginShelf:
    """An entry of marketplace.json, as far as one person may have what it stands for."""

    ground: PluginGround
    skills: tuple[Skill, ...] = ()
    """The plugin's own skills that are in it."""
    files: tuple[tuple[str, HeldFile], ...] = ()
    """``(path inside the plugin, file)``, by path, links followed. Where it is not whole, plugin.json is among them as it is."""
    is_whole: bool = True
    """False: only ``skills`` are here, and plugin.json; the rest of the plugin is not for this person."""


@dataclass(frozen=True, slots=True)
class MarketplaceShelf:
    """One marketplace.json, and those of its entries that this person may have something of, in the order they are written."""

    published: Published
    ground: MarketplaceGround
    """All of it, for nobody to see as it is."""
    plugins: tuple[PluginShelf, ...]
    renames: Mapping[str, str | None]
    """What those plugins were called before; None: gone, of those that they might have had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginsAnswer(Answer):
    marketplaces: tuple[MarketplaceShelf, ...]

    @property
    def in_force(self) -> tuple[Published, ...]:
        return tuple(one.published for one in self.marketplaces)


class Plugins:
    """What is published, plugin by plugin. Remembers the last publication of each marketplace."""

    def __init__(self, blobs: BlobReader) -> None:
        self._blobs = blobs
        self._grounds: dict[MarketplaceName, tuple[Published, MarketplaceGround]] = {}
        self._grounding = asyncio.Lock()

    async def shelves(self, principal: Principal, standing: Standing) -> tuple[MarketplaceShelf, ...]:
        """What this person may have, by marketplace name.

        Raises: Unavailable, where a content that decides is not held at the moment; Broken, where it is damaged.
        """
        view = standing.view
        grounds = [await self._ground(shelf.published) for shelf in view.shelves]
        return await asyncio.to_thread(
            lambda: tuple(
                _marketplace(shelf, found, principal, view.published)
                for shelf, found in zip(view.shelves, grounds, strict=True)
            )
        )

    async def _ground(self, published: Published) -> MarketplaceGround:
        name = published.snapshot.marketplace
        async with self._grounding:
            known = self._grounds.get(name)
            if known is None or known[0] is not published:
                known = self._grounds[name] = (published, await self._made(published))
        return known[1]

    async def _made(self, published: Published) -> MarketplaceGround:
        snapshot = published.snapshot
        targets = await self._targets(published)
        manifest = manifest_path(snapshot, targets)
        if manifest is None:
            raise Unavailable("marketplace.json cannot be found. Try again in a minute.", code="content_not_held")
        content = await read_whole(self._blobs, manifest, snapshot.files[manifest])
        found = await asyncio.to_thread(ground, snapshot, manifest, content, targets, {})
        if not found.unread:
            return found
        texts = {oid: read_skill_md(await self._blobs.content(oid)) for oid in found.unread}
        return await asyncio.to_thread(ground, snapshot, manifest, content, targets, texts)

    async def _targets(self, published: Published) -> Mapping[BlobId, bytes]:
        """Where every link leads. Nearly all of them are known: the catalog was made with them."""
        snapshot = published.snapshot
        known = snapshot.memo.read.targets
        targets: dict[BlobId, bytes] = {}
        for oid in {oid for files in snapshot.publishable.values() for oid in links_in(files.entries)}:
            try:
                targets[oid] = known[oid].encode() if oid in known else await self._blobs.content(oid)
            except Missing:
                continue  # it leads nowhere, then
        return targets


def may_still_have(
    published: Published, shelf: PluginShelf, principal: Principal, in_force: tuple[Published, ...]
) -> bool:
    """Whether this person may have what is on this shelf, whoever it was put together for: under the policy it came with, and
    under today's."""
    now = next((one for one in in_force if one.snapshot.marketplace == published.snapshot.marketplace), None)
    if now is None:
        return False
    kept_out = {(skill.plugin.name, skill.directory) for skill in now.snapshot.catalog.withheld}
    if any((skill.plugin.name, skill.directory) in kept_out for skill in (*shelf.skills, *shelf.ground.asked)):
        return False
    deciding = _Deciding(
        published, now, principal, in_force, lambda skill: may_still_read(published, principal, skill, in_force)
    )
    if shelf.is_whole:
        return deciding.has_all(shelf.ground)
    theirs = deciding.part(shelf.ground)
    return theirs is not None and dict(theirs.files).keys() >= dict(shelf.files).keys()


def _marketplace(
    shelf: Shelf, found: MarketplaceGround, principal: Principal, in_force: tuple[Published, ...]
) -> MarketplaceShelf:
    readable = frozenset(map(id, shelf.skills))
    deciding = _Deciding(shelf.published, shelf.published, principal, in_force, lambda skill: id(skill) in readable)
    plugins = tuple(one for of in found.plugins if (one := deciding.shelf(of)) is not None)
    names = {one.ground.name for one in plugins}
    renames = {
        str(old): new
        for old, new in shelf.published.snapshot.catalog.renames.items()
        if (deciding.has_all(PluginGround({}, str(old))) if new is None else new in names)
    }
    return MarketplaceShelf(shelf.published, found, plugins, renames)


class _Deciding:
    """What one person may have of the plugins of one publication. ``now`` is what is in force of its marketplace."""

    def __init__(
        self,
        published: Published,
        now: Published,
        principal: Principal,
        in_force: tuple[Published, ...],
        may_read: Callable[[Skill], bool],
    ) -> None:
        self._published = published
        self._principal = principal
        self._in_force = in_force
        self._may_read = may_read
        self._policies = tuple({id(one): one.snapshot.policy for one in (published, now)}.values())
        self._renames = now.snapshot.catalog.renames

    def shelf(self, of: PluginGround) -> PluginShelf | None:
        """As much of this plugin as they may have; None where that is nothing."""
        if self.has_all(of):
            return PluginShelf(of, of.skills, tuple(of.files.items()))
        return self.part(of)

    def has_all(self, of: PluginGround) -> bool:
        """Whether they may have all of it."""
        names = {of.name, self._renames.get(PluginName(of.name)) or of.name}
        by_its_own_rules = not any(
            refused_as_whole(policy, self._principal, name) for policy in self._policies for name in names
        )
        if not by_its_own_rules:
            return False
        if not of.asked and not of.unknown:
            return all(may_have(policy, self._principal, name) for policy in self._policies for name in names)
        return all(map(self._may_read, of.asked)) and all(
            isinstance(decide(policy, self._principal, Action.READ, skill), Allowed)
            for policy in self._policies
            for skill in of.unknown
        )

    def part(self, of: PluginGround) -> PluginShelf | None:
        """The skills of it that they may read, and plugin.json; None where there are none."""
        skills = tuple(filter(self._may_read, of.skills))
        files = dict(self._files(of, skills))
        if not files:
            return None
        if PLUGIN_MANIFEST in of.files:
            files[PLUGIN_MANIFEST] = of.files[PLUGIN_MANIFEST]
        return PluginShelf(of, skills, tuple(sorted(files.items())), is_whole=False)

    def _files(self, of: PluginGround, skills: tuple[Skill, ...]) -> Iterator[tuple[str, HeldFile]]:
        for skill in skills:
            inside = skill.directory[len(skill.plugin.directory) :].lstrip("/")
            for relative, file in visible_files(self._published, self._principal, skill, self._in_force):
                path = f"{inside}/{relative}" if inside else relative
                if path in of.files and (inside or path.partition("/")[0] not in COMPONENT_PLACES):
                    yield path, file
