"""Owns the way from what somebody asks for to one skill of one publication: a label, and maybe a version, a commit or a cursor.

Whatever it leads to, the person may read under the policy that came with it and under today's. What they may not read is missing
in the same words as what does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence

from skillport_sync.access.model import Principal
from skillport_sync.errors import Invalid, Missing
from skillport_sync.publication import Published
from skillport_sync.queries import naming
from skillport_sync.queries.answers import HistoryFact
from skillport_sync.queries.cursors import PublicationKey, key_of
from skillport_sync.queries.earlier import Earlier
from skillport_sync.queries.naming import Found, Names
from skillport_sync.queries.past import Past
from skillport_sync.queries.retention import Retention, expired
from skillport_sync.queries.views import View, may_still_read, off_loop

_VERSIONS_SHOWN = 10


class Finding:
    """Finds what is asked for. ``view`` is always what the person sees today."""

    def __init__(self, retention: Retention, earlier: Earlier, past: Past) -> None:
        self._retention = retention
        self._earlier = earlier
        self._past = past

    async def skill(self, principal: Principal, label: str, view: View) -> Found:
        """The skill of this label as it is served. Raises: Missing, Invalid where several have it."""
        return await self._one(principal, label, view.published, view)

    async def at(self, principal: Principal, label: str, view: View, version: str | None, commit: str | None) -> Found:
        """The skill as it is served, or at this version or commit where one is named.

        Raises: as ``skill``; Missing where there is no such version or commit for this person, and says what there is; Invalid
        for what is no commit.
        """
        if commit is not None:
            found = await self._of_commit(principal, label, view, commit)
            if version is not None and found.skill.version != version:
                raise _another_version(found, version)
            return found
        found = await self.skill(principal, label, view)
        if version is None or version == found.skill.version:
            return found
        return await self._of_version(principal, found, view, version)

    async def paged(
        self, principal: Principal, label: str, view: View, version: str | None, keys: tuple[PublicationKey, ...]
    ) -> Found:
        """The skill in the publication that a cursor goes on in, whatever is served meanwhile.

        Raises: as ``skill``; Conflict where that publication is not kept.
        """
        published = self._retention.find(keys, view.published)
        if published is None and len(keys) == 1:
            again = await self._earlier.again(keys[0], view.published)
            published = None if again is None else (again,)
        if published is None:
            raise expired()
        if version is None:
            return await self._one(principal, label, published, view)
        today = await self.skill(principal, label, view)
        found = _again(published[0], today, principal, view)
        if found is None:
            raise expired()
        return found

    def keys(self, published: Published, view: View) -> tuple[PublicationKey, ...]:
        """What a cursor into this publication names. One that is in force is held on to when it is replaced; another is read
        again when it is asked for."""
        if any(published is one for one in view.published):
            return self._retention.promise((published,), view.published)
        return (key_of(published),)

    async def _one(self, principal: Principal, label: str, published: tuple[Published, ...], view: View) -> Found:
        names = Names(published, principal, view.published, several=len(view.published) > 1)
        candidates = names.called(label) or await off_loop(_size(published), names.skills, label)
        if len(candidates) > 1:
            raise await off_loop(_size(published), _ambiguous, label, candidates, names)
        if not candidates:
            raise await off_loop(_size(published), _unknown, label, names, view)
        return candidates[0]

    async def _of_commit(self, principal: Principal, label: str, view: View, commit: str) -> Found:
        try:
            published = await self._earlier.at_commit(commit, view.published)
        except Missing as not_kept:
            # That publication is not kept, but what it brought may be, and is what is meant: a history names such commits.
            try:
                today = await self.skill(principal, label, view)
            except (Missing, Invalid):
                raise not_kept from None
            history = await self._past.of(principal, today)
            prefix = commit.strip().lower()
            wanted = [fact for fact in history if fact.revision is not None and fact.commit.startswith(prefix)]
            found = await self._in_history(principal, today, view, wanted)
            if found is None:
                raise
            return found
        return await self._one(principal, label, published, view)

    async def _of_version(self, principal: Principal, today: Found, view: View, version: str) -> Found:
        history = await self._past.of(principal, today)
        wanted = [fact for fact in history if fact.revision is not None and fact.version == version]
        found = await self._in_history(principal, today, view, wanted)
        if found is None:
            raise _no_version(today, version, [fact for fact in history if fact not in wanted])
        return found

    async def _in_history(
        self, principal: Principal, today: Found, view: View, wanted: Sequence[HistoryFact]
    ) -> Found | None:
        """The same skill as it was by the first of these entries of its history; None where there is none, or no more."""
        if not wanted:
            return None
        published = await self._earlier.again(wanted[0].publication, view.published)
        return None if published is None else _again(published, today, principal, view)


def _again(published: Published, today: Found, principal: Principal, view: View) -> Found | None:
    """The same skill in another publication."""
    for skill in published.snapshot.catalog.skills:
        if (skill.plugin.name, skill.directory) == (today.skill.plugin.name, today.skill.directory):
            return Found(published, skill) if may_still_read(published, principal, skill, view.published) else None
    return None


def _size(published: Sequence[Published]) -> int:
    return sum(len(one.snapshot.catalog.skills) for one in published)


def _ambiguous(label: str, candidates: Sequence[Found], names: Names) -> Exception:
    return naming.ambiguous(label, names.labels(candidates))


def _unknown(label: str, names: Names, view: View) -> Exception:
    renamed = names.labels(names.renamed(label))
    return naming.unknown(label, view, renamed[0] if len(renamed) == 1 else None)


def _another_version(found: Found, version: str) -> Missing:
    has = f"version {found.skill.version}" if found.skill.version else "no version"
    return Missing(
        f"At commit {found.published.snapshot.commit[:12]} {found.skill.label} has {has}, not {naming.quoted(version)}. "
        "Send one of the two, version or commit.",
        code="version_not_served",
    )


def _no_version(today: Found, version: str, history: Sequence[HistoryFact]) -> Missing:
    """Names the versions that there are for whoever asked: their history has no others."""
    served = today.skill.version
    others = dict.fromkeys(fact.version for fact in history if fact.version not in (None, served))
    there = [f"{served} (served)"] if served is not None else []
    there += [str(other) for other in others]
    if there:
        shown = ", ".join(there[:_VERSIONS_SHOWN]) + (", …" if len(there) > _VERSIONS_SHOWN else "")
        advice = f"Send one of: {shown}."
    else:
        advice = "It has no versions: send a commit instead, which version of the skill shows."
    return Missing(f"{today.skill.label} has no version {naming.quoted(version)}. {advice}", code="version_not_served")
