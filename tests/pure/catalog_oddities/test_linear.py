"""Parsing and discovering take time in proportion to what is there, whatever shape it has. Ratios of process times, no times."""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Callable

import pytest

from skillport_sync.catalog.discover import discover
from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.catalog.manifest import read_marketplace, read_plugin_manifest
from skillport_sync.catalog.skill_md import read_skill_md
from skillport_sync.catalog.sources import wanted_sources

MARKETPLACE = ".claude-plugin/marketplace.json"
TIMES = 8
AT_MOST = 4 * TIMES
"""Linear work takes eight times as long for eight times the input, quadratic work 64 times. Caches and noise have room."""


def plugins(*entries: object, **fields: object) -> bytes:
    """A marketplace.json with these entries."""
    return json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": entries, **fields}).encode()


SHAPES: dict[str, tuple[Callable[[bytes], object], Callable[[int], bytes], int]] = {
    "frontmatter, plain lines": (read_frontmatter, lambda n: b"---\n" + b"key: value\n" * n + b"---\n", 600),
    "frontmatter, colons": (read_frontmatter, lambda n: b"---\na: " + b"b: " * n + b"\n---\n", 2_000),
    "frontmatter, quotes": (read_frontmatter, lambda n: b"---\na: " + b"\"'" * n + b"\n---\n", 3_000),
    "frontmatter, brackets": (read_frontmatter, lambda n: b"---\na: " + b"[" * n + b"\n---\n", 500),
    "frontmatter, spaces": (read_frontmatter, lambda n: b"---\na: b" + b" " * n + b"c\n---\n", 6_000),
    "frontmatter, spaces alone": (read_frontmatter, lambda n: b"---" + b" " * n, 40_000),
    "frontmatter, dashes and spaces": (read_frontmatter, lambda n: b"--- " * n, 20_000),
    "frontmatter, risky lines": (read_frontmatter, lambda n: b"---\n" + b"key: a: b\n" * n + b"---\n", 300),
    "frontmatter, tabs": (read_frontmatter, lambda n: b"---\na:\n" + b"\tb: c\n" * n + b"---\n", 300),
    "frontmatter, block text": (read_frontmatter, lambda n: b"---\na: |\n" + b"  text\n\n" * n + b"---\n", 800),
    "frontmatter, unterminated": (read_frontmatter, lambda n: b"---\n" + b"- -- -\n" * n, 20_000),
    "frontmatter, comments": (read_frontmatter, lambda n: b"---\n" + b"# comment\n" * n + b"---\n", 600),
    "frontmatter, keys set twice": (read_frontmatter, lambda n: b"---\n" + b"a: 1\na: 2\n" * n + b"---\n", 300),
    "body, one line": (read_skill_md, lambda n: b"word " * n, 20_000),
    "body, fences": (read_skill_md, lambda n: b"```\n" * n, 4_000),
    "body, rules": (read_skill_md, lambda n: b"- " * n + b"x\n", 4_000),
    "body, many rules": (read_skill_md, lambda n: (b"* " * 100 + b"x\n") * n, 40),
    "plugin.json, keywords": (read_plugin_manifest, lambda n: json.dumps({"keywords": ["k"] * n}).encode(), 3_000),
    "plugin.json, skills": (read_plugin_manifest, lambda n: json.dumps({"skills": [f"../{i}" for i in range(n)]}).encode(), 300),
    "plugin.json, unknown keys": (read_plugin_manifest, lambda n: json.dumps({f"k{i}": i for i in range(n)}).encode(), 3_000),
    "plugin.json, one key twice among many": (
        read_plugin_manifest, lambda n: b'{"a": 1, "a": 2' + b"".join(b', "k%d": 1' % i for i in range(n)) + b"}", 1_000,
    ),
    "plugin.json, all keys twice": (
        read_plugin_manifest, lambda n: b'{"a": 1' + b"".join(b', "k%d": 1' % (i // 2) for i in range(n)) + b"}", 500,
    ),
    "plugin.json, escapes": (read_plugin_manifest, lambda n: b'{"name": "' + b"\\ud83d" * n + b'"}', 3_000),
    "plugin.json, backslashes": (read_plugin_manifest, lambda n: b'{"name": "' + b"\\\\" * n + b'\\ud800"}', 5_000),
    "plugin.json, empty lines": (read_plugin_manifest, lambda n: b"{" + b"\n" * n + b'"author": "x"}', 50_000),
    "marketplace.json, sound entries": (
        read_marketplace, lambda n: plugins(*({"name": f"n{i}", "source": f"./{i}"} for i in range(n))), 150,
    ),
    "marketplace.json, bad entries": (read_marketplace, lambda n: plugins(*({"name": i} for i in range(n))), 200),
    "marketplace.json, bad fields": (
        read_marketplace,
        lambda n: plugins(*({"name": f"n{i}", "source": f"./{i}", "tags": 1, "author": 1, "strict": 1} for i in range(n))),
        100,
    ),
    "marketplace.json, tags of one entry": (
        read_marketplace, lambda n: plugins({"name": "a", "source": "./a", "tags": ["surface:X"] * n}), 500,
    ),
    "marketplace.json, a chain of renames": (
        read_marketplace, lambda n: plugins(renames={f"n{i}": f"n{i + 1}" for i in range(n)}), 500,
    ),
    "marketplace.json, a chain of renames from its end": (
        read_marketplace, lambda n: plugins(renames={f"n{i + 1}": f"n{i}" for i in range(n)}), 500,
    ),
    "marketplace.json, a circle of renames": (
        read_marketplace, lambda n: plugins(renames={f"n{i}": f"n{(i + 1) % n}" for i in range(n)}), 500,
    ),
    "marketplace.json, renames into a circle": (
        read_marketplace, lambda n: plugins(renames={"b": "a", "a": "b", **{f"n{i}": "a" for i in range(n)}}), 500,
    ),
    "marketplace.json, URLs of one sign": (
        read_marketplace,
        lambda n: plugins({"name": "a", "source": {"source": "url", "url": "https://" + "a@" * n}}), 3_000,
    ),
    "marketplace.json, a long ref": (
        read_marketplace,
        lambda n: plugins({"name": "a", "source": {"source": "github", "repo": "a/b", "ref": "/." * n}}), 5_000,
    ),
    "marketplace.json, a long path": (
        read_marketplace, lambda n: plugins({"name": "a", "source": "./" + "a/" * n + ".."}), 5_000,
    ),
    "sources": (
        lambda content: wanted_sources(content, host="github.com", repository="a/b"),
        lambda n: plugins(*({"name": f"n{i}", "source": {"source": "github", "repo": f"a/r{i}"}} for i in range(n))), 100,
    ),
    "sources, directories of one": (
        lambda content: wanted_sources(content, host="github.com", repository="a/b"),
        lambda n: plugins(
            *({"name": f"n{i}", "source": {"source": "git-subdir", "url": "https://github.com/a/c", "path": f"d{i}"}}
              for i in range(n))
        ), 100,
    ),
}  # fmt: skip


def _cost_s(work: Callable[[], object], rounds: int) -> float:
    """The least process time of one run, of runs of so many: whatever else the machine does only adds to it."""
    taken: list[float] = []
    for _ in range(7):
        began_s = time.process_time()
        for _ in range(rounds):
            work()
        taken.append((time.process_time() - began_s) / rounds)
    return min(taken)


def _grows_linearly(small: Callable[[], object], large: Callable[[], object]) -> None:
    """The best of five attempts counts: another process may take the processor's caches away in one."""
    gc.collect()
    gc.disable()
    try:
        once = max(_cost_s(small, 1), 1e-7)
        rounds = max(1, min(2_000, math.ceil(0.003 / once)))
        ratio = math.inf
        for _ in range(5):
            ratio = min(ratio, _cost_s(large, 1 + rounds // TIMES) / max(_cost_s(small, rounds), 1e-7))
            if ratio <= AT_MOST:
                return
    finally:
        gc.enable()
    raise AssertionError(f"{TIMES} times the input took {ratio:.0f} times as long")


@pytest.mark.parametrize("shape", SHAPES)
def test_parsing_is_linear_in_size(shape):
    read, content, size = SHAPES[shape]
    small, large = content(size), content(size * TIMES)
    _grows_linearly(lambda: read(small), lambda: read(large))


# --- discovering ------------------------------------------------------------------------------------------------------------

ONE = plugins({"name": "p", "source": "./p"})


def _listed(write, n):
    entry = {"name": "p", "source": "./", "skills": [f"./s{i}" for i in range(n)]}
    return {MARKETPLACE: plugins(entry), **{f"s{i}/SKILL.md": write.skill(f"s{i}") for i in range(n)}}


def _one_skill_and(write, more):
    return {MARKETPLACE: ONE, "p/skills/s/SKILL.md": write.skill("s"), "lib/f": b"f", **more}


COLLECTIONS = {
    "skills of one plugin": lambda write, n: {
        MARKETPLACE: ONE, **{f"p/skills/s{i}/SKILL.md": write.skill(f"s{i}") for i in range(n)},
    },
    "skills of one name": lambda write, n: {
        MARKETPLACE: ONE, **{f"p/skills/s{i}/SKILL.md": write.skill("same") for i in range(n)},
    },
    "skills in a list": _listed,
    "plugins": lambda write, n: {
        MARKETPLACE: plugins(*({"name": f"p{i}", "source": f"./p{i}"} for i in range(n))),
        **{f"p{i}/skills/s/SKILL.md": write.skill(f"s{i}") for i in range(n)},
    },
    "entries of one directory": lambda write, n: {
        MARKETPLACE: plugins(*({"name": f"p{i}", "source": "./p"} for i in range(n))), "p/skills/s/SKILL.md": write.skill("s"),
    },
    "directories without an entry": lambda write, n: {
        MARKETPLACE: ONE, **{f"plugins/d{i}/skills/s/SKILL.md": write.skill(f"s{i}") for i in range(n)},
    },
    "SKILL.md that nobody reaches": lambda write, n: {
        MARKETPLACE: ONE, **{f"lost/s{i}/SKILL.md": write.skill(f"s{i}") for i in range(n)},
    },
    "SKILL.md inside a skill": lambda write, n: _one_skill_and(
        write, {f"p/skills/s/d{i}/SKILL.md": write.skill(f"s{i}") for i in range(n)}
    ),
    "links to one skill": lambda write, n: {
        MARKETPLACE: ONE, "lib/s/SKILL.md": write.skill("s"), **{f"p/skills/s{i}": write.link("../../lib/s") for i in range(n)},
    },
    "links that lead nowhere": lambda write, n: {
        MARKETPLACE: ONE, **{f"p/skills/s{i}": write.link("../../gone") for i in range(n)},
    },
    "links in a long chain": lambda write, n: _one_skill_and(
        write, {f"p/skills/s/l{i}": write.link(f"l{i + 1}") for i in range(n)}
    ),
    "links inside one skill": lambda write, n: _one_skill_and(
        write, {f"p/skills/s/l{i}": write.link("../../../lib/f") for i in range(n)}
    ),
    "links that belong to nothing": lambda write, n: _one_skill_and(
        write, {f"docs/l{i}": write.link("../lib/f") for i in range(n)}
    ),
    "files of one skill behind a link": lambda write, n: {
        MARKETPLACE: ONE, "lib/s/SKILL.md": write.skill("s"), "p/skills/s": write.link("../../lib/s"),
        **{f"lib/s/f{i}": b"%d" % i for i in range(n)},
    },
    "submodules of one skill": lambda write, n: _one_skill_and(
        write, {f"p/skills/s/m{i}": write.submodule(f"{i}") for i in range(n)}
    ),
    "LFS pointers of one skill": lambda write, n: _one_skill_and(
        write, {f"p/skills/s/m{i}": write.lfs_pointer(b"%d" % i) for i in range(n)}
    ),
    "files that are not held": lambda write, n: {
        MARKETPLACE: plugins(*({"name": f"p{i}", "source": f"./p{i}"} for i in range(n))),
        **{f"p{i}/skills/s/SKILL.md": write.skill(f"s{i}") for i in range(n)},
        **{f"p{i}/skills/s/big": write.not_held(b"%d" % i) for i in range(n)},
    },
}  # fmt: skip


@pytest.mark.parametrize("shape", COLLECTIONS)
def test_discovering_is_linear_in_size(write, discovered, shape):
    small, large = (discovered.source(COLLECTIONS[shape](write, n)) for n in (150, 150 * TIMES))
    _grows_linearly(lambda: discover(small, None), lambda: discover(large, None))


@pytest.mark.parametrize("shape", COLLECTIONS)
def test_discovering_again_is_linear_in_size(write, discovered, shape):
    small, large = (discovered.source(COLLECTIONS[shape](write, n)) for n in (150, 150 * TIMES))
    of_small, of_large = discover(small, None)[1], discover(large, None)[1]
    _grows_linearly(lambda: discover(small, of_small), lambda: discover(large, of_large))
