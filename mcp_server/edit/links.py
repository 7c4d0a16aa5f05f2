"""Owns one-time edit links: from a skill that somebody may change to a command, and from the token in it to a working folder.

Whoever has the token gets what its person may change now, once. The archive is ready before the token is used up, so that no
failure of ours burns one. Never sends anything; a token is never kept, logged or repeated.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from mcp_server.archives.shelf import Shelf
from mcp_server.authentication import Caller
from mcp_server.edit.working_folder import working_folder
from mcp_server.install.bundle import Bundle, NotInstallable, Target
from mcp_server.install.installable import Installable, published
from mcp_server.install.links import Closed, Ready
from mcp_server.install.package import Rewrite
from mcp_server.install.plan import Plan
from mcp_server.reads import OnRead, Read, unread
from skillport_sync.errors import Invalid, Missing
from skillport_sync.ports import Clock, Entropy
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import ContentsAnswer, SkillFact, SnapshotFact
from skillport_sync.queries.views import off_loop
from skillport_sync.store.links import Link, LinkKind, Links, Used
from skillport_sync.tokens import TokenKind, hash_of, is_well_formed, mint

log = structlog.get_logger()

EXPIRES_IN_S: Final = 15 * 60
_TARGET: Final = "edit"
_ROOT: Final = "."
"""What stands for the directory of a skill that is its whole source."""

_UNKNOWN: Final = Closed(
    "link_unknown", "This edit link is unknown or has expired: links last 15 minutes. Ask for a new one."
)
_USED: Final = Closed("link_used", "This edit link was used already. Ask for a new one.")
_OUTDATED: Final = Closed("link_outdated", "What this edit link was made for is not kept any more. Ask for a new one.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOffer:
    """One skill, ready to be changed in a working folder that one command makes."""

    skill: SkillFact
    snapshot: SnapshotFact
    token: str = field(repr=False)
    command: str = field(repr=False)
    """For a shell; holds the token."""
    expires_in_s: int
    files: int
    """How many it writes, ``.edit_info`` included."""
    size_bytes: int
    rewrites: tuple[Rewrite, ...]
    """What is not there as it is in the repository."""


class EditLinks:
    """The edit links of one service."""

    def __init__(
        self,
        *,
        queries: Queries,
        links: Links,
        shelf: Shelf,
        base_url: str,
        clock: Clock,
        entropy: Entropy,
        on_read: OnRead = unread,
    ) -> None:
        """``base_url`` is where we are reached; ``on_read`` is told of every working folder that was handed out, or was not."""
        self.base_url = base_url.rstrip("/")
        self.shelf = shelf
        self._queries = queries
        self._links = links
        self._clock = clock
        self._entropy = entropy
        self._on_read = on_read

    async def offer(self, caller: Caller, answer: ContentsAnswer) -> EditOffer:
        """A link for this person to this skill as it is served, which they may change.

        Raises: Invalid (``skill_md_not_held``, …) where no folder can be made of it; Unavailable when its content is not there or
        cannot be written down now.
        """
        skill = published(answer)
        folder = await self._folder(skill)
        await self.shelf.archive(folder.layout)
        token = mint(self._entropy, TokenKind.EDIT)
        now = self._clock.now()
        await self._links.make(
            hash_of(token),
            Link(
                LinkKind.EDIT,
                caller.principal,
                caller.client_id,
                skill.marketplace,
                skill.plugin,
                skill.directory,
                skill.name,
                skill.commit,
                _TARGET,
                now,
                now + timedelta(seconds=EXPIRES_IN_S),
            ),
        )
        return EditOffer(
            skill=answer.skill,
            snapshot=answer.snapshots[0],
            token=token,
            command=f"curl -fsS {shlex.quote(self.base_url + '/edit.sh')} | sh -s -- {token}",
            expires_in_s=EXPIRES_IN_S,
            files=len(folder.layout.members),
            size_bytes=folder.size_bytes,
            rewrites=folder.rewrites,
        )

    async def ready(self, token: str) -> Ready | Closed:
        """What this token gives, made ready. Uses nothing up.

        Raises: Invalid for what is no token of a link; Unavailable.
        """
        if not is_well_formed(TokenKind.EDIT, token):
            raise Invalid("This is no token of an edit link: is it complete?", code="link_malformed")
        token_hash = hash_of(token)
        link = await self._links.look(token_hash, LinkKind.EDIT)
        if link is None:
            return _UNKNOWN
        if isinstance(link, Used):
            return _USED
        skill = await self._linked(link)
        if isinstance(skill, Closed):
            self._note(link, (), skill.code)
            return skill
        folder = await self._folder(skill)
        return Ready(
            link=link,
            token_hash=token_hash,
            skill=skill,
            target=Target.CLAUDE_CODE,
            bundle=folder,
            archive=await self.shelf.archive(folder.layout),
        )

    async def redeem(self, ready: Ready, attempt: str | None) -> Closed | None:
        """Use the link up; None: it is yours. The same ``attempt``, a random text, may do so again within a minute."""
        redeemed = await self._links.redeem(ready.token_hash, LinkKind.EDIT, _hashed(attempt))
        closed = _UNKNOWN if redeemed is None else _USED if isinstance(redeemed, Used) else None
        outcome = "ok" if closed is None else closed.code
        self._note(ready.link, tuple(piece.path for piece in ready.skill.pieces), outcome)
        log.info("edit_redeemed", skill=ready.skill.label, outcome=outcome, size_bytes=ready.archive.size_bytes)
        return closed

    async def broke_off(self, ready: Ready, attempt: str | None) -> None:
        """What was redeemed did not arrive: it may be asked for again within the minute."""
        await self._links.reopen(ready.token_hash, _hashed(attempt))
        log.info("edit_broken_off", skill=ready.skill.label)

    def plan(self, ready: Ready) -> Plan:
        """The same in words, for edit.sh."""
        skill = ready.skill
        return Plan(
            name=ready.bundle.name,
            plugin=skill.plugin,
            marketplace=skill.marketplace,
            version=skill.version,
            revision=skill.revision,
            commit=skill.commit,
            source=self.base_url,
            target=_TARGET,
            files=len(ready.bundle.layout.members),
            size_bytes=ready.archive.size_bytes,
            sha256=ready.archive.sha256,
            notes=tuple(rewrite.what for rewrite in ready.bundle.rewrites),
        )

    async def _linked(self, link: Link) -> Installable | Closed:
        """What this link was made for, if its person may still change what it is today."""
        # By its directory and not by its name: two skills of a plugin may share one.
        label = f"{link.plugin}/{link.directory or _ROOT}@{link.marketplace}"
        try:
            today = await self._queries.contents(link.principal, label)
            then = await self._queries.contents(link.principal, label, commit=link.commit)
        except Missing as error:
            return _OUTDATED if error.code == "commit_not_kept" else _UNKNOWN
        except Invalid:
            return _UNKNOWN
        skill = published(then)
        is_it = (skill.plugin, skill.directory) == (link.plugin, link.directory)
        return skill if is_it and today.editable else _UNKNOWN

    async def _folder(self, skill: Installable) -> Bundle:
        made = await off_loop(len(skill.pieces), working_folder, skill, self.base_url)
        if isinstance(made, NotInstallable):
            raise Invalid(made.message, code=made.code)
        return made

    def _note(self, link: Link, paths: tuple[str, ...], outcome: str) -> None:
        caller = Caller(link.principal, link.client_id)
        label = f"{link.plugin}/{link.skill}"
        self._on_read(caller, Read(label, paths, outcome, link.marketplace, commit=link.commit))


def _hashed(attempt: str | None) -> bytes | None:
    return None if attempt is None else hashlib.sha256(attempt.encode()).digest()
