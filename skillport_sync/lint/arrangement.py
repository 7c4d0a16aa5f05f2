"""Owns what files that nobody published yet are: a marketplace, a plugin or a skill, the latter two arranged as a marketplace of
their own so that one way of linting does for all. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from skillport_sync.catalog.discover import MANIFEST_PATH
from skillport_sync.catalog.manifest import read_plugin_manifest
from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.catalog.names import is_plugin_name
from skillport_sync.catalog.skill_files import SPELLINGS
from skillport_sync.errors import Invalid
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import ZERO_ID, BlobId, CommitId, Mode, blob_id
from skillport_sync.git.paths import PathProblem, check_path
from skillport_sync.snapshot import SourceInput, SourceState

_PLUGIN_JSON = ".claude-plugin/plugin.json"


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files by raw path, what is known of their contents, and the contents: looked up, never iterated."""

    entries: Mapping[bytes, Entry]
    held: Mapping[BlobId, BlobFact]
    contents: Mapping[BlobId, bytes]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Files that are to be linted, as a marketplace."""

    title: str
    """What was asked for, for people."""
    source: SourceInput
    below: str = ""
    """Where the files of a plugin or skill were put; left out again of every path that is told."""
    made_up: Mapping[str, str | None] = field(default_factory=dict)
    """Files that are not there, and where what is wrong with them is to be mended; None: nothing is."""


def arranged(title: str, name: str, files: LocalFiles) -> Arrangement:
    """These files, which lie in a directory of this name, as a marketplace.

    Raises:
        Invalid: they are neither a marketplace nor a plugin nor a skill.
    """
    if MANIFEST_PATH.encode() in files.entries:
        return Arrangement(title, _source(files.entries, files.held, files.contents))
    below = name if not isinstance(check_path(name.encode("utf-8", "surrogateescape")), PathProblem) else "linted"
    manifest = files.entries.get(_PLUGIN_JSON.encode())
    is_skill = any(spelling.encode() in files.entries for spelling in SPELLINGS)
    fallback = below if is_plugin_name(below) else "linted"
    if manifest is not None or (_holds_skills(files) and not is_skill):
        plugin = {"name": _written_name(files, manifest) or fallback, "source": f"./{below}"}
        return _as_marketplace(title, below, plugin, files, None if manifest is None else _PLUGIN_JSON)
    if is_skill:
        return _as_marketplace(title, below, {"name": fallback, "source": "./", "skills": [f"./{below}"]}, files, None)
    raise Invalid(
        f"{title} holds no {MANIFEST_PATH}, no plugin ({_PLUGIN_JSON} or skills/) and no SKILL.md:"
        " name the directory of a marketplace, a plugin or a skill"
    )


def _as_marketplace(
    title: str, below: str, plugin: Mapping[str, object], files: LocalFiles, instead: str | None
) -> Arrangement:
    written = json.dumps({"name": "linted", "owner": {"name": "linted"}, "plugins": [plugin]}).encode()
    oid = blob_id(written)
    entries = {f"{below}/".encode() + path: entry for path, entry in files.entries.items()}
    entries[MANIFEST_PATH.encode()] = Entry(Mode.FILE, oid, len(written))
    held = {**files.held, oid: BlobFact(len(written), hashlib.sha256(written).digest())}
    source = _source(entries, held, _AndOne(oid, written, files.contents))
    return Arrangement(title, source, below, {MANIFEST_PATH: instead})


class _AndOne(Mapping[BlobId, bytes]):
    """Contents, and one that is not among them."""

    def __init__(self, oid: BlobId, content: bytes, others: Mapping[BlobId, bytes]) -> None:
        self._oid = oid
        self._content = content
        self._others = others

    def __getitem__(self, oid: BlobId) -> bytes:
        return self._content if oid == self._oid else self._others[oid]

    def __iter__(self) -> Iterator[BlobId]:
        yield from {self._oid, *self._others}

    def __len__(self) -> int:
        return len({self._oid, *self._others})


def _source(
    entries: Mapping[bytes, Entry], held: Mapping[BlobId, BlobFact], contents: Mapping[BlobId, bytes]
) -> SourceInput:
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    state = SourceState(OWN_SOURCE, "", CommitId(ZERO_ID), trees[b""])
    return SourceInput(state, entries, trees, held, contents)


def _holds_skills(files: LocalFiles) -> bool:
    return any(path.startswith(b"skills/") and path.upper().endswith(b"/SKILL.MD") for path in files.entries)


def _written_name(files: LocalFiles, manifest: Entry | None) -> str | None:
    content = None if manifest is None else files.contents.get(manifest.oid)
    read = None if content is None else read_plugin_manifest(content)[0]
    return read.name if read is not None and read.name and is_plugin_name(read.name) else None
