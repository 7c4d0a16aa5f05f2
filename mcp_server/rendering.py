"""Owns how an answer reads on the wire of MCP: its JSON, and the resource blocks that carry file contents. Pure.

The JSON is both ``structuredContent`` and the first text block. Contents are only in resource blocks: a host that shows the
structured part alone must not show a file twice, and one that drops it must not lose the file.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from mcp_server.media_types import media_type_of_content
from mcp_server.reads import Read, read_of
from mcp_server.skill_uri import SkillUri
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries.answers import (
    Answer,
    Basis,
    FetchAnswer,
    FileFact,
    HistoryFact,
    InstalledAnswer,
    InstalledFact,
    ListAnswer,
    NotHeld,
    Part,
    PluginFact,
    SkillFact,
    SkillLine,
    SnapshotFact,
    VersionAnswer,
    WhoamiAnswer,
)

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer for the wire. The snapshots are apart, because their age is the one thing that a cache may not keep."""

    payload: Json
    snapshots: tuple[SnapshotFact, ...]
    blocks: tuple[Json, ...]
    basis: Basis | None
    read: Read | None = None
    """What content of a skill is in it; None where there is none."""


def render(answer: Answer) -> Rendered:
    """The answer for the wire."""
    payload, blocks = _payload(answer)
    read = read_of(answer) if isinstance(answer, FetchAnswer) else None
    return Rendered(payload, answer.snapshots, blocks, answer.basis, read)


def structured(rendered: Rendered) -> Json:
    """``structuredContent``: the payload, then where it is from; all sources where there are several."""
    facts = [{**snapshot_json(fact), **freshness_json(fact)} for fact in rendered.snapshots]
    return {**rendered.payload, "snapshot": facts[0], **({"snapshots": facts} if len(facts) > 1 else {})}


def snapshot_json(fact: SnapshotFact) -> Json:
    """What stays true of a snapshot."""
    return {
        "marketplace": fact.marketplace,
        "repository": fact.repository,
        "commit": fact.commit,
        "published_at": _moment(fact.published_at),
        **({} if fact.is_served else {"earlier": True}),
    }


def freshness_json(fact: SnapshotFact) -> Json:
    """What does not."""
    return {"age_s": fact.freshness.age_s, "stale": fact.freshness.stale}


def _payload(answer: Answer) -> tuple[Json, tuple[Json, ...]]:
    several = answer.several
    match answer:
        case ListAnswer():
            skills = [_line(line, several) for line in answer.skills]
            return {"skills": skills, "total": answer.total, **_next(answer.next_cursor)}, ()
        case FetchAnswer():
            listing = {} if answer.files is None else {"files": [_file(file) for file in answer.files]}
            payload = {
                "skill": skill_json(answer.skill, several),
                **listing,
                "contents": [_content(part) for part in answer.contents],
                **_next(answer.next_cursor),
            }
            return payload, tuple(_block(answer.skill, part) for part in answer.contents if isinstance(part, Part))
        case VersionAnswer():
            history = [_history(fact) for fact in answer.history]
            return {"skill": skill_json(answer.skill, several), "history": history}, ()
        case InstalledAnswer():
            return {"installed": [_installed(fact, several) for fact in answer.installed]}, ()
        case WhoamiAnswer():
            return _whoami(answer), ()
        case _:
            raise TypeError(f"no rendering for {type(answer).__name__}")


def _line(line: SkillLine, several: bool) -> Json:
    return {
        "name": line.name,
        "plugin": line.plugin,
        **_marketplace(line.marketplace, several),
        **({"version": line.version} if line.version is not None else {}),
        **({"description": line.description} if line.description else {}),
    }


def skill_json(skill: SkillFact, several: bool) -> Json:
    """A skill as every answer names it."""
    return {
        "name": skill.name,
        "plugin": skill.plugin,
        **_marketplace(skill.marketplace, several),
        **({"version": skill.version} if skill.version is not None else {}),
        "revision": skill.revision,
        **({"incomplete": True} if skill.incomplete else {}),
    }


def _plugin(plugin: PluginFact, several: bool) -> Json:
    return {
        "plugin": plugin.name,
        **_marketplace(plugin.marketplace, several),
        **({"version": plugin.version} if plugin.version is not None else {}),
    }


def _file(file: FileFact) -> Json:
    return {
        "path": file.path,
        "size_bytes": file.size_bytes,
        **({"sha256": file.sha256.hex()} if file.sha256 is not None else {}),
        "executable": file.executable,
    }


def _content(part: Part | NotHeld) -> Json:
    if isinstance(part, NotHeld):
        return {"path": part.path, "size_bytes": part.size_bytes, "not_held": part.reason}
    encoding = "utf-8" if part.is_text else "base64"
    return {"path": part.path, "encoding": encoding, "offset": part.offset, "size_bytes": part.size_bytes}


def _block(skill: SkillFact, part: Part) -> Json:
    uri = SkillUri(skill.marketplace, skill.plugin, skill.name, part.path)
    mime_type = media_type_of_content(part.path, is_text=part.is_text)
    body = {"text": part.content.decode("utf-8")} if part.is_text else {"blob": b64encode(part.content).decode("ascii")}
    return {"type": "resource", "resource": {"uri": str(uri), "mimeType": mime_type, **body}}


def _history(fact: HistoryFact) -> Json:
    return {
        "commit": fact.commit,
        "date": _moment(fact.published_at),
        **({"version": fact.version} if fact.version is not None else {}),
        **({"revision": fact.revision} if fact.revision is not None else {"removed": True}),
        **({"changed_without_bump": True} if fact.changed_without_bump else {}),
    }


def _installed(fact: InstalledFact, several: bool) -> Json:
    current = fact.current
    return {
        "name": fact.name,
        "status": fact.status.value,
        **({"current": _current(current, several)} if current is not None else {}),
        **({"candidates": list(fact.candidates)} if fact.candidates else {}),
    }


def _current(current: SkillFact | PluginFact, several: bool) -> Json:
    return skill_json(current, several) if isinstance(current, SkillFact) else _plugin(current, several)


def _whoami(answer: WhoamiAnswer) -> Json:
    principal = answer.principal
    return {
        "id": principal.id,
        **({"name": principal.name} if principal.name else {}),
        **({"email": principal.email} if principal.email else {}),
        "groups": sorted(principal.groups),
        "editor": {str(marketplace): is_editor for marketplace, is_editor in answer.editor.items()},
    }


def _marketplace(name: MarketplaceName, several: bool) -> Json:
    return {"marketplace": name} if several else {}


def _next(cursor: str | None) -> Json:
    return {"next_cursor": cursor} if cursor is not None else {}


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
