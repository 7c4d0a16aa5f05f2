"""Owns what was answered: a digest of each answer beside the commit that it named, and whether that commit really says so."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from skillport_sync.standin import Repository

PLUGIN = "docs"
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: of which kind, about what, of which commit, and the digest of what it said."""

    kind: str
    about: str
    commit: str
    digest: str


def digest(value: object) -> str:
    """Of JSON values, whatever the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def said_list(skills: Iterable[tuple[str, str]]) -> str:
    """The digest of a list: names with descriptions, in any order."""
    return digest(sorted(skills))


def said_files(files: Mapping[str, bytes]) -> str:
    """The digest of some files of a skill, by path below its directory."""
    return digest({path: hashlib.sha256(content).hexdigest() for path, content in files.items()})


@dataclass
class Evidence:
    """Every answer, counted; the same answer again costs no memory."""

    answers: Counter[Said] = field(default_factory=Counter)

    def add(self, kind: str, about: str, commit: str, digest_: str) -> None:
        self.answers[Said(kind, about, commit, digest_)] += 1

    def wrong(self, repository: Repository) -> list[Said]:
        """Those that do not say what the commit that they named says."""
        truth = Truth(repository)
        return [said for said in self.answers if truth.of(said) != said.digest]


class Truth:
    """What commits say, read from the repository itself and by nothing of the service's."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.files = cache(self._files)

    def of(self, said: Said) -> str | None:
        """The digest that such an answer must have; None where it should not have been given."""
        try:
            files = self.files(said.commit)
        except KeyError:
            return None  # no such commit
        if said.kind == "list":
            return said_list((name, described(content)) for name, content in skills_of(files))
        name, _, path = said.about.partition(":")
        below = f"{PLUGIN}/skills/{name}/"
        own = {at.removeprefix(below): content for at, content in files.items() if at.startswith(below)}
        if path:
            own = {path: own[path]} if path in own else {}
        return said_files(own) if own else None

    def _files(self, commit: str) -> Files:
        objects = self._repository.objects
        return {
            path.decode(): objects.read(entry.oid, "blob")
            for path, entry in objects.walk(self._repository.tree(commit))
            if entry.kind == "blob"
        }


def skills_of(files: Files) -> Iterable[tuple[str, bytes]]:
    for path, content in files.items():
        plugin, _, rest = path.partition("/skills/")
        name, _, file = rest.partition("/")
        if plugin == PLUGIN and file == "SKILL.md":
            yield name, content


def described(skill_md: bytes) -> str:
    """What a SKILL.md of ours gives as its description."""
    return next(line for line in skill_md.decode().splitlines() if line.startswith("description: "))[13:]
