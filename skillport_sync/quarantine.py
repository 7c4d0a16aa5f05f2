"""Owns which skills are kept out of a publication because of what their files hold: secrets, or text that people cannot see.

Only what the operator asked for is looked for. Whatever was scanned once is not scanned again while its blob id is the same.
Never decides what a skill is, and never repeats a secret: it says which kind, in which file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from skillport_sync.catalog.hidden_text import find_hidden_text
from skillport_sync.catalog.model import Problem, Remark, Severity, Skill
from skillport_sync.catalog.secrets_found import find_secrets
from skillport_sync.errors import Conflict
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId
from skillport_sync.git.paths import RepoPath

Scan = Literal["secrets", "hidden-unicode"]
Scanned = Mapping[BlobId, tuple[Remark, ...]]
"""What was found in each blob that was looked at; most often nothing."""

_FINDERS: Mapping[Scan, Callable[[bytes], tuple[Remark, ...]]] = {
    "secrets": find_secrets,
    "hidden-unicode": find_hidden_text,
}


class Quarantine:
    """One look at the skills of one commit."""

    def __init__(self, scans: Iterable[Scan], known: Scanned) -> None:
        self._finders = [_FINDERS[scan] for scan in sorted(scans)]
        self._known = known
        self._scanned: dict[BlobId, tuple[Remark, ...]] = {}

    @property
    def scanned(self) -> Scanned:
        """Every blob that was looked at or taken over: what to hand to the next look."""
        return self._scanned

    def judge(
        self, skill: Skill, files: Sequence[tuple[str, RepoPath, HeldFile]], contents: Mapping[BlobId, bytes]
    ) -> tuple[Problem, ...]:
        """Why this skill is kept out, each finding with its file and line; empty where nothing speaks against it.

        Raises: Conflict (``content_not_held``) where a content is gone that was held a moment ago: what nobody looked through is
        not published.
        """
        found = [
            replace(remark, severity=Severity.ERROR).at(path, skill.plugin.source)
            for _, path, file in files
            if file.sha256 is not None
            for remark in self._remarks(file.oid, contents)
        ]
        if not found:
            return ()
        message = f"{skill.label} is kept out of the publication: {_counted(len(found))} in its files; mend it and push"
        return (
            Problem(skill.skill_md, "skill_quarantined", Severity.ERROR, message, None, skill.plugin.source),
            *found,
        )

    def _remarks(self, oid: BlobId, contents: Mapping[BlobId, bytes]) -> tuple[Remark, ...]:
        remarks = self._scanned.get(oid)
        if remarks is None:
            remarks = self._known.get(oid)
            if remarks is None:
                try:
                    content = contents[oid]
                except KeyError as error:
                    raise Conflict(
                        f"the content of blob {oid} is not held any more; the next pull fetches it again",
                        code="content_not_held",
                    ) from error
                remarks = tuple(remark for find in self._finders for remark in find(content))
            self._scanned[oid] = remarks
        return remarks


def _counted(findings: int) -> str:
    return "1 finding" if findings == 1 else f"{findings} findings"
