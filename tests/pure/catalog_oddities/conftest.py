"""Owns how an oddity is told: a small invented repository, written file by file, and what the catalog makes of it.

A repository is a dictionary: path → content, where a content is bytes or a ``Leaf`` that says more (a link, a submodule, an
executable, a blob that is not held). Whatever is discovered here also holds the laws that every catalog holds; see ``Discover``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from skillport_sync.catalog.discover import Memo, Undiscoverable, discover
from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Problem, Skill, SourceFiles, SourceKey
from skillport_sync.files import BlobFact, publishable
from skillport_sync.git.listing import Entry, tree_ids
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId, blob_id
from skillport_sync.git.paths import RepoPath
from skillport_sync.lint.linting import lint
from skillport_sync.ports import MarketplaceName
from skillport_sync.snapshot import Snapshot, SourceInput, SourceState, assemble

MARKETPLACE = ".claude-plugin/marketplace.json"
REPOSITORY = "acme/skills"
HOST = "github.com"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file of a repository that is not simply its bytes."""

    content: bytes
    mode: Mode = Mode.FILE
    held: bool = True


Files = Mapping[str | bytes, bytes | Leaf]


class Write:
    """Writes files. Lines are where they can be counted: see ``marketplace``, ``plugin_json`` and ``skill``."""

    @staticmethod
    def marketplace(*entries: object, **fields: object) -> bytes:
        """The entry with index *n* is line 5 + *n*; further fields follow the entries, a line each."""
        head = {"name": "acme", "owner": {"name": "Acme"}}
        lines = [f"{json.dumps(key)}: {json.dumps(fields.pop(key, value))}," for key, value in head.items()]
        lines += ['"plugins": [', ",\n".join(json.dumps(entry) for entry in entries)]
        rest = [f",{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items()]
        return "\n".join(["{", *lines, "]", *rest, "}", ""]).encode()

    @staticmethod
    def entry(name: str, source: object, **fields: object) -> dict[str, object]:
        return {"name": name, "source": source, **fields}

    @staticmethod
    def plugin_json(name: object = None, **fields: object) -> bytes:
        """Each field is a line, the first is line 2."""
        said = ({} if name is None else {"name": name}) | fields
        return (
            "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in said.items()) + "\n}\n"
        ).encode()

    @staticmethod
    def skill(name: str | None = None, description: str | None = "Does it.", *more: str, body: str = "Body.") -> bytes:
        """The name is line 2 and the description line 3, where both are given; further lines of frontmatter follow."""
        said = [("name", name), ("description", description)]
        lines = ["---", *(f"{key}: {value}" for key, value in said if value is not None), *more, "---", "", body, ""]
        return "\n".join(lines).encode()

    @staticmethod
    def link(target: str) -> Leaf:
        return Leaf(target.encode(), Mode.SYMLINK)

    @staticmethod
    def executable(content: bytes) -> Leaf:
        return Leaf(content, Mode.EXECUTABLE)

    @staticmethod
    def submodule(commit: str = "a commit of another repository") -> Leaf:
        return Leaf(commit.encode(), Mode.SUBMODULE)

    @staticmethod
    def lfs_pointer(of: bytes) -> bytes:
        """What git holds in place of a file that Git LFS keeps elsewhere, https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n" % (
            hashlib.sha256(of).hexdigest().encode(),
            len(of),
        )

    @staticmethod
    def not_held(content: bytes) -> Leaf:
        """A blob that the store does not hold: too large, or absent from the mirror."""
        return Leaf(content, held=False)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's files as everything else gets them: verified, with their real ids."""

    entries: Mapping[bytes, Entry]
    trees: Mapping[bytes, TreeId]
    contents: Mapping[BlobId, bytes]

    @property
    def facts(self) -> dict[BlobId, BlobFact]:
        return {oid: BlobFact(len(content), hashlib.sha256(content).digest()) for oid, content in self.contents.items()}

    def published(self) -> tuple[SourceFiles, tuple[Problem, ...]]:
        files = publishable(self.entries, self.facts, None)
        trees = {raw.decode(): tree for raw, tree in self.trees.items() if _is_utf8(raw)}
        absent = (path for path, its in files.entries.items() if its.mode.has_content and its.oid not in self.contents)
        return SourceFiles(files.entries, trees, self.contents, frozenset(absent)), files.problems

    def as_input(
        self, key: SourceKey = OWN_SOURCE, repository: str = REPOSITORY, directories: tuple[str, ...] = ("",)
    ) -> SourceInput:
        state = SourceState(key, repository, CommitId("c" * 40), self.trees[b""])
        return SourceInput(state, self.entries, self.trees, self.facts, self.contents, directories)


def repository_of(files: Files) -> Repository:
    """These files, as a verified commit would hold them."""
    leaves = {
        path if isinstance(path, bytes) else path.encode(): content if isinstance(content, Leaf) else Leaf(content)
        for path, content in files.items()
    }
    entries = {
        path: Entry(leaf.mode, blob_id(leaf.content), 0 if leaf.mode is Mode.SUBMODULE else len(leaf.content))
        for path, leaf in leaves.items()
    }
    trees = tree_ids({path: (entry.mode, entry.oid) for path, entry in entries.items()})
    held = [leaf.content for leaf in leaves.values() if leaf.held and leaf.mode.has_content]
    return Repository(entries, trees, {blob_id(content): content for content in held})


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Found:
    """A catalog, in the words that the fixtures are told with."""

    catalog: Catalog
    memo: Memo
    in_files: tuple[Problem, ...] = field(default=())
    """What was wrong with paths and contents, whatever they mean."""

    @property
    def skills(self) -> list[tuple[str, str, str, str | None, str]]:
        """(plugin, directory, name, version, description) of the skills of published plugins."""
        return [_row(skill) for skill in self.catalog.skills if skill.plugin.published]

    @property
    def unpublished(self) -> list[tuple[str, str, str, str | None, str]]:
        return [_row(skill) for skill in self.catalog.skills if not skill.plugin.published]

    @property
    def problems(self) -> list[tuple[str, str, int | None]]:
        """(path, code, line), sorted. A path of another repository has that source's key before it."""
        return sorted(
            (
                (f"{problem.source}:{problem.path}" if problem.source else problem.path, problem.code, problem.line)
                for problem in {*self.catalog.problems, *self.in_files}
            ),
            key=lambda told: (told[0], told[2] or 0, told[1]),
        )

    @property
    def paths(self) -> list[str]:
        """plugin:directory of the published skills."""
        return [f"{skill.plugin.name}:{skill.directory}" for skill in self.catalog.skills if skill.plugin.published]

    def skill(self, plugin: str, directory: str) -> Skill:
        [skill] = [s for s in self.catalog.skills if (s.plugin.name, s.directory) == (plugin, directory)]
        return skill

    def problem(self, code: str) -> Problem:
        [problem] = [problem for problem in (*self.catalog.problems, *self.in_files) if problem.code == code]
        return problem


def _row(skill: Skill) -> tuple[str, str, str, str | None, str]:
    return (skill.plugin.name, skill.directory, skill.name, skill.version, skill.description)


class Discover:
    """Discovers, and holds what it found to the laws of every catalog: no order of files matters, a memo saves work only."""

    def __call__(
        self, files: Files, others: Mapping[str, Files] | None = None, *, host: str = HOST, repository: str = REPOSITORY
    ) -> Found:
        own, problems = repository_of(files).published()
        external = {SourceKey(key): self.source(its) for key, its in (others or {}).items()}
        found = discover(own, None, others=external, host=host, repository=repository)
        assert not isinstance(found, Undiscoverable), found
        catalog, memo = found
        again = discover(own, memo, others=external, host=host, repository=repository)
        assert again == found
        assert discover(_reversed(own), None, others=external, host=host, repository=repository) == found
        assert list(catalog.skills) == sorted(catalog.skills, key=lambda s: (s.plugin.name, s.directory))
        assert len({(skill.plugin.name, skill.directory) for skill in catalog.skills}) == len(catalog.skills)
        return Found(catalog, memo, problems)

    def source(self, files: Files) -> SourceFiles:
        """The files as ``discover`` takes them."""
        return repository_of(files).published()[0]

    def refused(self, files: Files) -> tuple[str, str, int | None]:
        """(path, code, line) of why there is no catalog."""
        found = discover(self.source(files), None, host=HOST, repository=REPOSITORY)
        assert isinstance(found, Undiscoverable)
        return (found.path, found.code, found.line)


def _reversed(own: SourceFiles) -> SourceFiles:
    files: dict[RepoPath, Entry] = dict(reversed(list(own.files.items())))
    return replace(own, files=files, trees=dict(reversed(list(own.trees.items()))))


class Publish:
    """Assembles the snapshot that these files make, where it matters what is served."""

    def __call__(
        self,
        files: Files,
        others: Mapping[str, Files] | None = None,
        *,
        name: str = "acme",
        directories: tuple[str, ...] = ("",),
    ) -> Snapshot:
        """``directories`` are what is wanted of each of the others."""
        inputs: Sequence[SourceInput] = [
            repository_of(files).as_input(),
            *(
                repository_of(its).as_input(SourceKey(key), key.partition("@")[0], directories)
                for key, its in sorted((others or {}).items())
            ),
        ]
        made = assemble(MarketplaceName(name), inputs, None)
        assert isinstance(made, Snapshot), str(made)
        return made

    def served(self, files: Files, plugin: str, directory: str) -> dict[str, str]:
        """Of one skill: path → real path of everything that is served."""
        snapshot = self(files)
        [skill] = [s for s in snapshot.catalog.skills if (s.plugin.name, s.directory) == (plugin, directory)]
        return {relative: str(real) for relative, real, _ in snapshot.located(skill)}


class Lint:
    """Lints the snapshot that these files make."""

    def __call__(self, files: Files) -> list[tuple[str, str, int | None]]:
        """(path, code, line), sorted."""
        repository = repository_of(files)
        made = assemble(MarketplaceName("acme"), [repository.as_input()], None)
        assert isinstance(made, Snapshot), str(made)
        found = lint(made, repository.contents).findings
        return sorted(
            ((each.path, each.code, each.line) for each in found), key=lambda told: (told[0], told[2] or 0, told[1])
        )


@pytest.fixture(scope="session")
def write() -> Write:
    return Write()


@pytest.fixture(scope="session")
def discovered() -> Discover:
    return Discover()


@pytest.fixture(scope="session")
def published() -> Publish:
    return Publish()


@pytest.fixture(scope="session")
def linted() -> Lint:
    return Lint()
