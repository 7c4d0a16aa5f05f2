"""Owns the finding of skills and plugins by what somebody calls them. Pure; knows only what the asker may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from skillport_sync.access.model import Principal
from skillport_sync.catalog.model import Plugin, PluginName, Skill
from skillport_sync.errors import Invalid, Missing
from skillport_sync.publication import Published
from skillport_sync.queries.nearest import nearest
from skillport_sync.queries.views import View, may_still_read
from skillport_sync.snapshot import Snapshot

_CANDIDATES = 10
_ROOT = "."
"""What stands for the directory of a skill that is its whole source."""


@dataclass(frozen=True, slots=True)
class Found:
    """A skill, and the publication it was found in."""

    published: Published
    skill: Skill


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """A plugin of which the asker may read a skill, and the publication it was found in."""

    published: Published
    plugin: Plugin


class Names:
    """What one person may call the skills and plugins of some publications. Lives no longer than a question.

    A skill is called by its name, by ``plugin/name``, by its directory or by ``plugin/directory``, each also with
    ``@marketplace``. The first of these that fits anything counts; ``plugin/name`` goes before a name that happens to look like
    one, and what the marketplace publishes before what it does not.
    """

    def __init__(
        self, published: Sequence[Published], principal: Principal, in_force: tuple[Published, ...], *, several: bool
    ) -> None:
        """``published`` are looked through; ``in_force`` has to let the person read too. ``several``: a label names its
        marketplace."""
        self._published = published
        self._principal = principal
        self._in_force = in_force
        self._several = several

    def called(self, label: str) -> tuple[Found, ...]:
        """The readable skills of this name or ``plugin/name``. Costs no more than a look-up."""
        label = _trimmed(label)
        named = [
            Found(one, skill)
            for one in self._meant(label)
            for skill in one.snapshot.skills_named(label)
            if self._may(one, skill)
        ]
        exact = [one for one in named if one.skill.label == _unqualified(label, one.published.snapshot)]
        return _most_public(exact or named)

    def skills(self, label: str) -> tuple[Found, ...]:
        """The readable skills that ``label`` may mean. Goes through all of them where it is no name."""
        found = self.called(label)
        if found:
            return found
        label = _trimmed(label)
        placed = [
            Found(one, skill)
            for one in self._meant(label)
            for skill in self._places[id(one)].get(_unqualified(label, one.snapshot), ())
            if self._may(one, skill)
        ]
        return _most_public(placed)

    def plugins(self, label: str) -> tuple[FoundPlugin, ...]:
        """The plugins that ``name`` or ``name@marketplace`` may mean, one a marketplace."""
        label = _trimmed(label)
        found = [self._plugin(one, _unqualified(label, one.snapshot)) for one in self._meant(label)]
        return tuple(one for one in found if one is not None)

    def renamed(self, label: str) -> tuple[Found, ...]:
        """The skills that ``label`` meant while its plugin had another name."""
        return tuple(
            found
            for here, plugin, rest in self._renamed_plugins(label)
            if rest
            for found in here.skills(f"{plugin}/{rest}")
        )

    def renamed_plugins(self, label: str) -> tuple[FoundPlugin, ...]:
        """The plugins that had this name before."""
        return tuple(
            found for here, plugin, rest in self._renamed_plugins(label) if not rest for found in here.plugins(plugin)
        )

    def labels(self, candidates: Iterable[Found]) -> tuple[str, ...]:
        """What to send to mean each of them, and nothing else: as short as can be."""
        return tuple(self._label(one) for one in candidates)

    def _label(self, found: Found) -> str:
        skill, marketplace = found.skill, found.published.snapshot.marketplace
        directory = skill.directory or _ROOT
        at = f"@{marketplace}" if self._several else ""
        forms = [f"{form}{at}" for form in (skill.label, directory, f"{skill.plugin.name}/{directory}")]
        return next((form for form in forms if [one.skill is skill for one in self.skills(form)] == [True]), forms[-1])

    def _meant(self, label: str) -> Sequence[Published]:
        """Where to look: a marketplace's own name goes before what others call themselves in marketplace.json."""
        at = label.rpartition("@")[2]
        return [one for one in self._published if one.snapshot.marketplace == at] or self._published

    def _may(self, published: Published, skill: Skill) -> bool:
        return may_still_read(published, self._principal, skill, self._in_force)

    def _plugin(self, published: Published, name: str) -> FoundPlugin | None:
        readable = [one for one in self._plugins[id(published)].get(name, ()) if self._may(published, one)]
        best = min(readable, key=lambda skill: not skill.plugin.published, default=None)
        return None if best is None else FoundPlugin(published, best.plugin)

    def _renamed_plugins(self, label: str) -> Iterator[tuple[Names, str, str]]:
        """Where the label begins with a former plugin name: the names there, what the plugin is called, and the label's rest."""
        for one in self._meant(_trimmed(label)):
            plugin, _, rest = _unqualified(_trimmed(label), one.snapshot).partition("/")
            today = one.snapshot.catalog.renames.get(PluginName(plugin))
            if today is not None:
                yield Names([one], self._principal, self._in_force, several=self._several), today, rest

    @cached_property
    def _places(self) -> dict[int, dict[str, list[Skill]]]:
        def places(skill: Skill) -> tuple[str, str]:
            directory = skill.directory or _ROOT
            return directory, f"{skill.plugin.name}/{directory}"

        return {id(one): _by(one.snapshot.catalog.skills, places) for one in self._published}

    @cached_property
    def _plugins(self) -> dict[int, dict[str, list[Skill]]]:
        return {
            id(one): _by(one.snapshot.catalog.skills, lambda skill: (skill.plugin.name,)) for one in self._published
        }


def ambiguous(label: str, candidates: Sequence[str]) -> Invalid:
    shown = ", ".join(candidates[:_CANDIDATES]) + (", …" if len(candidates) > _CANDIDATES else "")
    return Invalid(f"Several skills are called {quoted(label)}. Send one of: {shown}.", code="skill_ambiguous")


def unknown(label: str, view: View, today: str | None = None) -> Missing:
    """The same words whether it does not exist or is not this person's to read. ``today`` is what it is called now."""
    if today is not None:
        return Missing(f"There is no skill {quoted(label)} any more: it is called {today} now.", code="unknown_skill")
    close = nearest(label, (skill.label if "/" in label else skill.name for _, skill in view))
    guess = f" Did you mean {' or '.join(close)}?" if close else ""
    return Missing(f"There is no skill {quoted(label)}, or you may not read it.{guess}", code="unknown_skill")


def quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:99] + "…")


def _trimmed(label: str) -> str:
    return label.strip().strip("/")


def _unqualified(label: str, snapshot: Snapshot) -> str:
    """The label without the marketplace that it names, where that is this one."""
    bare, at, marketplace = label.rpartition("@")
    return bare if at and bare and marketplace in (snapshot.marketplace, snapshot.catalog.title) else label


def _most_public(found: Sequence[Found]) -> tuple[Found, ...]:
    return tuple([one for one in found if one.skill.plugin.published] or found)


def _by(skills: Iterable[Skill], keys: Callable[[Skill], Iterable[str]]) -> dict[str, list[Skill]]:
    grouped: dict[str, list[Skill]] = {}
    for skill in skills:
        for key in keys(skill):
            grouped.setdefault(key, []).append(skill)
    return grouped
