"""Owns the routes of the REST API for changing skills: which address and body mean which wish, and who is told what came of it.

What somebody may is decided where it is saved; what the outcome reads like is ``edited_words``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, ParamSpec, TypeVar

from aiohttp import hdrs, web

from mcp_server.authentication import Caller
from mcp_server.body import read_body
from mcp_server.edit.links import EditLinks
from mcp_server.front_door import FrontDoor, Handler
from mcp_server.rest import edited_words
from mcp_server.rest.changes_asked import Body, Terms, body_of, bump_of, publish_of, rename_of, save_of, terms_of
from mcp_server.rest.lint_of_change import lint_of
from mcp_server.rest.questions import label_of
from mcp_server.rest.targets import Saves, Target, Targets, Writable, refuse_read_only
from mcp_server.rest.writes import OnWrite, Write, unwritten
from mcp_server.tool import OnQuery, unheard
from skillport_sync.catalog.change.wishes import ChangeRefused, Delete, Rename, Unpublish, Wish
from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.errors import Denied, Invalid, Missing, SkillportError
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import SnapshotFact
from skillport_sync.store.proposals import Proposal
from skillport_sync.sync.saves import (
    Clash,
    NotAllowed,
    Proposed,
    Rehearsed,
    Saved,
    SaveOutcome,
    Unchanged,
    Wanted,
)

__all__ = ["Editing", "OpenProposals", "Saves"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

SURFACE: Final = "rest"
MAX_SAVE_BYTES: Final = 48 * 1024 * 1024
"""The largest skill there may be, all of it in base64, and the JSON around it."""
MAX_BODY_BYTES: Final = 64 * 1024
"""Of every change that carries no files."""
LARGE_BYTES: Final = 256 * 1024
"""From here on a body is read on another thread, and waits where ``LARGE_AT_ONCE`` are in memory."""
LARGE_AT_ONCE: Final = 4

Answer = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
OpenProposals = Callable[[MarketplaceName], Awaitable[Sequence[Proposal]]]
"""The pull requests of a marketplace that are open, newest first."""
_WishOf = Callable[[str, Body], Wish]
"""From the skill's name and a body to what is wished. Raises: Invalid."""


class Editing:
    """Changes of skills, for ``rest_routes``."""

    def __init__(
        self,
        *,
        door: FrontDoor,
        queries: Queries,
        savers: Mapping[MarketplaceName, Saves],
        links: EditLinks,
        proposals: OpenProposals,
        on_write: OnWrite = unwritten,
        on_query: OnQuery = unheard,
    ) -> None:
        """``savers`` has one for every marketplace that is served, ``links`` are made for whoever edits on their own machine."""
        self._door = door
        self._queries = queries
        self._targets = Targets(queries, savers)
        self._links = links
        self._proposals = proposals
        self._on_write = on_write
        self._on_query = on_query
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    @property
    def of_skill(self) -> Mapping[str, Handler]:
        """What is answered at a skill's own address, by method."""
        return {
            hdrs.METH_POST: self._door.known(self._save),
            hdrs.METH_DELETE: self._door.known(self._changing("delete", lambda name, _: Delete(name))),
        }

    @property
    def of_words(self) -> Mapping[str, Mapping[str, Handler]]:
        """What is answered at a word behind a skill's address, by word and method."""
        wishes: Mapping[str, _WishOf] = {
            "bump": bump_of,
            "publish": publish_of,
            "unpublish": lambda name, _: Unpublish(name),
            "rename": rename_of,
        }
        posted = {
            word: {hdrs.METH_POST: self._door.known(self._changing(word, wish_of))} for word, wish_of in wishes.items()
        }
        return {**posted, "edit": {hdrs.METH_GET: self._door.known(self._edit)}}

    @property
    def of_changes(self) -> Mapping[str, Handler]:
        """What is answered at ``/api/changes``."""
        return {hdrs.METH_GET: self._door.known(self._changes)}

    async def writable(self, caller: Caller) -> Writable:
        """Where this person can change something: for whoami."""
        return await self._targets.writable(caller)

    async def _save(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        length = request.content_length
        if length is not None and length <= LARGE_BYTES:
            return await self._change(request, caller, "save")
        async with self._large:
            return await self._change(request, caller, "save")

    def _changing(self, operation: str, wish_of: _WishOf) -> Answer:
        async def change(request: web.Request, caller: Caller) -> web.StreamResponse:
            return await self._change(request, caller, operation, wish_of)

        return change

    async def _change(
        self, request: web.Request, caller: Caller, operation: str, wish_of: _WishOf | None = None
    ) -> web.StreamResponse:
        """One change, from the request to the answer. Without ``wish_of``, of files."""
        label, terms = label_of(request.match_info), Terms()
        try:
            refuse_read_only(caller)
            raw = await read_body(request, MAX_SAVE_BYTES if wish_of is None else MAX_BODY_BYTES)
            if isinstance(raw, web.Response):
                return raw
            is_large = len(raw) > LARGE_BYTES
            body = await _away_if(is_large, body_of, raw)
            terms = terms_of(body, request.query, request.headers.get(hdrs.IF_MATCH))
            if operation == "delete" and not (terms.confirmed or terms.dry_run):
                message = "Deleting needs ?confirm=true. With ?dry_run=true it only shows what would go."
                raise Invalid(message, code="confirm_missing")
            if wish_of is None:
                plugin, _, name = label.rpartition("/")
                save = await _away_if(is_large, save_of, name, plugin or None, body)
                target = await self._targets.saved(caller.principal, label, save, terms)
                wish: Wish = save if target.skill is None else replace(save, skill=target.skill.found.name, group=None)
            else:
                target = await self._targets.existing(caller.principal, label, terms)
                wish = wish_of(label if target.skill is None else target.skill.found.name, body)
            outcome = await self._targets.saver(target.marketplace).save(_wanted(caller, wish, target, terms))
            write, response = await self._answer(caller, Write(operation, target.label or label), wish, target, outcome)
        except SkillportError as error:
            self._tell(caller, Write(operation, label, error.code), terms)
            raise
        self._tell(caller, write, terms)
        return response

    async def _answer(
        self, caller: Caller, write: Write, wish: Wish, target: Target, outcome: SaveOutcome
    ) -> tuple[Write, web.Response]:
        """What came of it: for whoever is told of changes, and for whoever asked."""
        write = replace(write, marketplace=target.marketplace)
        if isinstance(outcome, NotAllowed | ChangeRefused | Clash):
            if isinstance(outcome, ChangeRefused) and outcome.code == "name_taken":
                outcome = await self._taken(caller, wish, outcome)
            status, code, body = edited_words.not_made(write.skill, outcome)
            return replace(write, outcome=code), _json(body, status)
        if isinstance(outcome, Unchanged):
            sources = await self._sources(caller, target.marketplace)
            body = edited_words.unchanged(wish, outcome, target.skill, sources)
            return replace(write, outcome="unchanged", commit=outcome.commit), _json(body)
        findings = await asyncio.to_thread(lint_of, outcome.prepared)
        body = edited_words.made(wish, outcome, findings, await self._sources(caller, target.marketplace))
        return _made(write, outcome), _json(body)

    async def _taken(self, caller: Caller, wish: Wish, refused: ChangeRefused) -> ChangeRefused:
        """Who has the name, if whoever asks may know that; else only that it is taken."""
        try:
            await self._queries.contents(caller.principal, wish.to if isinstance(wish, Rename) else wish.skill)
        except Missing:
            return ChangeRefused(refused.code, "there is something of this name already")
        except Invalid:
            pass  # several have it, and may be read
        return refused

    async def _sources(self, caller: Caller, marketplace: MarketplaceName) -> Sequence[SnapshotFact]:
        """What is served of the marketplace now."""
        who = await self._queries.whoami(caller.principal)
        return [fact for fact in who.snapshots if fact.marketplace == marketplace] or who.snapshots

    async def _edit(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """A link to the skill's files, for whoever could save them."""
        try:
            refuse_read_only(caller)
            answer = await self._queries.contents(caller.principal, label_of(request.match_info))
            found = answer.found
            if not answer.editable:
                raise Denied(f"You may read {found.label}, but not change it. Ask an editor.", code="not_allowed")
            if found.plugin.source != OWN_SOURCE:
                where = found.plugin.source.partition("@")[0]
                raise Invalid(f"{found.label} comes from {where}: change it there.", code="plugin_elsewhere")
            why = self._targets.saver(answer.skill.marketplace).cannot_write
            if why is not None:
                raise Denied(why.message, code=why.code)
            offer = await self._links.offer(caller, answer)
        except SkillportError as error:
            self._on_query("edit", SURFACE, error.code)
            raise
        self._on_query("edit", SURFACE, "ok")
        return _json(edited_words.edit_offered(offer))

    async def _changes(self, request: web.Request, caller: Caller) -> web.StreamResponse:  # noqa: ARG002  takes no arguments
        """Open pull requests: one's own, and those for skills that one may read. One for a new skill is its author's alone."""
        answer = await self._queries.browse(caller.principal)
        readable = {(one.marketplace, one.skill.label) for one in answer.skills}
        shown = [
            proposal
            for name in self._targets.marketplaces
            for proposal in await self._proposals(name)
            if proposal.person == caller.principal.id or (name, f"{proposal.plugin}/{proposal.skill}") in readable
        ]
        self._on_query("changes", SURFACE, "ok")
        return _json(edited_words.changes(shown, caller.principal.id, answer.snapshots, several=answer.several))

    def _tell(self, caller: Caller, write: Write, terms: Terms) -> None:
        self._on_query(write.operation, SURFACE, "ok" if write.outcome in _WELL else write.outcome)
        if not terms.dry_run:
            self._on_write(caller, write)


_WELL: Final = frozenset({"proposed", "rehearsed", "unchanged"})


def _wanted(caller: Caller, wish: Wish, target: Target, terms: Terms) -> Wanted:
    return Wanted(
        principal=caller.principal,
        wish=wish,
        existing=target.label,
        base=terms.base,
        message=terms.message,
        dry_run=terms.dry_run,
    )


def _made(write: Write, outcome: edited_words.Made) -> Write:
    planned, detail = outcome.prepared.planned, edited_words.summary(outcome.prepared.files)
    write = replace(write, skill=f"{planned.plugin}/{planned.skill}", detail=detail)
    match outcome:
        case Saved(commit=commit, publication=publication):
            return replace(write, publication=publication, commit=commit)
        case Proposed(commit=commit, proposal=proposal):
            detail = f"{detail}; pull request {proposal.number}"
            return replace(write, outcome="proposed", commit=commit, detail=detail)
        case Rehearsed():
            return replace(write, outcome="rehearsed")


async def _away_if(long: bool, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run pure ``work``: on another thread where it is ``long``."""
    return await asyncio.to_thread(work, *args, **kwargs) if long else work(*args, **kwargs)


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
