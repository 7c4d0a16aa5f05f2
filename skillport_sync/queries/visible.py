"""Owns the question which files of a skill one person may see. Pure.

Whose a file is, is asked of the place where it really is, so that no symbolic link leads around a rule.
"""

from __future__ import annotations

from skillport_sync.access.model import Principal
from skillport_sync.access.policy import POLICY_PATH
from skillport_sync.catalog.model import Skill
from skillport_sync.catalog.owners import innermost
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
    owners = published.snapshot.owners.around(skill.plugin.source, (real for _, real, _ in located))
    hidden = {
        directory
        for directory, skills in owners.items()
        if not any(one is skill or may_still_read(published, principal, one, in_force) for one in skills)
    }
    if not hidden:
        return [(path, file) for path, _, file in located]
    return [(path, file) for path, real, file in located if innermost(real, owners) not in hidden]
