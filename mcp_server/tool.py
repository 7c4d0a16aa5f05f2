"""Owns the one tool: the way from a call to its result. What is announced of it is in ``announced``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import orjson
import structlog

from mcp_server.api_tokens import ApiTokens, Purpose
from mcp_server.arguments import (
    Asking,
    AuthQuestion,
    FetchQuestion,
    InstalledQuestion,
    InstallQuestion,
    ListQuestion,
    Question,
    VersionQuestion,
    WhoamiQuestion,
    operation_of,
    question_of,
)
from mcp_server.authentication import Caller
from mcp_server.install.links import InstallLinks
from mcp_server.marketplace.settings_snippet import connect
from mcp_server.offers import Offered, install_offered, token_offered
from mcp_server.reads import OnRead, Read, unread
from mcp_server.rendering import Json, Rendered, render, structured
from mcp_server.templates import Remembered
from skillport_sync.access.model import Principal
from skillport_sync.errors import Broken, SkillportError
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import Answer
from skillport_sync.spans import noted

SURFACE: Final = "mcp"

OnQuery = Callable[[str, str, str], None]
"""Told of every query: operation, surface (``mcp``), outcome (``ok`` or the code of an error)."""


ClientInfo = Mapping[str, str] | None
"""Name and version of the program that calls, as it says itself; None where it says nothing."""


class Memory(Protocol):
    """Where answers may be found again, for as long as they are true."""

    def recall(self, principal: Principal, arguments: Mapping[str, object]) -> Remembered | None:
        """The result of such a call, or None."""
        ...

    def keep(self, arguments: Mapping[str, object], rendered: Rendered) -> None: ...


def unheard(operation: str, surface: str, outcome: str) -> None:
    """The ``OnQuery`` of a service without metrics."""


@dataclass(frozen=True, slots=True)
class Giving:
    """What the tool can give away, and where this service is reached."""

    links: InstallLinks
    tokens: ApiTokens
    base_url: str
    cannot_write: str | None = None
    """Why nothing can be changed through this service at all; None where it can, by those who may."""


class Tool:
    """Calls of the tool, answered."""

    def __init__(
        self, queries: Queries, memory: Memory, giving: Giving, on_query: OnQuery, on_read: OnRead = unread
    ) -> None:
        self._queries = queries
        self._memory = memory
        self._giving = giving
        self._on_query = on_query
        self._on_read = on_read
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(surface=SURFACE)

    async def call(
        self, caller: Caller, arguments: Mapping[str, object], client_info: ClientInfo = None
    ) -> Json | Remembered:
        """The result of one call, or its parts where it is remembered. What the caller can mend is a result too: ``isError`` and
        a sentence."""
        operation, question = "unknown", None
        try:
            operation = operation_of(arguments)
            recalled = self._memory.recall(caller.principal, arguments)
            if recalled is not None:
                self._told(operation, "ok", caller, recalled.read)
                return recalled
            question = question_of(arguments)
            if isinstance(question, InstallQuestion | AuthQuestion):
                return await self._give(caller, operation, question, client_info)
            rendered = render(await self._answer(caller.principal, question))
            if isinstance(question, WhoamiQuestion) and self._giving.cannot_write is not None:
                rendered = replace(rendered, payload={**rendered.payload, "cannot_write": self._giving.cannot_write})
        except SkillportError as error:
            if isinstance(error, Broken):
                self._log.error("query_broken", operation=operation, code=error.code, message=error.message)
            self._told(operation, error.code, caller, _refused(question, error))
            return {"content": [{"type": "text", "text": error.message}], "isError": True}
        self._memory.keep(arguments, rendered)
        self._told(operation, "ok", caller, rendered.read)
        content = structured(rendered)
        text = {"type": "text", "text": orjson.dumps(content).decode()}
        return {"content": [text, *rendered.blocks], "structuredContent": content, "isError": False}

    async def _give(
        self, caller: Caller, operation: str, question: InstallQuestion | AuthQuestion, client_info: ClientInfo
    ) -> Json:
        """The result of a call that makes something. It is never remembered: each is somebody's own, once."""
        if isinstance(question, InstallQuestion):
            offer = await self._giving.links.offer(
                caller, question.skill, version=question.version, target=question.target
            )
            several = len(self._queries.titles()) > 1
            offered, facts = install_offered(offer, several=several), [offer.snapshot]
        else:
            facts = list((await self._queries.whoami(caller.principal)).snapshots)
            offered = await self._token(caller, question.purpose, client_info)
        self._told(operation, "ok", caller, None)
        content = structured(Rendered(offered.payload, tuple(facts), (), None))
        text = offered.text or orjson.dumps(content).decode()
        return {"content": [{"type": "text", "text": text}], "structuredContent": content, "isError": False}

    async def _token(self, caller: Caller, purpose: Purpose, client_info: ClientInfo) -> Offered:
        minted, base_url, titles = (
            await self._giving.tokens.mint(caller, purpose),
            self._giving.base_url,
            self._queries.titles(),
        )
        connections = [
            connect(
                base_url=base_url,
                title=title,
                marketplace=str(marketplace) if len(titles) > 1 else None,
                token=minted.token,
            )
            for marketplace, title in titles.items()
        ]
        return token_offered(minted, base_url=base_url, client_info=client_info, connections=connections)

    async def _answer(self, principal: Principal, question: Asking) -> Answer:
        match question:
            case ListQuestion(query, surface, plugin, category, limit, cursor):
                return await self._queries.list_skills(
                    principal,
                    query=query,
                    surface=surface,
                    plugin=plugin,
                    category=category,
                    limit=limit,
                    cursor=cursor,
                )
            case FetchQuestion(skill, paths, version, commit, cursor):
                return await self._queries.fetch(
                    principal, skill, paths=paths, version=version, commit=commit, cursor=cursor
                )
            case VersionQuestion(skill):
                return await self._queries.versions(principal, skill)
            case InstalledQuestion(installed):
                return await self._queries.check_installed(principal, installed)
            case WhoamiQuestion():
                return await self._queries.whoami(principal)

    def _told(self, operation: str, outcome: str, caller: Caller, read: Read | None) -> None:
        self._log.debug("query_answered", operation=operation, outcome=outcome)
        self._on_query(operation, SURFACE, outcome)
        noted(operation=operation, outcome=outcome)
        if read is not None:
            self._on_read(caller, read)


def _refused(question: Question | None, error: SkillportError) -> Read | None:
    return Read(question.skill, question.paths, error.code) if isinstance(question, FetchQuestion) else None
