"""Owns the SKILL.md files that are no skill of any plugin: nobody is served them as such, and their authors may not know.

Problem codes: skill_nested, skill_nested_more, skill_unreachable, skill_unreachable_more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skillport_sync.catalog.model import OWN_SOURCE, Problem, Severity
from skillport_sync.catalog.plugin import PluginFound
from skillport_sync.catalog.skill_files import SkillFiles
from skillport_sync.git.paths import RepoPath

MAX_UNREACHABLE_REPORTED = 50


def not_reached(index: SkillFiles, plugins: Sequence[PluginFound], manifest: RepoPath) -> Iterator[Problem]:
    """What is to be said of them; ``index`` is that of the marketplace's own repository.

    Of other repositories only those inside a skill: what else is there is not the marketplace's business.
    """
    reached = {(plugin.plugin.source, path) for plugin in plugins for path in plugin.reached}
    nested = {
        (plugin.plugin.source, path): outer
        for plugin in plugins
        for path, outer in plugin.nested.items()
        if (plugin.plugin.source, path) not in reached
    }
    links = set(index.links)
    lost = [
        path
        for path in index.skill_mds
        if path not in links and (OWN_SOURCE, path) not in reached and (OWN_SOURCE, path) not in nested
    ]
    for (source, path), outer in sorted(nested.items())[:MAX_UNREACHABLE_REPORTED]:
        message = f"lies inside the skill {outer or 'at the root'}: it is a file of that one and no skill of its own"
        yield Problem(path, "skill_nested", Severity.INFO, message, source=source)
    for path in lost[:MAX_UNREACHABLE_REPORTED]:
        message = "no plugin of marketplace.json leads to this file"
        yield Problem(path, "skill_unreachable", Severity.INFO, message)
    for code, files, what in (
        ("skill_nested_more", nested, "lie inside other skills"),
        ("skill_unreachable_more", lost, "are not reached by any plugin of marketplace.json"),
    ):
        if len(files) > MAX_UNREACHABLE_REPORTED:
            more = len(files) - MAX_UNREACHABLE_REPORTED
            yield Problem(manifest, code, Severity.INFO, f"{more} more SKILL.md files {what}")
