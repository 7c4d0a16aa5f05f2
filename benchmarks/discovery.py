"""Owns what it costs to find out what a commit means: all of it anew, after a push to one plugin, and through links.

CPU time of this process, nothing else takes part. The baseline is a YAML parser that gets the same frontmatter, cut out before
the clock starts: who reads a marketplace at all does not get by with less.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from ruamel.yaml import YAML

from benchmarks.content import LARGE, SMALL, Size, marketplace, skill_directory
from benchmarks.cores import Cores, pin
from benchmarks.figures import Figure
from skillport_sync.catalog.discover import Memo, discover
from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.catalog.model import Catalog, SourceFiles
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import BlobId, Mode, blob_id
from skillport_sync.git.paths import RepoPath

TITLE = "Discovery: 840 skills in 17 500 files"
SERVES_HERE = False
DISCOVERY = 2.0
PUSHED_PLUGIN = 1
"""Which plugin is pushed to: any."""
_FENCE = b"---\n"


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """In turns, so that whatever slows the machine down slows all of them down."""
    pin(cores.server)
    size, rounds = (SMALL, 2) if quick else (LARGE, 15)
    files = marketplace(size)
    own = _source(files)
    odd_files = {path: _odd(content) if path.endswith("/SKILL.md") else content for path, content in files.items()}
    odd = _source(odd_files)
    skill_mds = _skill_mds(files)
    blocks, odd_blocks = _blocks(skill_mds), _blocks(_skill_mds(odd_files))
    _, memo = _discovered(own, None)
    pushed = _source(files | _push(size))
    linked = _source(*_through_links(files, size))
    taken = _in_turns(
        {
            "yaml": lambda: _parse(blocks),
            "odd yaml": lambda: _parse(odd_blocks),
            "frontmatter": lambda: [read_frontmatter(content) for content in skill_mds],
            "anew": lambda: _discovered(own, None),
            "odd": lambda: _discovered(odd, None),
            "push": lambda: _discovered(pushed, memo),
            "same": lambda: _discovered(own, memo),
            "links": lambda: _discovered(linked, None),
        },
        rounds,
    )
    what = f"{size.skills:,} skills in {size.files:,} files"
    alone = "the same YAML through ruamel.yaml alone"
    return [
        Figure(
            f"discovery anew: {what}",
            taken["anew"],
            "ms",
            taken["yaml"],
            alone,
            DISCOVERY,
            "ratio",
            f"ordinary frontmatter does not go through it; {rounds} rounds, median CPU time",
        ),
        Figure(
            "the same, none of the frontmatter ordinary",
            taken["odd"],
            "ms",
            taken["odd yaml"],
            alone,
            DISCOVERY,
            "ratio",
            "the same parser in both",
        ),
        Figure(
            "the same as the first", taken["anew"], "ms", taken["frontmatter"], "our own reader of frontmatter alone"
        ),
        Figure("the same skills, each reached through a link", taken["links"], "ms", taken["anew"], "without links"),
        Figure("after a push to one plugin", taken["push"], "ms", taken["anew"], "discovery anew"),
        Figure("after a push that changes nothing", taken["same"], "ms", taken["anew"], "discovery anew"),
        _read_again(pushed, memo, size),
    ]


def _read_again(pushed: SourceFiles, memo: Memo, size: Size) -> Figure:
    """Counted, not timed: which contents are looked at when one plugin of all has changed."""
    anew, again = _Counted(pushed.contents), _Counted(pushed.contents)
    expected, _ = _discovered(SourceFiles(pushed.files, pushed.trees, anew), None)
    found, _ = _discovered(SourceFiles(pushed.files, pushed.trees, again), memo)
    if found != expected:
        raise AssertionError("what a push left is not what discovering anew finds")
    plugin = skill_directory(size, PUSHED_PLUGIN).partition("/skills/")[0]
    its_own = sum(path.startswith(f"{plugin}/") and path.endswith((".json", "/SKILL.md")) for path in pushed.files)
    return Figure(
        "files read again after a push to one plugin",
        len(again.asked),
        "",
        len(anew.asked),
        "files read anew",
        its_own,
        note="at most its plugin.json and its SKILL.md files",
    )


class _Counted(Mapping[BlobId, bytes]):
    """Contents that remember which of them were asked for."""

    def __init__(self, contents: Mapping[BlobId, bytes]) -> None:
        self._contents = contents
        self.asked: set[BlobId] = set()

    def __getitem__(self, oid: BlobId) -> bytes:
        self.asked.add(oid)
        return self._contents[oid]

    def __iter__(self) -> Iterator[BlobId]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)


def _in_turns(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of CPU of each."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            began_s = time.process_time()
            run()
            taken[name].append((time.process_time() - began_s) * 1000)
    return {name: statistics.median(found) for name, found in taken.items()}


def _discovered(own: SourceFiles, memo: Memo | None) -> tuple[Catalog, Memo]:
    found = discover(own, memo)
    if not isinstance(found, tuple):
        raise AssertionError(found.message)
    return found


def _skill_mds(files: Mapping[str, bytes]) -> list[bytes]:
    return [content for path, content in files.items() if path.endswith("/SKILL.md")]


def _odd(skill_md: bytes) -> bytes:
    """The same with a line that is YAML and not ordinary."""
    opening, block, body = skill_md.split(_FENCE, 2)
    return opening + _FENCE + block + b"metadata: {team: office}\n" + _FENCE + body


def _blocks(skill_mds: list[bytes]) -> list[str]:
    """The frontmatter of each."""
    return [content.split(_FENCE, 2)[1].decode() for content in skill_mds]


def _parse(blocks: list[str]) -> list[object]:
    parser = YAML(typ="safe", pure=True)
    return [parser.load(block) for block in blocks]


def _source(files: Mapping[str, bytes], links: Mapping[str, str] = MappingProxyType({})) -> SourceFiles:
    """These files, and these links by what they lead to, as a verified commit would hold them."""
    leaves = {path: (Mode.FILE, content) for path, content in files.items()}
    leaves |= {path: (Mode.SYMLINK, target.encode()) for path, target in links.items()}
    entries = {RepoPath(path): Entry(mode, blob_id(content), len(content)) for path, (mode, content) in leaves.items()}
    ids = tree_ids({path.encode(): (entry.mode, entry.oid) for path, entry in entries.items()})
    contents = {entries[RepoPath(path)].oid: content for path, (_, content) in leaves.items()}
    return SourceFiles(entries, {raw.decode(): tree for raw, tree in ids.items()}, contents)


def _push(size: Size) -> dict[str, bytes]:
    """One SKILL.md of one plugin, rewritten."""
    directory = skill_directory(size, PUSHED_PLUGIN)
    name = directory.rpartition("/")[2]
    return {f"{directory}/SKILL.md": f"---\nname: {name}\ndescription: Says something else.\n---\n\nBody\n".encode()}


def _through_links(files: Mapping[str, bytes], size: Size) -> tuple[dict[str, bytes], dict[str, str]]:
    """The same skills in a library of their own, and a link to each in its plugin."""
    moved: dict[str, bytes] = {}
    for path, content in files.items():
        before, between, after = path.partition("/skills/")
        moved[f"library/{after}" if between else before] = content
    directories = [skill_directory(size, at) for at in range(size.skills)]
    return moved, {directory: f"../../../library/{directory.rpartition('/')[2]}" for directory in directories}
