"""Owns what is announced of the one tool: its name, description and schemas, and the server's instructions. Pure.

What is announced costs every conversation its tokens: name, description, input schema and server instructions together stay
below 400 (o200k), which the benchmarks count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mcp_server.api_tokens import Purpose
from mcp_server.arguments import TAKES
from mcp_server.install.links import Target
from mcp_server.rendering import Json
from skillport_sync import __version__
from skillport_sync.catalog.model import Surface
from skillport_sync.queries.queries import DEFAULT_LIMIT, MAX_LIMIT

SERVER_INFO: Final[Mapping[str, str]] = {"name": "skillport-sync", "title": "Skillport Sync", "version": __version__}
TOOL_NAME: Final = "skillport"

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
