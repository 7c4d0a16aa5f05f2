"""Owns the question which files of a skill one person may see. Pure.

Whose a file is, is asked of the place where it really is, so that no symbolic link leads around a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from skillport_sync.access.model import Principal
from skillport_sync.access.policy import POLICY_PATH
from skillport_sync.catalog.model import Catalog, Skill, SourceKey
from skillport_sync.files import HeldFile
from skillport_sync.publication import Published
from skillport_sync.queries.views import may_still_read


def visible_files(
    published: Published, principal: Principal, skill: Skill, in_force: tuple[Published, ...]
) -> list[tuple[str, HeldFile]]:
    """The skill's files, ``(path relative to it, file)``, without those that belong to other skills of which this person may read
    none. The skill itself they may read: that was asked before.

    access.json is nobody's to fetch, even where a skill's directory is the whole repository: it names people.
    """
    located = [
        (path, real, file) for path, real, file in published.snapshot.located(skill) if real.casefold() != POLICY_PATH
    ]
    owners = _owners(published.snapshot.catalog, skill.plugin.source, {real for _, real, _ in located})
    withheld = {id(one) for one in published.snapshot.catalog.withheld}
    hidden = {
        directory
        for directory, skills in owners.items()
        if not any(
            one is skill or (id(one) not in withheld and may_still_read(published, principal, one, in_force))
            for one in skills
        )
    }
    if not hidden:
        return [(path, file) for path, _, file in located]
    return [(path, file) for path, real, file in located if _innermost(real, owners) not in hidden]


def _owners(catalog: Catalog, source: SourceKey, paths: Iterable[str]) -> dict[str, list[Skill]]:
    """The skills of this source whose directories any of these paths lies in, by the directory they really are in."""
    directories = {""}
    for path in paths:
        while (path := path.rpartition("/")[0]) not in directories:
            directories.add(path)
    owners: dict[str, list[Skill]] = {}
    for skill in chain(catalog.skills, catalog.withheld):
        if skill.real_directory in directories and skill.plugin.source == source:
            owners.setdefault(skill.real_directory, []).append(skill)
    return owners


def _innermost(path: str, owners: Mapping[str, object]) -> str | None:
    """The deepest of these directories that the path lies in."""
    while path:
        path = path.rpartition("/")[0]
        if path in owners:
            return path
    return None
