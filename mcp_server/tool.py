"""Owns the one tool: what is announced of it, and the way from a call to its result.

What is announced costs every conversation its tokens: name, description, input schema and server instructions together stay
below 400 (o200k), which the benchmarks count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import orjson
import structlog

from mcp_server.api_tokens import ApiTokens, Purpose
from mcp_server.arguments import (
    TAKES,
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
from mcp_server.install.links import InstallLinks, Target
from mcp_server.marketplace.settings_snippet import connect
from mcp_server.offers import Offered, install_offered, token_offered
from mcp_server.reads import OnRead, Read, unread
from mcp_server.rendering import Json, Rendered, render, structured
from mcp_server.templates import Remembered
from skillport_sync import __version__
from skillport_sync.access.model import Principal
from skillport_sync.catalog.model import Surface
from skillport_sync.errors import Broken, SkillportError
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import Answer
from skillport_sync.queries.queries import DEFAULT_LIMIT, MAX_LIMIT
from skillport_sync.spans import noted

SERVER_INFO: Final[Mapping[str, str]] = {"name": "skillport-sync", "title": "Skillport Sync", "version": __version__}
TOOL_NAME: Final = "skillport"
SURFACE: Final = "mcp"

INSTRUCTIONS: Final = (
    "The team's skills: instructions (SKILL.md), scripts and templates from its private Claude plugin marketplace. "
    "When a task may be covered by a team skill, list with a query, fetch the best match and follow its SKILL.md."
)

DESCRIPTION: Final = (
    "Finds, reads and installs the team's skills. One operation a call:\n"
    'list {"query":"pdf form"}: skills you may read\n'
    'fetch {"skill":"docs/pdf","paths":["scripts/fill.py"]}: files; without paths SKILL.md and the file list; '
    "with version or commit as it was then\n"
    'version {"skill":"pdf"}: history; {"installed":[{"name":"pdf","version":"1.0.0"}]}: updates\n'
    'install {"skill":"docs/pdf"}: the command that installs it\n'
    "auth: token for the REST API\n"
    "whoami: your id and rights"
)

INPUT_SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {
        "operation": {"type": "string", "enum": list(TAKES), "default": "list"},
        "query": {"type": "string"},
        "surface": {"type": "string", "enum": [surface.value for surface in Surface]},
        "plugin": {"type": "string"},
        "category": {"type": "string"},
        "limit": {"type": "integer", "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "cursor": {"type": "string", "description": "next_cursor; repeat the other arguments"},
        "skill": {"type": "string", "description": "name or plugin/name"},
        "paths": {"type": "array", "items": {"type": "string"}},
        "version": {"type": "string"},
        "commit": {"type": "string"},
        "target": {"type": "string", "enum": [target.value for target in Target]},
        "purpose": {"type": "string", "enum": [purpose.value for purpose in Purpose]},
        "installed": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "version": {"type": "string"},
                    "revision": {"type": "string"},
                },
                "required": ["name"],
            },
        },
    },
    "additionalProperties": False,
}
"""Flat, because the Claude API takes no anyOf, oneOf or allOf here; which arguments go together is said in errors."""

_STRING: Final[Json] = {"type": "string"}
_INTEGER: Final[Json] = {"type": "integer"}
_BOOLEAN: Final[Json] = {"type": "boolean"}


def _object(required: tuple[str, ...], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


_OF_SKILL: Final[dict[str, Json]] = {
    "name": _STRING,
    "plugin": _STRING,
    "marketplace": _STRING,
    "version": _STRING,
    "description": _STRING,
    "revision": {"type": "string", "description": "git tree id; changes exactly when the content does"},
    "incomplete": {"type": "boolean", "description": "something in it cannot be served"},
}
_SKILL: Final = _object(("name", "plugin"), **_OF_SKILL)

_SNAPSHOT: Final = _object(
    ("marketplace", "repository", "commit", "published_at", "age_s", "stale"),
    marketplace=_STRING,
    repository=_STRING,
    commit=_STRING,
    published_at={"type": "string", "format": "date-time"},
    earlier={"type": "boolean", "description": "something else is served by now"},
    age_s={"type": "integer", "description": "seconds since GitHub confirmed what is served"},
    stale=_BOOLEAN,
)

OUTPUT_SCHEMA: Final = _object(
    ("snapshot",),
    skills=_array(_SKILL),
    total=_INTEGER,
    next_cursor=_STRING,
    skill=_SKILL,
    files=_array(
        _object(
            ("path", "size_bytes", "executable"),
            path=_STRING,
            size_bytes=_INTEGER,
            sha256=_STRING,
            executable=_BOOLEAN,
        )
    ),
    contents=_array(
        _object(
            ("path", "size_bytes"),
            path=_STRING,
            encoding={"type": "string", "enum": ["utf-8", "base64"]},
            offset={"type": "integer", "description": "of this part, in bytes"},
            size_bytes={"type": "integer", "description": "of the whole file"},
            not_held={"type": "string", "description": "why there is no content"},
        )
    ),
    history=_array(
        _object(
            ("commit", "date"),
            commit=_STRING,
            date=_STRING,
            version=_STRING,
            revision=_STRING,
            removed={"type": "boolean", "description": "it was gone from then on"},
            changed_without_bump={"type": "boolean", "description": "other content, same version"},
        )
    ),
    installed=_array(
        _object(
            ("name", "status"),
            name=_STRING,
            status={
                "type": "string",
                "enum": [
                    "up_to_date",
                    "update_available",
                    "content_changed",
                    "ahead",
                    "renamed",
                    "gone",
                    "ambiguous",
                    "unknown",
                ],
            },
            current={**_object(("plugin",), **_OF_SKILL), "description": "a skill; without name a plugin"},
            candidates=_array(_STRING),
        )
    ),
    id=_STRING,
    name=_STRING,
    email=_STRING,
    groups=_array(_STRING),
    editor={"type": "object", "additionalProperties": _BOOLEAN},
    cannot_write={"type": "string", "description": "why nothing can be changed through this service"},
    command={"type": "string", "description": "to run once, in a shell"},
    expires_in={"type": "integer", "description": "seconds"},
    target=_STRING,
    writes={"type": "string", "description": "where the command puts it"},
    file_count=_INTEGER,
    size_bytes=_INTEGER,
    rewrites=_array({"type": "string", "description": "what is not as its author wrote it"}),
    token=_STRING,
    base_url=_STRING,
    purpose=_STRING,
    read_only=_BOOLEAN,
    client_info={"type": ["object", "null"]},
    instructions=_STRING,
    settings=_array({"type": "object"}),
    commands=_array(_STRING),
    snapshot=_SNAPSHOT,
    snapshots=_array(_SNAPSHOT),
)

DEFINITION: Final[Json] = {
    "name": TOOL_NAME,
    "title": "Team skills",
    "description": DESCRIPTION,
    "inputSchema": INPUT_SCHEMA,
    "outputSchema": OUTPUT_SCHEMA,
    "annotations": {
        "title": "Team skills",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    },
    # Both keys are Claude Code's: its text limit for results, and no tool search for a tool this small.
    # https://code.claude.com/docs/en/mcp
    "_meta": {"anthropic/maxResultSizeChars": 200_000, "anthropic/alwaysLoad": True},
}
"""``tools/list`` has this and nothing else."""

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
