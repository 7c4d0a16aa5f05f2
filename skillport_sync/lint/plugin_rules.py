"""Owns what surfaces ask of a plugin beyond its skills: components that are JSON, nothing at its top that is not synced, no more
than is.

Problem codes: plugin_component_not_json, plugin_bin_directory, plugin_over_size, plugin_over_files, plugin_source_bare.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from skillport_sync.catalog.model import Plugin, Problem
from skillport_sync.catalog.written_json import NotJson, read_json
from skillport_sync.files import PublishableFiles
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import RepoPath
from skillport_sync.lint.codes import CODES
from skillport_sync.lint.written_marketplace import WrittenMarketplace

SYNC_MAX_BYTES = 200_000_000
SYNC_MAX_FILES = 5000

_COMPONENTS = ("hooks/hooks.json", ".mcp.json")


def plugin_problems(plugin: Plugin, files: PublishableFiles, contents: Mapping[BlobId, bytes]) -> Iterator[Problem]:
    """What surfaces have against this plugin because of the files of its directory."""
    prefix = f"{plugin.directory}/" if plugin.directory else ""
    yield from _components(plugin, prefix, files, contents)
    below = _below(files.paths, prefix)
    programs = next((path for path in below if path.startswith(f"{prefix}bin/")), None)
    if programs is not None:
        message = f'{plugin.name}: a directory "bin" at a plugin\'s top is not synced by claude.ai'
        yield _problem("plugin_bin_directory", programs, message, plugin)
    at = next(
        (path for path in (RepoPath(f"{prefix}.claude-plugin/plugin.json"), *below) if path in files.held), prefix
    )
    if len(below) > SYNC_MAX_FILES:
        message = f"{plugin.name}: {len(below):,} files, more than {SYNC_MAX_FILES:,}"
        yield _problem("plugin_over_files", at, message, plugin)
    size_bytes = sum(files.held[path].size_bytes for path in below)
    if size_bytes > SYNC_MAX_BYTES:
        message = f"{plugin.name}: {size_bytes:,} bytes, more than {SYNC_MAX_BYTES:,}"
        yield _problem("plugin_over_size", at, message, plugin)


def bare_sources(marketplace: WrittenMarketplace) -> Iterator[tuple[int, str]]:
    """Line and message of each entry that names its plugin's directory without a path."""
    for entry in marketplace.entries:
        source = entry.source
        if isinstance(source, str) and source != "." and not source.startswith("./"):
            yield entry.line, f"{entry.name}: {source[:80]!r} is a bare name, which claude.ai does not sync"


def _components(
    plugin: Plugin, prefix: str, files: PublishableFiles, contents: Mapping[BlobId, bytes]
) -> Iterator[Problem]:
    for name in _COMPONENTS:
        path = RepoPath(prefix + name)
        file = files.held.get(path)
        content = contents.get(file.oid) if file is not None and file.mode is not Mode.SYMLINK else None
        if content is None:
            continue
        document = read_json(content)
        if isinstance(document, NotJson):
            message = f"{document.message}; Claude Code does not load it"
            yield _problem("plugin_component_not_json", path, message, plugin, document.line)
        elif not isinstance(document.value, dict):
            yield _problem("plugin_component_not_json", path, "must be a JSON object", plugin, 1)


def _below(paths: tuple[RepoPath, ...], prefix: str) -> tuple[RepoPath, ...]:
    if not prefix:
        return paths
    # "/" is followed by "0" in every order of letters, so this is where the directory ends.
    return paths[bisect_left(paths, prefix) : bisect_left(paths, f"{prefix[:-1]}0")]


def _problem(name: str, path: str, message: str, plugin: Plugin, line: int | None = None) -> Problem:
    return Problem(path, name, CODES[name].severity, message, line, plugin.source)
