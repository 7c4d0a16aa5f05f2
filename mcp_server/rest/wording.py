"""Owns how answers read over REST. Pure.

Paths and field names are the seed connector's, so that scripts and skills written for it go on working; whatever is more stands
beside them. A field that has no value is null, as it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from mcp_server.install.links import InstallOffer
from mcp_server.marketplace.settings_snippet import Connection
from mcp_server.rendering import Json, freshness_json, render, snapshot_json, structured
from mcp_server.rest.targets import Writable
from skillport_sync.catalog.model import Skill, Surface
from skillport_sync.files import HeldFile
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries.answers import (
    BrowseAnswer,
    BrowsedSkill,
    ContentsAnswer,
    Installed,
    InstalledAnswer,
    InstalledFact,
    InstalledStatus,
    SnapshotFact,
    VersionAnswer,
    WhoamiAnswer,
)

_TO_FETCH: Final = frozenset({InstalledStatus.UPDATE_AVAILABLE, InstalledStatus.CONTENT_CHANGED})
NOTHING_TO_REFRESH: Final = "ignored: every push is mirrored by itself, and age_s says when GitHub was last asked"


def browsed(answer: BrowseAnswer, surface: str | None, *, refresh: bool) -> bytes:
    """The catalog, as bytes: for a worker thread where it is long.

    Each skill is written by itself, so that no single step holds up the event loop's thread.
    """
    skills = [orjson.Fragment(orjson.dumps(_browsed(one, answer.several))) for one in answer.skills]
    sources = sources_json(answer.snapshots)
    if refresh:
        sources["snapshot"] = {**snapshot(answer.snapshots[0]), "refresh": NOTHING_TO_REFRESH}
    return orjson.dumps({"count": len(skills), "surface_filter": surface, "skills": skills, **sources})


def contents(answer: ContentsAnswer, skill_md: bytes | None) -> bytes:
    """One skill: what it is, its SKILL.md and which files it has."""
    skill = answer.found
    return orjson.dumps(
        {
            "skill": {
                **_skill(skill, answer.skill.marketplace, answer.several),
                **({"incomplete": True} if answer.skill.incomplete else {}),
            },
            "skill_md": None if skill_md is None else skill_md.decode("utf-8", "replace"),
            "files": [path for path, _ in answer.files],
            "file_details": [_file(path, file) for path, file in answer.files],
            "editable": answer.editable,
            **sources_json(answer.snapshots),
        }
    )


def versions(answer: VersionAnswer) -> bytes:
    """What a skill is and has been, in the tool's words."""
    return orjson.dumps(structured(render(answer)))


def updates(answer: InstalledAnswer, sent: Sequence[Installed]) -> bytes:
    """What has an update: as the seed says it, then what the tool says of everything that was ``sent``."""
    there = [_update(one, fact) for one, fact in zip(sent, answer.installed, strict=True) if fact.status in _TO_FETCH]
    return orjson.dumps({"hasUpdates": bool(there), "updates": there, **structured(render(answer))})


def whoami(answer: WhoamiAnswer, writable: Writable | None) -> bytes:
    """Who somebody is, and by which provider's word; where they can change something, if anything can be changed here."""
    principal = answer.principal
    return orjson.dumps(
        {
            **structured(render(answer)),
            "id": principal.id,
            "email": principal.email,
            "name": principal.name or None,
            "provider": principal.id.partition(":")[0],
            **({} if writable is None else {"can_write": writable.marketplaces, "read_only": writable.read_only}),
        }
    )


def offered(offer: InstallOffer) -> bytes:
    """How to install a skill: what to run, until when, and what it will write."""
    return orjson.dumps(
        {
            "install_token": offer.token,
            "skill": offer.skill.name,
            "version": offer.skill.version,
            "expires_in": offer.expires_in_s,
            "command": offer.command,
            "plugin": offer.skill.plugin,
            "marketplace": offer.skill.marketplace,
            "revision": offer.skill.revision,
            "target": offer.target.value,
            "files": offer.files,
            "size_bytes": offer.size_bytes,
            "rewrites": [{"code": rewrite.code, "what": rewrite.what} for rewrite in offer.rewrites],
            **sources_json((offer.snapshot,)),
        }
    )


def connected(connections: Iterable[tuple[str, Connection]], snapshots: Sequence[SnapshotFact]) -> bytes:
    """How Claude Code is told of each marketplace, by the name that it calls itself."""
    marketplaces = [
        {"name": title, "settings": connection.settings, "commands": connection.commands}
        for title, connection in connections
    ]
    return orjson.dumps({"marketplaces": marketplaces, **sources_json(snapshots)})


def plugins(answer: BrowseAnswer) -> bytes:
    """The plugins that skills are read from, and where they are."""
    listed: dict[tuple[MarketplaceName, str], Json] = {}
    for one in answer.skills:
        plugin = one.skill.plugin
        entry = listed.setdefault(
            (one.marketplace, plugin.name),
            {
                "name": plugin.name,
                **_marketplace(one.marketplace, answer.several),
                "source": plugin.source or None,
                "directory": plugin.directory,
                "version": plugin.version,
                "published": plugin.published,
                "skills": [],
            },
        )
        names = entry["skills"]
        assert isinstance(names, list)
        names.append({"name": one.skill.name, "directory": one.skill.directory})
    return orjson.dumps({"count": len(listed), "plugins": list(listed.values()), **sources_json(answer.snapshots)})


def snapshot(fact: SnapshotFact) -> Json:
    """Where an answer is from, and how old that is."""
    return {**snapshot_json(fact), **freshness_json(fact)}


def sources_json(facts: Sequence[SnapshotFact]) -> Json:
    """What every answer ends with: all sources where there are several."""
    shown = [snapshot(fact) for fact in facts]
    return {"snapshot": shown[0], **({"snapshots": shown} if len(shown) > 1 else {})}


def _browsed(one: BrowsedSkill, several: bool) -> Json:
    return {
        **_skill(one.skill, one.marketplace, several),
        "editable": one.editable,
        **({"incomplete": True} if one.skill.incomplete else {}),
    }


def _skill(skill: Skill, marketplace: MarketplaceName, several: bool) -> Json:
    plugin = skill.plugin
    return {
        "name": skill.name,
        "plugin": plugin.name,
        **_marketplace(marketplace, several),
        "description": skill.description,
        "version": skill.version,
        "revision": skill.revision,
        "author": None if plugin.author is None else {"name": plugin.author},
        "category": plugin.category,
        "tags": plugin.tags,
        "keywords": plugin.keywords,
        "surface_tags": [surface.value for surface in Surface if surface in plugin.surfaces],
        "published": plugin.published,
    }


def _file(path: str, file: HeldFile) -> Json:
    return {
        "path": path,
        "size_bytes": file.size_bytes,
        "sha256": None if file.sha256 is None else file.sha256.hex(),
        "executable": file.mode.is_executable,
    }


def _update(sent: Installed, fact: InstalledFact) -> Json:
    return {
        "name": fact.name,
        "installedVersion": sent.version,
        "availableVersion": None if fact.current is None else fact.current.version,
        "status": fact.status.value,
    }


def _marketplace(name: MarketplaceName, several: bool) -> Json:
    return {"marketplace": name} if several else {}
