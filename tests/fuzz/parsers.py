"""Owns the parsers as targets: what people and GitHub write, read by the pure rooms. Their promise is that they never raise, but
for the archive's, which says ``Broken`` or ``Unavailable``.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

import orjson

from mcp_server.install.package_frontmatter import for_upload
from mcp_server.marketplace.manifests import entry_of, reduced, version_of, with_version
from skillport_sync.access.decide import decide, is_editor, readable
from skillport_sync.access.model import Action, Malformed, Principal, PrincipalId
from skillport_sync.access.policy import read_policy
from skillport_sync.access.unused import unused_rules
from skillport_sync.catalog.manifest import read_marketplace, read_plugin_manifest
from skillport_sync.catalog.model import OWN_SOURCE
from skillport_sync.catalog.skill_md import read_skill_md
from skillport_sync.catalog.sources import wanted_sources
from skillport_sync.catalog.written_json import JsonText, read_json
from skillport_sync.errors import Broken, Unavailable
from skillport_sync.files import BlobFact
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import CommitId, Mode, blob_id
from skillport_sync.github.archive import Unpacker
from skillport_sync.github.tar import TarReader
from skillport_sync.lint.linting import lint
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import Refused, Snapshot, SourceInput, SourceState, assemble
from tests.fuzz import corpora
from tests.fuzz.mutation import as_json, of, spoiled_bytes, spoiled_json
from tests.fuzz.target import Attempt, Target, WrongError, showing

LIMIT_S: Final = 2.0
MOST_BYTES: Final = 1_000_000
MOST_MEMBERS: Final = 1_000
WHOLE: Final = 0.1
"""So many of the cases are tried as part of a whole marketplace, which takes longer than one file."""
COMMIT: Final = CommitId("c" * 40)
PEOPLE: Final = (
    Principal(PrincipalId("google:1"), "Ada", "ada@acme.example", frozenset({"staff"}), frozenset({("dept", "sales")})),
    Principal(PrincipalId("test:reader"), "Nobody"),
)


def targets() -> list[Target]:
    return [
        Target("frontmatter", 20_000, LIMIT_S, _pure(skill_md)),
        Target("access.json", 16_000, LIMIT_S, _pure(policy)),
        Target("marketplace.json", 14_000, LIMIT_S, _pure(marketplace)),
        Target("plugin.json", 14_000, LIMIT_S, _pure(manifest)),
        Target("tar", 24_000, LIMIT_S, _pure(tar)),
    ]


def skill_md(rng: Random) -> None:
    """A SKILL.md: what it says, and its package for an upload."""
    content = spoiled_bytes(rng, of(rng, corpora.SKILL_MDS), corpora.SKILL_MDS)
    with showing(content):
        said = read_skill_md(content)
        orjson.dumps(dict(said.frontmatter))  # values hold only what JSON can carry
        if said.name is not None and not said.name.isprintable():
            raise WrongError(f"a name of more than one line: {said.name!r}")
        with suppress(UnicodeDecodeError):
            content.decode()
            for_upload(content, "writing", "writing")
        if rng.random() < WHOLE:
            _whole({**corpora.FILES, "plugins/writing/skills/plain-language/SKILL.md": content})


def policy(rng: Random) -> None:
    """An access.json, and whom it lets do what."""
    content = as_json(rng, spoiled_json(rng, of(rng, corpora.POLICIES), corpora.JSON_WORDS))
    with showing(content):
        read = read_policy(content)
        if not isinstance(read, Malformed):
            catalog = _example().catalog
            unused_rules(read, catalog)
            for person in PEOPLE:
                seen = readable(read, person, catalog)
                is_editor(read, person)
                for skill in catalog.skills:
                    if (skill in seen) != bool(type(decide(read, person, Action.READ, skill)).__name__ == "Allowed"):
                        raise WrongError(f"{skill.name} is listed otherwise than it is decided")
        if rng.random() < WHOLE / 2:
            whole = _whole({**corpora.FILES, corpora.POLICY_PATH: content})
            if isinstance(read, Malformed) != isinstance(whole, Refused):
                raise WrongError("a malformed policy is published, or a good one refused")


def marketplace(rng: Random) -> None:
    """A marketplace.json, and the marketplace that it makes."""
    content = as_json(rng, spoiled_json(rng, of(rng, corpora.MARKETPLACES), corpora.JSON_WORDS))
    with showing(content):
        read_marketplace(content)
        wanted_sources(content, host="github.com", repository="acme/skills")
        if rng.random() < WHOLE * 2:
            _whole({**corpora.FILES, corpora.MARKETPLACE_PATH: content})


def manifest(rng: Random) -> None:
    """A plugin.json, and what an archive makes of it."""
    content = as_json(rng, spoiled_json(rng, of(rng, corpora.MANIFESTS), corpora.JSON_WORDS))
    written = as_json(rng, spoiled_json(rng, of(rng, corpora.MARKETPLACES)["plugins"][0], corpora.JSON_WORDS))
    with showing(content, written):
        read = read_json(written)
        entry: Mapping[str, object] = read.value if isinstance(read, JsonText) and isinstance(read.value, dict) else {}
        read_plugin_manifest(content)
        version = version_of(content, entry)
        orjson.loads(reduced(content, ["skills/a", "b"], version))
        changed = with_version(content, "9.9.9")
        if changed != content and version_of(changed, entry) != "9.9.9":
            raise WrongError(f"a version that does not take: {changed!r}")
        for parts in (None, ["skills/a"]):
            made = entry_of(entry, {"source": "x"}, version, parts=parts, has_manifest=rng.random() < 0.5, lacking=True)
            orjson.dumps(made)
        if rng.random() < WHOLE:
            _whole({**corpora.FILES, "plugins/writing/.claude-plugin/plugin.json": content})


def tar(rng: Random) -> None:
    """An archive as it streams in: in any pieces, gzipped or not, damaged before or after."""
    plain = of(rng, _tars())
    data = spoiled_bytes(rng, plain, _tars()) if rng.random() < 0.8 else plain
    with showing(data), suppress(Broken, Unavailable):
        if rng.random() < 0.3:
            packed = gzip.compress(data, 1)
            _unpack(rng, spoiled_bytes(rng, packed) if rng.random() < 0.5 else packed)
            return
        reader = TarReader(max_bytes=MOST_BYTES, max_members=MOST_MEMBERS)
        for piece in _pieces(rng, data):
            for member in reader.feed(piece):
                if len(member.content) > MOST_BYTES:
                    raise WrongError("a member larger than the archive may be")
        reader.close()


def _unpack(rng: Random, packed: bytes) -> None:
    unpacker = Unpacker(COMMIT, max_bytes=MOST_BYTES, max_members=MOST_MEMBERS)
    for piece in _pieces(rng, packed):
        unpacker.put(piece)
        while not unpacker.is_hungry:
            unpacker.step()
    unpacker.close()


def _pieces(rng: Random, data: bytes) -> list[bytes]:
    cuts = sorted({0, len(data), *(rng.randint(0, len(data)) for _ in range(rng.randrange(6)))})
    return [data[start:end] for start, end in pairwise(cuts)]


def _whole(files: Mapping[str, bytes]) -> Snapshot | Refused:
    """All that is published of these files, linted too."""
    contents = {blob_id(content): content for content in files.values()}
    held = {oid: BlobFact(len(content), hashlib.sha256(content).digest()) for oid, content in contents.items()}
    entries = {path.encode(): Entry(Mode.FILE, blob_id(content), len(content)) for path, content in files.items()}
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    state = SourceState(OWN_SOURCE, "acme/skills", COMMIT, trees[b""])
    made = assemble(MarketplaceName("acme"), [SourceInput(state, entries, trees, held, contents)], None)
    if isinstance(made, Snapshot):
        lint(made, contents)
    return made


@cache
def _example() -> Snapshot:
    made = _whole(corpora.FILES)
    assert isinstance(made, Snapshot)
    return made


@cache
def _tars() -> tuple[bytes, ...]:
    return corpora.tars()


def _pure(work: Callable[[Random], None]) -> Callable[[Path], AbstractAsyncContextManager[Attempt]]:
    @asynccontextmanager
    async def opened(_folder: Path) -> AsyncIterator[Attempt]:
        async def attempt(rng: Random) -> None:
            work(rng)

        yield attempt

    return opened
