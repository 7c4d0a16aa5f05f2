"""Owns the comparison of what somebody has with what is published. Pure.

Versions are compared as Semantic Versioning orders them, where both are such; the revision decides where one was sent, because
content can change without its version.
"""

from __future__ import annotations

from collections.abc import Sequence

from semver import Version

from skillport_sync.queries.answers import Installed, InstalledFact, InstalledStatus, PluginFact, SkillFact
from skillport_sync.queries.naming import Found, FoundPlugin, Names
from skillport_sync.template.own_skill import OWN_MARKETPLACE, own_skill


def fact_of(found: Found) -> SkillFact:
    skill = found.skill
    return SkillFact(
        found.published.snapshot.marketplace,
        skill.plugin.name,
        skill.name,
        skill.version,
        skill.revision,
        skill.incomplete,
    )


def compare(asked: Installed, names: Names) -> InstalledFact:
    """What has become of something installed: of a skill, else of a plugin, else of what either is called since."""
    *surer, last = _labels(asked)
    for label in surer:
        fact = _compared(asked, label, names)
        if fact.status is not InstalledStatus.GONE:
            return fact
    fact = _compared(asked, last, names)
    return fact if fact.status is not InstalledStatus.GONE else _own(asked) or fact


def _own(asked: Installed) -> InstalledFact | None:
    """What has become of the skill that comes with this service; None where another is meant."""
    own = own_skill()
    named = asked.name in (own.name, f"{own.plugin}/{own.name}") and asked.plugin in (None, own.plugin)
    if not named or asked.marketplace not in (None, OWN_MARKETPLACE):
        return None
    current = SkillFact(OWN_MARKETPLACE, own.plugin, own.name, own.version, own.revision)
    return InstalledFact(asked.name, status_of(asked.version, _revision(asked), own.version, own.revision), current)


def _labels(asked: Installed) -> tuple[str, ...]:
    """What it may be called, the surest first: an operator may have given its marketplace another name since."""
    if asked.plugin is None or "/" in asked.name:
        return (asked.name,)
    label = f"{asked.plugin}/{asked.name}"
    return (label,) if asked.marketplace is None else (f"{label}@{asked.marketplace}", label)


def _compared(asked: Installed, label: str, names: Names) -> InstalledFact:
    if skills := names.skills(label):
        return _skill(asked, skills, names)
    if plugins := names.plugins(label):
        return _plugin(asked, plugins)
    if skills := names.renamed(label):
        fact = _skill(asked, skills, names)
        return fact if fact.current is None else InstalledFact(asked.name, InstalledStatus.RENAMED, fact.current)
    if plugins := names.renamed_plugins(label):
        fact = _plugin(asked, plugins)
        return fact if fact.current is None else InstalledFact(asked.name, InstalledStatus.RENAMED, fact.current)
    return InstalledFact(asked.name, InstalledStatus.GONE, None)


def _skill(asked: Installed, candidates: Sequence[Found], names: Names) -> InstalledFact:
    same = [one for one in candidates if _revision(asked) == one.skill.revision]
    if len(candidates) > 1 and len(same) != 1:
        return InstalledFact(asked.name, InstalledStatus.AMBIGUOUS, None, names.labels(candidates))
    current = fact_of(same[0] if same else candidates[0])
    return InstalledFact(
        asked.name, status_of(asked.version, _revision(asked), current.version, current.revision), current
    )


def _plugin(asked: Installed, candidates: Sequence[FoundPlugin]) -> InstalledFact:
    """A revision tells nothing of a plugin."""
    facts = [PluginFact(one.published.snapshot.marketplace, one.plugin.name, one.plugin.version) for one in candidates]
    if len(facts) > 1:
        labels = tuple(f"{fact.name}@{fact.marketplace}" for fact in facts)
        return InstalledFact(asked.name, InstalledStatus.AMBIGUOUS, None, labels)
    return InstalledFact(asked.name, status_of(asked.version, None, facts[0].version, None), facts[0])


def status_of(
    version: str | None, revision: str | None, published_version: str | None, published_revision: str | None
) -> InstalledStatus:
    """How what is installed stands to what is published. None: not said, or there is none."""
    if revision is not None and revision == published_revision:
        return InstalledStatus.UP_TO_DATE
    if version is not None and published_version is not None:
        order = _order(version, published_version)
        if order:
            return InstalledStatus.AHEAD if order > 0 else InstalledStatus.UPDATE_AVAILABLE
        return InstalledStatus.UP_TO_DATE if revision is None else InstalledStatus.CONTENT_CHANGED
    return InstalledStatus.UNKNOWN if revision is None else InstalledStatus.CONTENT_CHANGED


def _order(installed: str, published: str) -> int:
    """Below zero where the published version is the newer, zero where they are the same. Without an order, other is newer."""
    if installed == published:
        return 0
    try:
        return _parsed(installed).compare(_parsed(published))
    except ValueError:
        return -1


def _parsed(version: str) -> Version:
    """Raises: ValueError."""
    return Version.parse(version.removeprefix("v"), optional_minor_and_patch=True)


def _revision(asked: Installed) -> str | None:
    return None if asked.revision is None else asked.revision.strip().lower()
