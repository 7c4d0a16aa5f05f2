"""What holds of every catalog, whatever the repository: parsing is total, order and neighbours mean nothing, a memo saves work
only. (Linear time, and links of any shape, are proved beside the oddities.)
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.discover import EMPTY_MEMO, MANIFEST_PATH, Memo, Undiscoverable, discover
from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.catalog.manifest import Marketplace, read_marketplace, read_plugin_manifest
from skillport_sync.catalog.model import Catalog, Problem, Skill, SourceFiles, SourceKey
from skillport_sync.catalog.skill_md import read_skill_md
from skillport_sync.catalog.sources import wanted_sources
from skillport_sync.files import BlobFact, publishable
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import EMPTY_TREE, Mode, blob_id

POLICY_PATH = ".skillport/access.json"
TOOLS = SourceKey("acme/tools@HEAD")


class Leaf(bytes):
    """A leaf that is not simply its bytes; shown as what it is where an example fails."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({bytes(self)!r})"


class Link(Leaf):
    """A symbolic link to this target."""


class Submodule(Leaf):
    """A gitlink to this commit."""


class NotHeld(Leaf):
    """A file whose content the store does not hold."""


Files = Mapping[str, bytes]
_MODES = {Link: Mode.SYMLINK, Submodule: Mode.SUBMODULE}


def source(files: Files) -> SourceFiles:
    """These files as a verified source, with their real ids; what may not be published is left out."""
    entries = {
        path.encode(): Entry(_MODES.get(type(content), Mode.FILE), blob_id(bytes(content)), len(content))
        for path, content in files.items()
    }
    held = [bytes(content) for content in files.values() if not isinstance(content, NotHeld | Submodule)]
    contents = {blob_id(content): content for content in held}
    facts = {oid: BlobFact(len(content), hashlib.sha256(content).digest()) for oid, content in contents.items()}
    published = publishable(entries, facts, None).entries
    trees = {raw.decode(): tree for raw, tree in tree_ids({at: (e.mode, e.oid) for at, e in entries.items()}).items()}
    absent = (path for path, entry in published.items() if entry.mode.has_content and entry.oid not in contents)
    return SourceFiles(published, trees, contents, frozenset(absent))


def catalog(files: Files, theirs: Files | None = None) -> Catalog:
    others = {} if theirs is None else {TOOLS: source(theirs)}
    found = discover(source(files), None, others=others, repository="acme/skills")
    assert not isinstance(found, Undiscoverable), found
    return found[0]


def marketplace(*entries: object, **fields: object) -> bytes:
    return json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": list(entries), **fields}, indent=1).encode()


def skill(name: str, description: str = "Does it.") -> bytes:
    return f"---\nname: {name}\ndescription: {description}\n---\n\nBody\n".encode()


def possible(files: Files) -> dict[str, bytes]:
    """Without the files that cannot be, because a file stands where their directory would be."""
    return {path: its for path, its in files.items() if not any(path.startswith(f"{other}/") for other in files)}


# --- generated repositories -------------------------------------------------------------------------------------------------

PLUGINS = ["a", "b", "c"]
_IN_A_PLUGIN = [
    ".claude-plugin/plugin.json", "SKILL.md", "skills", "skills/x", "skills/x/SKILL.md", "skills/x/notes.md", "skills/x/sub",
    "skills/x/sub/SKILL.md", "skills/y", "skills/y/SKILL.md", "skills/y/skill.md", "more", "more/z", "more/z/SKILL.md", "other",
]  # fmt: skip
PLACES = [
    *(f"p/{name}" for name in PLUGINS),
    *(f"p/{name}/{rest}" for name in PLUGINS for rest in _IN_A_PLUGIN),
    "SKILL.md", "skills/r/SKILL.md", "skills/r/up", "lib", "lib/one/SKILL.md", "lib/one/back", "lib/two", "lost/SKILL.md",
    "p/A/other.txt", "p/draft/skills/d/SKILL.md", "p/draft/.claude-plugin/plugin.json", POLICY_PATH, ".skillport/x",
]  # fmt: skip
STEPS = st.sampled_from(
    ["..", "..", "..", ".", "a", "b", "x", "y", "p", "skills", "more", "lib", "one", "two", "sub", "SKILL.md", "notes.md",
     "other", ".skillport", "access.json", ".git", "config", "r", "up", "back"]
)  # fmt: skip
TARGETS = st.one_of(
    st.lists(STEPS, min_size=1, max_size=6).map("/".join),
    st.sampled_from(["/", "/etc/passwd", ".", "..", "x/", "../../../lib/one", "../../lib/one", "../lib/one"]),
    st.sampled_from(PLACES).map(lambda path: f"../../../{path}"),
    st.sampled_from(PLACES).map(lambda path: f"../../{path}"),
)
LINKS = TARGETS.map(lambda target: Link(target.encode()))
CONTENTS = st.one_of(
    st.sampled_from(
        [
            skill("one"), skill("two"), skill("two", "Use when: asked"), b"no frontmatter", b"---\nname: [\n---\n", b"\xff\xfe",
            b'{"name": "a", "version": "1"}', b'{"name": "b", "skills": ["./more", "./missing"]}', b'{"skills": "./"}', b"{",
            NotHeld(b"huge"), Submodule(b"a commit"),
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n",
        ]
    ),
    LINKS,
)  # fmt: skip
STATES = st.dictionaries(st.sampled_from(PLACES), CONTENTS, min_size=5, max_size=25)
THEIRS = st.one_of(st.none(), st.dictionaries(st.sampled_from(_IN_A_PLUGIN), CONTENTS, max_size=10))
SOURCES = st.sampled_from(
    ["./", "./p", "./missing", "c", 5, {"source": "npm", "package": "x"}, {"source": "github", "repo": "acme/tools"},
     {"source": "git-subdir", "url": "https://github.com/acme/tools", "path": "skills"}, "./p/a", "./p/b", "./lib",
     {"source": "github", "repo": "acme/skills"}, "../up", {}, "./.skillport"]
)  # fmt: skip
MORE_FIELDS: st.SearchStrategy[dict[str, object]] = st.sampled_from(
    [{}, {}, {"skills": "./more"}, {"skills": ["./more/z", "./skills/x", "./"]}, {"skills": 7}, {"version": "2"},
     {"strict": False}, {"tags": ["surface:CC"]}, {"tags": "x"}, {"keywords": ["k"], "author": "Ada"}]
)  # fmt: skip


@st.composite
def entries_of(draw: st.DrawFn) -> list[object]:
    """Most plugins where they belong, so that a push leaves most of a marketplace as it was."""
    entries: list[object] = []
    for name in draw(st.permutations([*PLUGINS, "tools", "root"])):
        if draw(st.integers(0, 5)) == 0:
            continue
        usual: object = f"./p/{name}" if name in PLUGINS else {"source": "github", "repo": "acme/tools"}
        where = draw(SOURCES) if draw(st.integers(0, 3)) == 0 else usual
        entries.append({"name": name, "source": where, **draw(MORE_FIELDS)})
    if draw(st.integers(0, 4)) == 0:
        entries.insert(draw(st.integers(0, len(entries))), draw(st.sampled_from(["text", {}, {"name": "a b"}, None])))
    return entries


ENTRIES = entries_of()


def manifest_of(entries: list[object]) -> bytes:
    return marketplace(*entries, metadata={"pluginRoot": "./p"}, renames={"old": "a", "older": "old", "gone": None})


MARKETPLACES = ENTRIES.map(manifest_of)
GENERATED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# --- parsing is total -------------------------------------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(["./", "a", "../b"])),
    lambda below: st.one_of(
        st.lists(below, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["name", "source", "plugins", "owner", "metadata", "pluginRoot", "skills", "version", "author", "tags",
                 "keywords", "strict", "renames", "repo", "url", "path", "ref", "sha", "description", "category",
                 "repository", "hooks"]
            ),
            below,
            max_size=6,
        ),
    ),
    max_leaves=25,
)  # fmt: skip
SOUND = [
    skill("a"),
    marketplace({"name": "a", "source": "./a", "skills": ["./x"], "author": {"name": "A"}}, renames={"b": "a"}),
    b'{"name": "a", "version": "1.0.0", "author": {"name": "A"}, "skills": ["./x"], "keywords": ["k"]}',
    b"---\nname: >-\n  a\n  b\nlist: [a, 'b', {c: d}]\nwhen: Use when: so\n\tmore: &x *x\n---\nText --- here\n",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sound document, cut, doubled or with other bytes in it."""
    content = draw(st.sampled_from(SOUND))
    for _ in range(draw(st.integers(1, 3))):
        at, until = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        between = draw(
            st.one_of(st.binary(max_size=6), st.sampled_from([b"---", b"\r\n", b"\xef\xbb\xbf", b'"', b"{", b"["]))
        )
        content = content[:at] + between + content[until:]
    return content


BYTES = st.one_of(
    st.binary(max_size=200),
    damaged(),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    st.lists(JSON_VALUES, max_size=4).map(lambda entries: json.dumps({"plugins": entries}).encode()),
)


def _everything_about(content: bytes) -> Iterator[tuple[object, int | None]]:
    """All that the parsers say of these bytes: what is published of it as JSON, and at which line."""
    frontmatter = read_frontmatter(content)
    yield dict(frontmatter.values), None
    text = read_skill_md(content)
    yield [text.name, text.description, dict(text.frontmatter)], None
    manifest, remarks = read_plugin_manifest(content)
    yield [manifest.name if manifest else None], None
    read = read_marketplace(content)
    found = read.remarks if isinstance(read, Marketplace) else ()
    for remark in (*frontmatter.problems, *text.remarks, *remarks, *found):
        yield [remark.code, remark.severity, remark.message], remark.line
    if isinstance(read, Marketplace):
        for entry, line in read.entries:
            yield [entry.name, entry.category, entry.tags], line
    else:
        yield [read.code, read.message], read.line
    for wish in wanted_sources(content, host="github.com", repository="acme/skills"):
        yield [wish.key, wish.repository, wish.ref, wish.sha, wish.directories], None


@given(BYTES)
@example(b"[" * 100_000)
@example(b'{"plugins": [' + b'{"source": ' * 2_000)
@example(b"---\n" + b"- " * 20_000 + b"\n---\n")
@example(b"---\n" + b"{a: " * 5_000 + b"\n---\n")
@example(b"---\n" + b"a:\n " * 2_000 + b"\n---\n")
@example(b'{"plugins": [], "renames": {"a": "b", "b": "a", "c": "a"}}')
@example(b'{"name": "\\ud800", "plugins": [{"name": "\\udfff", "source": "./\\ud83d"}]}')
@example(b'{"plugins": [{"name": "a", "source": {"source": "url", "url": "\\ud800://a@b/c"}}]}')
@example(b'{"plugins": [], "name": 1' + b"0" * 5_000 + b"}")
@settings(max_examples=600, deadline=None)
def test_parsing_is_total_on_any_bytes_and_what_it_says_can_be_sent(content: bytes) -> None:
    lines = content.count(b"\n") + 1
    for said, line in _everything_about(content):
        orjson.dumps(said)
        assert line is None or 1 <= line <= lines, (said, line)


@given(STATES, st.one_of(BYTES, MARKETPLACES), st.sampled_from(PLACES), BYTES, THEIRS)
@GENERATED
def test_discovering_is_total_whatever_the_files_hold(
    files: dict[str, bytes], manifest: bytes, place: str, content: bytes, theirs: dict[str, bytes] | None
) -> None:
    own = source(possible({**files, place: content, MANIFEST_PATH: manifest}))
    others = {} if theirs is None else {TOOLS: source(possible(theirs))}
    found = discover(own, None, others=others, repository="acme/skills")
    if isinstance(found, Undiscoverable):
        return
    for problem in found[0].problems:
        orjson.dumps([problem.source, problem.path, problem.code, problem.severity, problem.message, problem.line])
    for its in found[0].skills:
        orjson.dumps([its.label, its.directory, its.description, dict(its.frontmatter), its.revision, its.version])


# --- order and neighbours mean nothing --------------------------------------------------------------------------------------


@given(STATES, MARKETPLACES, THEIRS, st.randoms(use_true_random=False))
@GENERATED
def test_the_order_of_files_and_sources_means_nothing(
    files: dict[str, bytes], manifest: bytes, theirs: dict[str, bytes] | None, chance: random.Random
) -> None:
    own = source(possible({**files, MANIFEST_PATH: manifest}))
    others = {TOOLS: source(possible(theirs or {})), SourceKey("z/z@HEAD"): source({}), SourceKey("a/a@v1"): source({})}
    shuffled = {key: _shuffled(others[key], chance) for key in chance.sample(sorted(others), len(others))}
    expected = discover(own, None, others=others, repository="acme/skills")
    assert discover(_shuffled(own, chance), None, others=shuffled, repository="acme/skills") == expected


def _shuffled(own: SourceFiles, chance: random.Random) -> SourceFiles:
    paths, directories = list(own.files), list(own.trees)
    chance.shuffle(paths)
    chance.shuffle(directories)
    return replace(own, files={p: own.files[p] for p in paths}, trees={d: own.trees[d] for d in directories})


_POSITION = re.compile(r"(?<=plugins\.)[0-9]+")


def _told(problems: tuple[Problem, ...]) -> set[tuple[str, str, str, str]]:
    """Without lines and positions: those of marketplace.json move with its entries."""
    return {(told.source, told.path, told.code, _POSITION.sub("", told.message)) for told in problems}


def _settled(skills: tuple[Skill, ...]) -> list[Skill]:
    """Skills at the root of the repository hold everything, marketplace.json too: what they are made of moves with it."""
    return [
        replace(skill, revision=EMPTY_TREE, linked=None, incomplete=False) if _holds_manifest(skill) else skill
        for skill in skills
    ]


def _holds_manifest(skill: Skill) -> bool:
    return skill.directory in ("", ".claude-plugin") or skill.linked is not None


@given(STATES, ENTRIES, THEIRS, st.randoms(use_true_random=False))
@GENERATED
def test_the_order_of_entries_means_nothing(
    files: dict[str, bytes], entries: list[object], theirs: dict[str, bytes] | None, chance: random.Random
) -> None:
    ordered = catalog(possible({**files, MANIFEST_PATH: manifest_of(entries)}), theirs and possible(theirs))
    chance.shuffle(entries)
    shuffled = catalog(possible({**files, MANIFEST_PATH: manifest_of(entries)}), theirs and possible(theirs))
    assert shuffled.plugins == ordered.plugins
    assert _settled(shuffled.skills) == _settled(ordered.skills)
    assert _told(shuffled.problems) == _told(ordered.problems)


VICTIM_FILES = st.dictionaries(
    st.sampled_from([f"victim/{rest}" for rest in _IN_A_PLUGIN]),
    st.one_of(CONTENTS, st.binary(max_size=40)),
    max_size=6,
)
VICTIM_FIELDS = st.dictionaries(
    st.sampled_from(
        ["version", "skills", "tags", "strict", "author", "keywords", "category", "description", "hooks", "source"]
    ),
    JSON_VALUES,
    max_size=4,
)


@given(STATES, ENTRIES, THEIRS, VICTIM_FILES, VICTIM_FIELDS, st.integers(0, 5))
@GENERATED
def test_a_broken_plugin_changes_nothing_of_the_others(
    files: dict[str, bytes],
    entries: list[object],
    theirs: dict[str, bytes] | None,
    broken: dict[str, bytes],
    fields: dict[str, object],
    at: int,
) -> None:
    theirs = theirs and possible(theirs)
    without = catalog(possible({**files, MANIFEST_PATH: manifest_of(entries)}), theirs)
    entries.insert(at, {"name": "victim", "source": "./victim", **fields})
    with_it = catalog(possible({**files, **broken, MANIFEST_PATH: manifest_of(entries)}), theirs)
    assert [plugin for plugin in with_it.plugins if plugin.name != "victim"] == _unclaimed(without, with_it)
    others = tuple(skill for skill in with_it.skills if "victim" not in (skill.plugin.name, skill.directory))
    kept = {plugin.name for plugin in with_it.plugins}
    assert _settled(others) == _settled(tuple(skill for skill in without.skills if skill.plugin.name in kept))
    if not _may_reach_others(fields, broken):
        assert _told(without.problems) <= _told(with_it.problems)


def _unclaimed(without: Catalog, with_it: Catalog) -> list[object]:
    """The plugins as they were; a directory that had no entry may be the victim's now."""
    claimed = {plugin.directory for plugin in with_it.plugins if plugin.name == "victim"}
    return [plugin for plugin in without.plugins if plugin.published or plugin.directory not in claimed]


def _may_reach_others(fields: dict[str, object], broken: dict[str, bytes]) -> bool:
    """Whether it may lead to a SKILL.md elsewhere, which then is no longer reported as one that nobody leads to; or be one that
    a plugin at the root lists, which then no longer lists nothing."""
    return "source" in fields or "victim/SKILL.md" in broken or any(isinstance(its, Link) for its in broken.values())


# --- a memo saves work only -------------------------------------------------------------------------------------------------

LOST = st.sampled_from([NotHeld(skill("one")), NotHeld(b'{"name": "a", "version": "1"}')])
"""Contents that were held before, or are again."""
PLACE_EDITS = st.tuples(st.sampled_from(PLACES), st.one_of(CONTENTS, LOST, st.none()))
MANIFEST_EDITS = st.tuples(
    st.just(str(MANIFEST_PATH)), st.one_of(MARKETPLACES, MARKETPLACES, st.sampled_from([b"{", b"[]"]))
)
EXTERNAL_EDITS = st.tuples(
    st.sampled_from(_IN_A_PLUGIN).map(lambda path: f"tools:{path}"), st.one_of(CONTENTS, st.none())
)
REACHED = st.tuples(st.just("tools"), st.sampled_from([b"reached", None]))
PUSHES = st.lists(st.one_of(PLACE_EDITS, PLACE_EDITS, MANIFEST_EDITS, EXTERNAL_EDITS, REACHED), min_size=1, max_size=3)


@given(STATES, MARKETPLACES, THEIRS, st.lists(PUSHES, min_size=2, max_size=7), st.randoms(use_true_random=False))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_with_a_memo_of_any_earlier_state_discovering_finds_the_same(
    files: dict[str, bytes],
    manifest: bytes,
    theirs: dict[str, bytes] | None,
    pushes: list[list[tuple[str, bytes | None]]],
    chance: random.Random,
) -> None:
    state: dict[str, bytes] = {**files, MANIFEST_PATH: manifest}
    state |= {f"tools:{path}": content for path, content in (theirs or {}).items()}
    if theirs is not None:
        state["tools"] = b"reached"
    memos: list[Memo | None] = [None]
    for push in [[], *pushes]:
        for path, content in push:
            state.pop(path, None)
            if content is not None:
                state[path] = content
        own = source(possible({path: its for path, its in state.items() if not path.startswith("tools")}))
        external = {path.removeprefix("tools:"): its for path, its in state.items() if path.startswith("tools:")}
        others = {TOOLS: source(possible(external))} if "tools" in state else {}
        anew = discover(own, None, others=others, repository="acme/skills")
        for memo in (memos[-1], chance.choice(memos)):
            assert discover(own, memo, others=others, repository="acme/skills") == anew
        if not isinstance(anew, Undiscoverable):
            memos.append(anew[1])


LINKED: dict[str, bytes] = {
    MANIFEST_PATH: marketplace(*({"name": name, "source": f"./p/{name}"} for name in "abcd")),
    "p/a/skills/x": Link(b"../../../lib/one"),
    "p/a/skills/own/SKILL.md": skill("own"),
    "p/a/skills/own/notes": Link(b"../../../../mid/../lib/two"),
    "p/b/skills": Link(b"../../lib"),
    "p/c/skills/y/SKILL.md": Link(b"../../../../texts/y.md"),
    "p/c/.claude-plugin/plugin.json": Link(b"../../../texts/c.json"),
    "p/d": Link(b"../kits/d"),
    "plugins/draft/skills": Link(b"../../lib"),
    "lib/one/SKILL.md": skill("one"),
    "lib/one/more": Link(b"../two"),
    "lib/two/f": b"f",
    "lib/three": Link(b"one"),
    "mid/keep": b"keep",
    "texts/y.md": skill("y"),
    "texts/c.json": b'{"name": "c", "version": "1"}',
    "kits/d/skills/z/SKILL.md": skill("z"),
}
"""A marketplace that is nearly all links, so that most of what a plugin is made of lies elsewhere."""
LINKED_PLACES = sorted(
    {*LINKED, "LIB/f", "lib/One/f", "lib/two/F", "lib/two/SKILL.md", "texts/Y.md", "mid", "lib", "kits/D/f", "P/f", "p/a/f",
     "lib/two", "texts", "lib/one/new", "kits/d/.claude-plugin/plugin.json", "plugins/draft/SKILL.md"}
)  # fmt: skip
LINKED_CONTENTS = st.one_of(
    st.sampled_from([skill("new"), b'{"name": "c", "version": "2"}', b"text", NotHeld(b"text"), NotHeld(skill("one"))]),
    st.sampled_from(
        ["../lib/one", "../../lib/one", "../two", "../../../lib/two", "one", "../../texts/y.md", "gone"]
    ).map(lambda target: Link(target.encode())),
)
LINKED_EDITS = st.one_of(
    st.tuples(st.sampled_from(LINKED_PLACES), st.none()),
    st.tuples(st.sampled_from(LINKED_PLACES), LINKED_CONTENTS),
    st.sampled_from(sorted(LINKED)).map(lambda path: (path, LINKED[path])),
)


@given(
    st.lists(st.lists(LINKED_EDITS, min_size=1, max_size=2), min_size=1, max_size=6), st.randoms(use_true_random=False)
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_with_a_memo_what_lies_behind_links_is_looked_at_again_when_it_has_changed(
    pushes: list[list[tuple[str, bytes | None]]], chance: random.Random
) -> None:
    state, memos = dict(LINKED), [EMPTY_MEMO]
    for push in [[], *pushes]:
        for path, content in push:
            state.pop(path, None)
            if content is not None:
                state[path] = content
        own = source(possible(state))
        anew = discover(own, None)
        for memo in (memos[-1], chance.choice(memos)):
            assert discover(own, memo) == anew
        if not isinstance(anew, Undiscoverable):
            memos.append(anew[1])


@pytest.mark.parametrize("gone", [None, b"a file where the directory was"])
def test_a_memo_knows_the_directories_that_a_link_only_passes(gone: bytes | None) -> None:
    """``mid/../lib`` leads nowhere once ``mid`` is gone, although neither the link nor ``lib`` has changed."""
    files = {
        MANIFEST_PATH: marketplace({"name": "p", "source": "./p"}),
        "p/skills/x": Link(b"../../mid/../lib/x"),
        "lib/x/SKILL.md": skill("x"),
    }
    first = discover(source({**files, "mid/keep": b""}), None)
    assert not isinstance(first, Undiscoverable)
    assert [found.directory for found in first[0].skills] == ["p/skills/x"]
    pushed = source(files if gone is None else {**files, "mid": gone})
    assert discover(pushed, first[1]) == discover(pushed, None)
