"""Owns the making of snapshots from files in memory, and of secrets that are nobody's."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Callable, Iterable, Mapping

import pytest

from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import ZERO_ID, CommitId, Mode, blob_id
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import Refused, Snapshot, SourceInput, SourceState, assemble

Files = Mapping[str, str | bytes]


class Maker:
    """Makes what is linted."""

    def source(self, files: Files, *, links: Iterable[str] = (), absent: Iterable[str] = ()) -> SourceInput:
        """These files as a verified source; ``links`` are symbolic links, whose content is their target."""
        raw = {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}
        entries = {
            path.encode(): Entry(Mode.SYMLINK if path in links else Mode.FILE, blob_id(content), len(content))
            for path, content in raw.items()
        }
        held = {
            blob_id(content): BlobFact(len(content), hashlib.sha256(content).digest())
            for path, content in raw.items()
            if path not in absent
        }
        contents = {blob_id(content): content for path, content in raw.items() if path not in absent}
        trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
        state = SourceState(OWN_SOURCE, "acme/skills", CommitId(ZERO_ID), trees[b""])
        return SourceInput(state, entries, trees, held, contents)

    def assembled(self, source: SourceInput) -> Snapshot | Refused:
        return assemble(MarketplaceName("acme"), [source], None)

    def snapshot(
        self, files: Files, *, links: Iterable[str] = (), absent: Iterable[str] = ()
    ) -> tuple[Snapshot, SourceInput]:
        """The snapshot of a marketplace with these files; marketplace.json is made for ``plugins/*`` where there is none."""
        source = self.source({**_manifest(files), **files}, links=links, absent=absent)
        snapshot = self.assembled(source)
        assert isinstance(snapshot, Snapshot), str(snapshot)
        return snapshot, source

    def secret(self, length: int, letters: str = string.ascii_letters + string.digits, seed: str = "nobody's") -> str:
        """Letters that look random and are the same every time."""
        made = ""
        for count in range(length):
            digest = hashlib.sha256(f"{seed} {letters} {count}".encode()).digest()
            made += letters[int.from_bytes(digest[:8]) % len(letters)]
        return made


def _manifest(files: Files) -> Files:
    names = sorted({path.split("/")[1] for path in files if path.startswith("plugins/")})
    plugins = [{"name": name, "source": f"./plugins/{name}"} for name in names]
    written = json.dumps({"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": plugins}, indent=1)
    return {".claude-plugin/marketplace.json": written}


@pytest.fixture(scope="session")
def maker() -> Maker:
    return Maker()


@pytest.fixture(scope="session")
def skill_md() -> Callable[..., str]:
    """``skill_md(name, description, **more)``: a SKILL.md with this frontmatter, one line a key."""

    def write(
        name: str = "pdf", description: str = "Fills PDF forms from a table.", body: str = "Do it.\n", **more: str
    ) -> str:
        lines = {
            "name": name,
            "description": description,
            **{key.replace("_", "-"): value for key, value in more.items()},
        }
        return "---\n" + "".join(f"{key}: {value}\n" for key, value in lines.items()) + f"---\n\n{body}"

    return write
