"""Owns what to say where a skill is not what a change was made from any more: what they changed, what we would have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from skillport_sync.catalog.change.difference import text_of
from skillport_sync.catalog.change.wishes import Save
from skillport_sync.catalog.model import OWN_SOURCE, Skill
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import TreeId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.preparing import Standpoint, target_of
from skillport_sync.sync.saves import Clash, Theirs, Wanted


class Clashes:
    """Finds them, for one marketplace."""

    def __init__(self, marketplace: MarketplaceName, store: MirrorStore) -> None:
        self._marketplace = marketplace
        self._store = store

    async def clash(self, wanted: Wanted, here: Standpoint) -> Clash | None:
        """Both sides, where the skill changed since ``wanted.base``; None where it did not, or nobody says what it was.

        Raises: Unavailable, Broken: mirror.db cannot be read.
        """
        base, target = wanted.base, target_of(wanted, here.snapshot)
        if base is None or wanted.existing is None or (target is not None and target.revision == base):
            return None
        yours = tuple(file.path for file in wanted.wish.files) if isinstance(wanted.wish, Save) else ()
        if target is None:
            return Clash(wanted.existing, base, None, here.commit, yours, None)
        before = await self._files_of(target, base, here)
        now = _files(target, here)
        theirs = None
        if before is not None:
            theirs = tuple(sorted(path for path in {*before, *now} if _oid(before.get(path)) != _oid(now.get(path))))
        both = sorted(set(yours) & set(theirs or ()))
        contents = await asyncio.to_thread(self._texts, [now.get(path) for path in both])
        return Clash(
            wanted.existing,
            base,
            target.revision,
            here.commit,
            yours,
            theirs,
            tuple(Theirs(path, text) for path, text in zip(both, contents, strict=True)),
        )

    async def _files_of(self, skill: Skill, revision: TreeId, here: Standpoint) -> dict[str, Entry] | None:
        """The files that the skill had at this revision; None where no publication of it is kept."""
        if here.publication is None:
            return None
        history = await self._store.skill_history(
            self._marketplace, skill.plugin.name, skill.directory, here.publication
        )
        for phase in history:
            if phase.row is None or phase.row.revision != revision:
                continue
            stored = await self._store.load(self._marketplace, phase.publication)
            if stored is None:
                return None
            own = stored.sources[0]
            return _below(own.listing.entries, skill.real_directory)
        return None

    def _texts(self, entries: list[Entry | None]) -> list[str | None]:
        with self._store.reading() as contents:
            texts: list[str | None] = []
            for entry in entries:
                try:
                    texts.append(None if entry is None else text_of(contents[entry.oid]))
                except KeyError:
                    texts.append(None)
            return texts


def _files(skill: Skill, here: Standpoint) -> dict[str, Entry]:
    files = here.snapshot.publishable[OWN_SOURCE].entries
    return {relative: files[path] for relative, path, _ in here.snapshot.located(skill) if path in files}


def _below(entries: Mapping[bytes, Entry], directory: str) -> dict[str, Entry]:
    prefix = f"{directory}/".encode() if directory else b""
    return {
        path[len(prefix) :].decode("utf-8", "replace"): entry
        for path, entry in entries.items()
        if path.startswith(prefix)
    }


def _oid(entry: Entry | None) -> tuple[object, object] | None:
    return None if entry is None else (entry.oid, entry.mode)
