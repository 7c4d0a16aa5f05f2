"""Owns all of a save that comes before GitHub is asked: is it allowed, which edits is it, and what would be served then.

Works on a ``Standpoint``: a commit as it is known here, with every content held. Contents that are new are put into mirror.db on
the way; those of a change that never lands are collected there as anything else that no publication names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from skillport_sync.access.decide import decide, is_editor
from skillport_sync.access.model import AccessPolicy, Action, Allowed, Denied, Principal
from skillport_sync.catalog.change.difference import unified
from skillport_sync.catalog.change.planning import plan
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.wishes import (
    ROOM,
    ChangeRefused,
    Done,
    Planned,
    Publish,
    Rename,
    Room,
    Save,
    Unpublish,
    Wish,
)
from skillport_sync.catalog.model import OWN_SOURCE, Skill, SourceFiles
from skillport_sync.files import BlobFact
from skillport_sync.git.edit import Changed, Edited, NoEdit, edited
from skillport_sync.git.listing import Listing
from skillport_sync.git.objects import BlobId, CommitId, TreeId
from skillport_sync.publication import PublicationId
from skillport_sync.snapshot import Refused, Snapshot
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.saves import FileDone, NotAllowed, Prepared, Unchanged, Wanted

_PUT_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Standpoint:
    """A commit that a change is made from."""

    commit: CommitId
    snapshot: Snapshot
    listing: Listing
    """Of the marketplace's own repository."""
    facts: Mapping[BlobId, BlobFact]
    publication: PublicationId | None = None
    """What serves it; None where nothing does."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A change that only has to be committed."""

    prepared: Prepared
    edited: Edited
    facts: Mapping[BlobId, BlobFact]
    """Of the contents that are new."""


Assemble = Callable[[Listing, Mapping[BlobId, BlobFact]], Awaitable[Snapshot | Refused]]
"""What a listing would be served as; the facts are those of its contents that are not served yet."""


class Preparer:
    """Prepares changes of one marketplace."""

    def __init__(self, store: MirrorStore, assemble: Assemble, room: Room = ROOM) -> None:
        self._store = store
        self._assemble = assemble
        self._room = room

    async def prepare(self, wanted: Wanted, here: Standpoint) -> Ready | Unchanged | NotAllowed | ChangeRefused:
        """The change from here, or why there is none.

        Raises: Unavailable where the disk is full, Broken where a content is damaged.
        """
        target = target_of(wanted, here.snapshot)
        if wanted.existing is not None and target is None:
            return ChangeRefused("unknown_skill", f"there is no skill {wanted.existing} any more")
        allowed = decided(here.snapshot, wanted.principal, wanted.wish, target)
        if isinstance(allowed, Denied):
            return NotAllowed(allowed.because)
        planned = await asyncio.to_thread(self._plan, wanted, here, target)
        if isinstance(planned, ChangeRefused):
            return planned
        if not planned.edits:
            return Unchanged(here.commit)
        done = await asyncio.to_thread(edited, here.listing, planned.edits)
        if isinstance(done, NoEdit):
            return (
                Unchanged(here.commit)
                if done.code == "nothing_changed"
                else ChangeRefused(done.code, done.message, done.path)
            )
        facts = await self._put(done.blobs)
        after = await self._assemble(done.listing, {**here.facts, **facts})
        if isinstance(after, Refused):
            return ChangeRefused(after.code, after.message, after.path, after.line)
        skill = _afterwards(planned, after)
        lost = _loses_rules(here.snapshot, target, skill) if isinstance(wanted.wish, Rename) else None
        if lost is not None:
            return lost
        prepared = Prepared(planned, tuple(map(_file_done, done.changed)), here.snapshot, after, skill, allowed.because)
        return Ready(prepared, done, facts)

    async def diff(self, ready: Ready) -> str:
        """The change, to be shown."""

        def diff() -> str:
            with self._store.reading() as contents:

                def content(oid: BlobId) -> bytes | None:
                    try:
                        return ready.edited.blobs[oid] if oid in ready.edited.blobs else contents[oid]
                    except KeyError:
                        return None

                return unified(ready.edited.changed, content)

        return await asyncio.to_thread(diff)

    def _plan(self, wanted: Wanted, here: Standpoint, target: Skill | None) -> Planned | ChangeRefused:
        files = here.snapshot.publishable[OWN_SOURCE]
        trees = _readable(here.listing.trees)
        with self._store.reading() as contents:
            present = Present(here.snapshot.catalog, SourceFiles(files.entries, trees, contents, files.absent))
            author = wanted.principal.name or wanted.principal.id
            return plan(present, wanted.wish, target, author=author, room=self._room)

    async def _put(self, blobs: Mapping[BlobId, bytes]) -> dict[BlobId, BlobFact]:
        items = list(blobs.items())
        facts: dict[BlobId, BlobFact] = {}
        for at in range(0, len(items), _PUT_AT_ONCE):
            facts |= await self._store.put_blobs(items[at : at + _PUT_AT_ONCE])
        return facts


def target_of(wanted: Wanted, snapshot: Snapshot) -> Skill | None:
    """The skill that is meant, under its whole label."""
    if wanted.existing is None:
        return None
    named: Sequence[Skill] = snapshot.skills_named(wanted.existing)
    exact = [skill for skill in named if skill.label == wanted.existing]
    return exact[0] if exact else None


def decided(snapshot: Snapshot, principal: Principal, wish: Wish, target: Skill | None) -> Allowed | Denied:
    """Whether this person may. What makes, lists or renames skills is for editors; the rest for whoever may write the skill."""
    policy = snapshot.policy
    for_editors = target is None or isinstance(wish, Publish | Unpublish | Rename)
    if for_editors or (isinstance(wish, Save) and wish.allow_secrets):
        if not is_editor(policy, principal):
            return Denied("only editors make, publish and rename skills, or let a secret pass")
        if for_editors and target is None:
            return Allowed("an editor")
    assert target is not None
    return decide(policy, principal, Action.WRITE, target)


def _loses_rules(before: Snapshot, target: Skill | None, after: Skill | None) -> ChangeRefused | None:
    """Why a skill must not be renamed: other rules would say who may do what with it."""
    policy = before.policy
    if target is None or after is None or not isinstance(policy, AccessPolicy):
        return None
    for action in Action:
        rules = policy.rules(action)
        grants = rules.deciding(target)
        if {grant.audience for grant in grants} != {grant.audience for grant in rules.deciding(after)}:
            return ChangeRefused(
                "rules_name_it",
                f"access.json says who may {action} it by its name ({grants[0].place}): under another name another rule would. "
                "Let the same rules say it of the new name first",
                ".skillport/access.json",
            )
    return None


def _afterwards(planned: Planned, after: Snapshot) -> Skill | None:
    label = f"{planned.plugin}/{planned.skill}"
    return next((skill for skill in after.skills_named(label) if skill.label == label), None)


def _file_done(change: Changed) -> FileDone:
    done = Done.CREATED if change.before is None else Done.DELETED if change.after is None else Done.CHANGED
    return FileDone(change.path.decode("utf-8", "backslashreplace"), done)


def _readable(trees: Mapping[bytes, TreeId]) -> dict[str, TreeId]:
    """Directory ids by text path; no skill is in a directory whose name is no text."""
    readable: dict[str, TreeId] = {}
    for raw, oid in trees.items():
        try:
            readable[raw.decode("utf-8")] = oid
        except UnicodeDecodeError:
            continue
    return readable
