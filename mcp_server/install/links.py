"""Owns one-time install links: from the question for a skill to a command, and from the token in that command to an archive.

Whoever has the token gets what its person may read now, once. The archive is ready before the token is used up, so that no
failure of ours burns one. Never sends anything; a token is never kept, logged or repeated.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from mcp_server.archives.shelf import Archive, Shelf
from mcp_server.authentication import Caller
from mcp_server.install.bundle import Bundle, Target
from mcp_server.install.choosing import Choosing, Chosen, Unfound
from mcp_server.install.installable import Installable
from mcp_server.install.installs import Install, OnInstall
from mcp_server.install.package import Rewrite
from mcp_server.install.plan import Plan
from skillport_sync.errors import Invalid
from skillport_sync.ports import Clock, Entropy
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import SkillFact, SnapshotFact
from skillport_sync.store.links import Link, LinkKind, Links, Used
from skillport_sync.template.own_skill import OwnSkill
from skillport_sync.tokens import TokenHash, TokenKind, hash_of, is_well_formed, mint

__all__ = ["Closed", "InstallLinks", "InstallOffer", "Ready", "Target"]

log = structlog.get_logger()

EXPIRES_IN_S: Final = 15 * 60


_FLAG: Final = {Target.CLAUDE_CODE: "--skill", Target.PACKAGE: "--package"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallOffer:
    """One skill, ready to be installed by one command."""

    skill: SkillFact
    snapshot: SnapshotFact
    """Of the service's own skill: of what it is offered beside."""
    token: str = field(repr=False)
    command: str = field(repr=False)
    """For a shell; holds the token."""
    expires_in_s: int
    target: Target
    files: int
    """How many it writes, those that we add included."""
    size_bytes: int
    """What they take, unpacked."""
    rewrites: tuple[Rewrite, ...]
    """What is not written as its author wrote it, and what is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a link gives, made and waiting: nothing of it is used up yet."""

    link: Link
    token_hash: TokenHash = field(repr=False)
    skill: Installable
    target: Target
    bundle: Bundle
    archive: Archive


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a link gives nothing: ``link_unknown``, ``link_used`` or ``link_outdated``."""

    code: str
    message: str


_UNKNOWN: Final = Closed(
    "link_unknown", "This install link is unknown or has expired: links last 15 minutes. Ask for a new one."
)
_USED: Final = Closed("link_used", "This install link was used already. Ask for a new one.")
_OUTDATED: Final = Closed(
    "link_outdated", "What this install link was made for is not kept any more. Ask for a new one."
)


class InstallLinks:
    """The install links of one service."""

    def __init__(
        self,
        *,
        queries: Queries,
        links: Links,
        shelf: Shelf,
        own_skill: OwnSkill,
        base_url: str,
        clock: Clock,
        entropy: Entropy,
        on_install: OnInstall,
    ) -> None:
        """``own_skill`` is offered where this person reads no skill of its name; ``base_url`` is where we are reached."""
        self.base_url = base_url.rstrip("/")
        self.shelf = shelf
        self._choosing = Choosing(queries, own_skill, self.base_url)
        self._links = links
        self._clock = clock
        self._entropy = entropy
        self._on_install = on_install

    async def offer(
        self,
        caller: Caller,
        skill: str,
        *,
        version: str | None = None,
        commit: str | None = None,
        target: Target = Target.CLAUDE_CODE,
    ) -> InstallOffer:
        """A link for this person to this skill as it is served, or as it was at ``version`` or ``commit``.

        Raises: what ``Queries.contents`` raises; Invalid (``package_too_large``, …) where nothing can be made of it for this
        target; Unavailable when its content is not there or cannot be written down now.
        """
        chosen = await self._choosing.named(caller.principal, skill, version, commit)
        bundle = await self._choosing.bundle(chosen, target)
        await self.shelf.archive(bundle.layout)
        token = mint(self._entropy, TokenKind.INSTALL)
        now = self._clock.now()
        await self._links.make(
            hash_of(token),
            Link(
                LinkKind.INSTALL,
                caller.principal,
                caller.client_id,
                chosen.skill.marketplace,
                chosen.skill.plugin,
                chosen.skill.directory,
                chosen.skill.name,
                chosen.skill.commit,
                target,
                now,
                now + timedelta(seconds=EXPIRES_IN_S),
            ),
        )
        return InstallOffer(
            skill=chosen.fact,
            snapshot=chosen.snapshot,
            token=token,
            command=f"curl -fsS {shlex.quote(self.base_url + '/install.sh')} | sh -s -- {token} {_FLAG[target]}",
            expires_in_s=EXPIRES_IN_S,
            target=target,
            files=len(bundle.layout.members),
            size_bytes=bundle.size_bytes,
            rewrites=bundle.rewrites,
        )

    async def ready(self, token: str, target: Target | None = None) -> Ready | Closed:
        """What this token gives, made ready; for its own target where none is named. Uses nothing up.

        Raises: Invalid for what is no token of a link, and where nothing can be made of it for this target; Unavailable.
        """
        if not is_well_formed(TokenKind.INSTALL, token):
            raise Invalid("This is no token of an install link: is it complete?", code="link_malformed")
        token_hash = hash_of(token)
        link = await self._links.look(token_hash, LinkKind.INSTALL)
        match link:
            case None:
                return _UNKNOWN
            case Used():
                self._on_install(None, Install(outcome=_USED.code))
                return _USED
        chosen = await self._choosing.linked(link)
        if not isinstance(chosen, Chosen):
            closed = _OUTDATED if chosen is Unfound.OUTDATED else _UNKNOWN
            self._note(link, closed.code, target)
            return closed
        meant = target or Target(link.target)
        bundle = await self._choosing.bundle(chosen, meant)
        archive = await self.shelf.archive(bundle.layout)
        return Ready(
            link=link,
            token_hash=token_hash,
            skill=chosen.skill,
            target=meant,
            bundle=bundle,
            archive=archive,
        )

    async def redeem(self, ready: Ready, attempt: str | None) -> Closed | None:
        """Use the link up; None: it is yours. The same ``attempt``, a random text, may do so again within a minute."""
        redeemed = await self._links.redeem(ready.token_hash, LinkKind.INSTALL, _hashed(attempt))
        closed = _UNKNOWN if redeemed is None else _USED if isinstance(redeemed, Used) else None
        self._note(ready.link, "ok" if closed is None else closed.code, ready.target)
        log.info(
            "install_redeemed",
            skill=ready.skill.label,
            target=ready.target.value,
            outcome="ok" if closed is None else closed.code,
            size_bytes=ready.archive.size_bytes,
        )
        return closed

    async def broke_off(self, ready: Ready, attempt: str | None) -> None:
        """What was redeemed did not arrive: it may be asked for again within the minute."""
        await self._links.reopen(ready.token_hash, _hashed(attempt))
        log.info("install_broken_off", skill=ready.skill.label, target=ready.target.value)

    def plan(self, ready: Ready) -> Plan:
        """The same in words, for install.sh."""
        skill = ready.skill
        return Plan(
            name=ready.bundle.name,
            plugin=skill.plugin,
            marketplace=skill.marketplace,
            version=skill.version,
            revision=skill.revision,
            commit=skill.commit,
            source=self.base_url,
            target=ready.target,
            files=len(ready.bundle.layout.members),
            size_bytes=ready.archive.size_bytes,
            sha256=ready.archive.sha256,
            notes=tuple(rewrite.what for rewrite in ready.bundle.rewrites),
        )

    def _note(self, link: Link, outcome: str, target: Target | None) -> None:
        caller = Caller(link.principal, link.client_id)
        skill = f"{link.plugin}/{link.skill}"
        self._on_install(caller, Install(skill, target or link.target, link.marketplace, link.commit, outcome))


def _hashed(attempt: str | None) -> bytes | None:
    return None if attempt is None else hashlib.sha256(attempt.encode()).digest()
