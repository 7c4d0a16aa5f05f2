"""Owns the way to the skill that is to be installed: from what somebody asks for, or from a link, to its files.

Today's rights decide both times. Where no skill of that name is readable, the service's own may be meant.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

from mcp_server.install.bundle import Bundle, NotInstallable, Target, package_bundle, skill_bundle, skill_md_of
from mcp_server.install.installable import Installable, own, published
from skillport_sync.access.model import Principal
from skillport_sync.errors import Invalid, Missing
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import ContentsAnswer, SkillFact, SnapshotFact
from skillport_sync.queries.views import off_loop
from skillport_sync.store.links import Link
from skillport_sync.template.own_skill import OWN_MARKETPLACE, OwnSkill

_ROOT = "."
"""What stands for the directory of a skill that is its whole source."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A skill that this person may have."""

    skill: Installable
    fact: SkillFact
    snapshot: SnapshotFact
    answer: ContentsAnswer | None
    """What it was read from; None: it comes with the service."""


class Unfound(Enum):
    """Why there is nothing behind a link."""

    UNREADABLE = "unreadable"
    """It is not there for this person."""
    OUTDATED = "outdated"
    """What it named is not kept any more."""


class Choosing:
    """Finds skills to install, and makes what is written of them."""

    def __init__(self, queries: Queries, own_skill: OwnSkill, source: str) -> None:
        """``source`` is where installed skills say they are from."""
        self._queries = queries
        self._own = own(own_skill)
        self._source = source

    async def named(self, principal: Principal, label: str, version: str | None, commit: str | None) -> Chosen:
        """The skill of this label, as it is served or was at ``version`` or ``commit``.

        Raises: what ``Queries.contents`` raises.
        """
        try:
            answer = await self._queries.contents(principal, label, version=version, commit=commit)
        except Missing:
            if not self._is_own(label, version, commit):
                raise
            return await self._own_for(principal)
        return _chosen(answer)

    async def linked(self, link: Link) -> Chosen | Unfound:
        """What this link was made for, if its person may still have it. Raises: Unavailable."""
        if (link.marketplace, link.commit) == (OWN_MARKETPLACE, self._own.commit):
            return await self._own_for(link.principal)
        # By its directory and not by its name: two skills of a plugin may share one.
        label = f"{link.plugin}/{link.directory or _ROOT}@{link.marketplace}"
        try:
            answer = await self._queries.contents(link.principal, label, commit=link.commit)
        except Missing as error:
            return Unfound.OUTDATED if error.code == "commit_not_kept" else Unfound.UNREADABLE
        except Invalid:
            return Unfound.UNREADABLE
        chosen = _chosen(answer)
        is_it = (chosen.skill.plugin, chosen.skill.directory) == (link.plugin, link.directory)
        return chosen if is_it else Unfound.UNREADABLE

    async def bundle(self, chosen: Chosen, target: Target) -> Bundle:
        """What is written of it. Raises: Invalid where nothing can be made of it for this target."""
        made: Bundle | NotInstallable
        if target is Target.CLAUDE_CODE:
            made = await off_loop(len(chosen.skill.pieces), skill_bundle, chosen.skill, self._source)
        else:
            made = await self._package(chosen)
        if isinstance(made, NotInstallable):
            raise Invalid(made.message, code=made.code)
        return made

    async def _package(self, chosen: Chosen) -> Bundle | NotInstallable:
        skill_md = skill_md_of(chosen.skill)
        if isinstance(skill_md, NotInstallable):
            return skill_md
        if chosen.answer is None:
            assert isinstance(skill_md.content, bytes), "the service's own files are at hand"
            content = skill_md.content
        else:
            content = await self._queries.content(chosen.answer, skill_md.path)
        return await asyncio.to_thread(package_bundle, chosen.skill, content)

    def _is_own(self, label: str, version: str | None, commit: str | None) -> bool:
        own_label = label.strip().removesuffix(f"@{OWN_MARKETPLACE}")
        return (
            own_label in (self._own.name, self._own.label) and version in (None, self._own.version) and commit is None
        )

    async def _own_for(self, principal: Principal) -> Chosen:
        beside = await self._queries.whoami(principal)
        skill = self._own
        fact = SkillFact(skill.marketplace, skill.plugin, skill.name, skill.version, skill.revision)
        return Chosen(skill, fact, beside.snapshots[0], None)


def _chosen(answer: ContentsAnswer) -> Chosen:
    return Chosen(published(answer), answer.skill, answer.snapshots[0], answer)
