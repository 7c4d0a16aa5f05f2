"""Owns how skills and their files read on the wire of the skills extension. Pure.

https://github.com/modelcontextprotocol/ext-skills/blob/main/specification/stable/skills.mdx#skill-entries, and for resources
https://modelcontextprotocol.io/specification/2026-07-28/server/resources.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from mcp_server.media_types import DIRECTORY, MARKDOWN, media_type, media_type_of_content
from mcp_server.rendering import Json
from mcp_server.skill_uri import SKILL_MD, SkillUri
from skillport_sync.files import HeldFile
from skillport_sync.queries.answers import ContentsAnswer

FRESH_MS: Final = 60_000
"""A push is published within seconds; a host that holds on to more than a minute of before would refuse what it reads now."""

_TEMPLATE_FRESH_MS: Final = 3_600_000
_TEMPLATE: Final[Json] = {
    "uriTemplate": "skill://{+marketplace}/{plugin}/{skill}/{+path}",
    "name": "skill-file",
    "title": "A file of a skill",
    "description": "A file of a team skill as it is published. path is relative to the skill's directory; SKILL.md comes first.",
}


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a request. ``large`` are parts of it as JSON, which need not be looked at any more."""

    fields: Json
    large: Mapping[str, bytes] = field(default_factory=dict)


def result(large: Mapping[str, bytes], next_cursor: str | None = None, fresh_ms: int = FRESH_MS) -> Result:
    """What one person may hold on to for a while, and nobody else: rights differ."""
    following = {} if next_cursor is None else {"nextCursor": next_cursor}
    return Result({**following, "ttlMs": fresh_ms, "cacheScope": "private"}, large)


def array(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


TEMPLATES: Final = result({"resourceTemplates": orjson.dumps([_TEMPLATE])}, fresh_ms=_TEMPLATE_FRESH_MS)


def skill_entry(uri: SkillUri, contents: ContentsAnswer) -> Json:
    """The skill with a manifest of every file it has for whoever asked."""
    return {
        "uri": str(replace(uri, path=SKILL_MD)),
        "frontmatter": contents.found.frontmatter,
        "resources": [
            {
                "uri": str(replace(uri, path=path)),
                "digest": f"sha256:{'' if file.sha256 is None else file.sha256.hex()}",
                "size": file.size_bytes,
            }
            for path, file in contents.files
        ],
    }


def skill_resource(uri: SkillUri, contents: ContentsAnswer) -> Json:
    """The SKILL.md of a skill, which stands for it in a list of resources."""
    skill, file = contents.found, dict(contents.files)[SKILL_MD]
    written = skill.frontmatter.get("description")
    return {
        "uri": str(replace(uri, path=SKILL_MD)),
        "name": skill.name,
        "title": skill.label,
        "description": written if isinstance(written, str) else skill.description,
        "mimeType": MARKDOWN,
        "size": file.size_bytes,
    }


def file_resource(uri: SkillUri, file: HeldFile) -> Json:
    kind = media_type(uri.path)
    return {
        "uri": str(uri),
        "name": uri.path.rpartition("/")[2],
        **({} if kind is None else {"mimeType": kind}),
        "size": file.size_bytes,
    }


def directory_resource(uri: SkillUri) -> Json:
    return {"uri": str(uri), "name": uri.path.rpartition("/")[2], "mimeType": DIRECTORY}


def content_block(uri: SkillUri, content: bytes) -> bytes:
    """The bytes as they are: as text where they are valid UTF-8, which loses nothing; else in base64."""
    try:
        body = {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        body = {"blob": b64encode(content).decode("ascii")}
    kind = media_type_of_content(uri.path, is_text="text" in body)
    return orjson.dumps({"uri": str(uri), "mimeType": kind, **body})
