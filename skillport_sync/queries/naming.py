"""Owns the finding of one skill by what somebody calls it. Pure; knows only what the asker may read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from skillport_sync.access.model import Principal
from skillport_sync.catalog.model import Skill
from skillport_sync.errors import Invalid, Missing
from skillport_sync.publication import Published
from skillport_sync.queries.nearest import nearest
from skillport_sync.queries.views import View, may_read

_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A skill, and the publication it was found in."""

    published: Published
    skill: Skill


def found(published: Sequence[Published], principal: Principal, label: str) -> tuple[Found, ...]:
    """The readable skills that ``label`` may mean: a name, ``plugin/name`` or a directory, each also with ``@marketplace``."""
    label = label.strip().strip("/")
    named = [Found(one, skill) for one in published for skill in one.snapshot.skills_named(label)]
    readable = [one for one in named if may_read(one.published, principal, one.skill)]
    if not readable and "/" in label:
        readable = [
            Found(one, skill)
            for one in published
            for skill in one.snapshot.catalog.skills
            if label in (skill.directory, f"{skill.directory}@{one.snapshot.marketplace}")
            and may_read(one, principal, skill)
        ]
    return tuple(readable)


def labels(candidates: Sequence[Found], several: bool) -> tuple[str, ...]:
    """What to send to mean each of them: its label, or its directory where a plugin has two skills of that name."""
    places = Counter((one.published.snapshot.marketplace, one.skill.label) for one in candidates)
    return tuple(
        (one.skill.label if places[one.published.snapshot.marketplace, one.skill.label] == 1 else one.skill.directory)
        + (f"@{one.published.snapshot.marketplace}" if several else "")
        for one in candidates
    )


def ambiguous(label: str, candidates: Sequence[str]) -> Invalid:
    shown = ", ".join(candidates[:_CANDIDATES]) + (", …" if len(candidates) > _CANDIDATES else "")
    return Invalid(f"Several skills are called {_quoted(label)}. Send one of: {shown}.", code="skill_ambiguous")


def unknown(label: str, view: View) -> Missing:
    """The same words whether it does not exist or is not this person's to read."""
    close = nearest(label, (skill.label if "/" in label else skill.name for _, skill in view))
    guess = f" Did you mean {' or '.join(close)}?" if close else ""
    return Missing(f"There is no skill {_quoted(label)}, or you may not read it.{guess}", code="unknown_skill")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:99] + "…")
