"""Owns the catalog of a commit: marketplace.json's entries, followed to their plugins and skills.

It starts from the entries and not from a pattern over paths, because that is how Claude Code finds skills: most real
marketplaces keep theirs elsewhere than ``plugins/*/skills/*``. One bad entry, manifest or SKILL.md hides only itself.

What one push does not touch is not read again: a plugin whose entry and directory id are the same is taken over whole, and a
SKILL.md whose blob was read before is not parsed. The outcome is exactly that of discovering everything anew.

Problem codes of this module: plugin_name_duplicate, source_not_supported_yet, skill_unreachable, skill_unreachable_more. See
``manifest``, ``plugin_skills`` and ``skill_md`` for theirs. Undiscoverable's: marketplace_missing, marketplace_symlink,
marketplace_not_held, marketplace_invalid_json, marketplace_invalid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skillport_sync.catalog.manifest import ExternalSource, Marketplace, MarketplaceEntry, Unreadable, read_marketplace
from skillport_sync.catalog.model import Catalog, PluginName, Problem, Severity, SourceFiles
from skillport_sync.catalog.plugin_skills import PluginFound, find_plugin
from skillport_sync.catalog.skill_files import SkillFiles, skill_files
from skillport_sync.catalog.skill_md import SkillText
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import RepoPath

MANIFEST_PATH = RepoPath(".claude-plugin/marketplace.json")
MAX_UNREACHABLE_REPORTED = 50


@dataclass(frozen=True, slots=True)
class Memo:
    """What the next ``discover`` of the same marketplace may take over. Opaque; never needed for a right answer."""

    manifest: tuple[BlobId, Marketplace] | None = None
    plugins: Mapping[PluginName, PluginFound] = field(default_factory=dict)
    texts: Mapping[BlobId, SkillText] = field(default_factory=dict)


EMPTY_MEMO = Memo()


@dataclass(frozen=True, slots=True)
class Undiscoverable:
    """There is no catalog: marketplace.json is missing or unreadable as a whole."""

    code: str
    message: str
    path: str
    line: int | None


def discover(own: SourceFiles, previous: Memo | None) -> tuple[Catalog, Memo] | Undiscoverable:
    """The catalog of this commit, and what to hand to the next call. Depends on ``own`` only, never on ``previous``."""
    memo = previous or EMPTY_MEMO
    read = _marketplace(own, memo)
    if isinstance(read, Undiscoverable):
        return read
    oid, marketplace = read
    problems = [remark.at(MANIFEST_PATH) for remark in marketplace.remarks]
    index = skill_files(own.files)
    found: dict[PluginName, PluginFound] = {}
    names: set[PluginName] = set()
    for entry, line in marketplace.entries:
        if entry.name in names:
            message = f"{entry.name}: an earlier plugin has this name; this one is left out"
            problems.append(Problem(MANIFEST_PATH, "plugin_name_duplicate", Severity.ERROR, message, line))
            continue
        names.add(entry.name)
        plugin = _plugin(own, index, entry, line, memo)
        if isinstance(plugin, PluginFound):
            found[entry.name] = plugin
            problems.extend(plugin.problems)
        else:
            problems.append(plugin)
    ordered = [found[name] for name in sorted(found)]
    skills = tuple(skill for plugin in ordered for skill in plugin.skills)
    problems.extend(_unreachable(index, {path for plugin in ordered for path in plugin.reached}))
    texts = {blob: text for plugin in ordered for blob, text in plugin.texts.items()}
    catalog = Catalog(
        title=marketplace.title,
        plugins=tuple(plugin.plugin for plugin in ordered),
        skills=skills,
        problems=tuple(sorted(set(problems), key=lambda problem: problem.place)),
    )
    return catalog, Memo((oid, marketplace), found, texts)


def _marketplace(own: SourceFiles, memo: Memo) -> tuple[BlobId, Marketplace] | Undiscoverable:
    entry = own.files.get(MANIFEST_PATH)
    if entry is None or not entry.mode.has_content:
        return _undiscoverable("marketplace_missing", "there is no .claude-plugin/marketplace.json in this commit")
    if entry.mode is Mode.SYMLINK:
        return _undiscoverable("marketplace_symlink", "is a symbolic link; commit the file itself")
    if memo.manifest is not None and memo.manifest[0] == entry.oid:
        return memo.manifest
    try:
        content = own.contents[entry.oid]
    except KeyError:
        return _undiscoverable("marketplace_not_held", f"its {entry.size_bytes} bytes are not held; it is too large")
    marketplace = read_marketplace(content)
    if isinstance(marketplace, Unreadable):
        return _undiscoverable(marketplace.code, marketplace.message, marketplace.line)
    return entry.oid, marketplace


def _undiscoverable(code: str, message: str, line: int | None = None) -> Undiscoverable:
    return Undiscoverable(code, message, MANIFEST_PATH, line)


def _plugin(
    own: SourceFiles, index: SkillFiles, entry: MarketplaceEntry, line: int, memo: Memo
) -> PluginFound | Problem:
    if isinstance(entry.source, ExternalSource):
        source = f"{entry.source.kind} {entry.source.location}".strip()
        message = f"{entry.name}: its source, {source}, is not mirrored yet"
        return Problem(MANIFEST_PATH, "source_not_supported_yet", Severity.INFO, message, line)
    directory = entry.source.directory
    before = memo.plugins.get(entry.name)
    if (
        before is not None
        and before.complete
        and before.witness in own.files
        and before.tree == own.trees.get(directory)
        and before.entry == entry
    ):
        return before
    return find_plugin(own, index, entry, directory, memo.texts)


def _unreachable(index: SkillFiles, reached: set[RepoPath]) -> list[Problem]:
    """SKILL.md files that no plugin leads to: nobody is served them, and their authors may not know."""
    links = set(index.links)
    lost = [path for path in index.paths if path not in reached and path not in links]
    problems = [
        Problem(path, "skill_unreachable", Severity.INFO, "no plugin of marketplace.json leads to this file")
        for path in lost[:MAX_UNREACHABLE_REPORTED]
    ]
    if len(lost) > MAX_UNREACHABLE_REPORTED:
        more = len(lost) - MAX_UNREACHABLE_REPORTED
        message = f"{more} more SKILL.md files are not reached by any plugin of marketplace.json"
        problems.append(Problem(MANIFEST_PATH, "skill_unreachable_more", Severity.INFO, message))
    return problems
