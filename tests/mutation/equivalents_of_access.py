"""Owns the mutants of ``skillport_sync/access`` that do what the original does, as ``equivalents`` says, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.mutation.mutant import Key

OF_ACCESS: Final[Mapping[str, tuple[Key, ...]]] = {
    "An index only says which patterns are likely: each of those is then compared in full.": (
        (
            "skillport_sync/access/patterns.py",
            "Patterns.__post_init__",
            "first, last = pattern.parts[0], pattern.parts[-1]",
            "first, last = pattern.parts[0], pattern.parts[-0]",
        ),
        (
            "skillport_sync/access/patterns.py",
            "Patterns.__post_init__",
            "if first:",
            "if True:",
        ),
        (
            "skillport_sync/access/patterns.py",
            "Patterns.__post_init__",
            "if first:",
            "if False:",
        ),
        (
            "skillport_sync/access/patterns.py",
            "Patterns.__post_init__",
            "elif last:",
            "elif False:",
        ),
    ),
    "It only saves time: what is left out here is asked, or made, below, and comes to the same.": (
        (
            "skillport_sync/access/patterns.py",
            "Patterns.fitting",
            "return [pattern for pattern in likely if pattern.fits(name)] if likely else likely",
            "return [pattern for pattern in likely if pattern.fits(name)] if True else likely",
        ),
        (
            "skillport_sync/access/places.py",
            "canonical",
            'return name if name.isascii() else unicodedata.normalize("NFC", name)',
            'return name if False else unicodedata.normalize("NFC", name)',
        ),
        (
            "skillport_sync/access/rules.py",
            "Rules._most_specific",
            "if len(fitting) < 2:",
            "if len(fitting) < 1:",
        ),
        (
            "skillport_sync/access/rules.py",
            "names_of",
            "return (canonical(last),) if last == skill.name else tuple(dict.fromkeys(map(canonical, (skill.name, last))))",
            "return (canonical(last),) if False else tuple(dict.fromkeys(map(canonical, (skill.name, last))))",
        ),
        (
            "skillport_sync/access/standing.py",
            "Standing._path",
            "if name not in self._through:",
            "if True:",
        ),
        (
            "skillport_sync/access/unused.py",
            "_RulesBesideCatalog.__init__",
            "for skill in (*catalog.skills, *catalog.withheld) if self._rules else ():",
            "for skill in (*catalog.skills, *catalog.withheld) if True else ():",
        ),
        (
            "skillport_sync/access/unused.py",
            "_unused_groups",
            "if name not in used:",
            "if True:",
        ),
    ),
    "It was made sure of above; mypy has to be told again.": (
        (
            "skillport_sync/access/people.py",
            "groups_at",
            "if isinstance(below, list)",
            "if True",
        ),
        (
            "skillport_sync/access/people.py",
            "_members",
            "named.add(_group(place, written, groups or frozenset()))",
            "named.add(_group(place, written, groups))",
        ),
        (
            "skillport_sync/access/standing.py",
            "Standing._membership",
            "if self._domain is not None and self._domain in group.domains:",
            "if self._domain in group.domains:",
        ),
    ),
    "Of one thing the first is the last.": (
        (
            "skillport_sync/access/people.py",
            "_kind",
            "return kinds[0] if len(kinds) == 1 else told[0]",
            "return kinds[(-1)] if len(kinds) == 1 else told[0]",
        ),
        (
            "skillport_sync/access/people.py",
            "_kind",
            "return kinds[0] if len(kinds) == 1 else told[0]",
            "return kinds[0] if len(kinds) == 1 else told[(-1)]",
        ),
    ),
    "Whether anything is left does not depend on the end that is stripped.": (
        (
            "skillport_sync/access/people.py",
            "_claim",
            "if isinstance(value, str) and value.strip():",
            "if isinstance(value, str) and value.lstrip():",
        ),
    ),
    "Where no pattern fits there is nothing to compare the number of letters with.": (
        (
            "skillport_sync/access/plugins.py",
            "_of_plugin",
            "most = max((pattern.letters for pattern in fitting), default=0)",
            "most = max((pattern.letters for pattern in fitting), default=1)",
        ),
        (
            "skillport_sync/access/plugins.py",
            "_of_plugin",
            "most = max((pattern.letters for pattern in fitting), default=0)",
            "most = max((pattern.letters for pattern in fitting), default=(-1))",
        ),
    ),
    "What is no text is none of the versions either.": (
        (
            "skillport_sync/access/policy.py",
            "_policy",
            "if not isinstance(version, str) or version not in VERSIONS:",
            "if version not in VERSIONS:",
        ),
    ),
    "Keys that a later version knows are refused before it is asked which are known, so 1.0 never has groups.": (
        (
            "skillport_sync/access/policy.py",
            "_policy",
            "only((), top, _PARTS if first else (*_PARTS, *_LATER_PARTS), later=_LATER_PARTS if first else ())",
            "only((), top, _PARTS if False else (*_PARTS, *_LATER_PARTS), later=_LATER_PARTS if first else ())",
        ),
        (
            "skillport_sync/access/policy.py",
            "_policy",
            'groups = {} if first else groups_at(("groups",), top.get("groups", {}))',
            'groups = {} if False else groups_at(("groups",), top.get("groups", {}))',
        ),
    ),
    "There is a line for every place that was asked for.": (
        (
            "skillport_sync/access/policy.py",
            "_with_lines",
            "return {name: replace(group, line=line) for (name, (_, group)), line in zip(groups.items(), lines, strict=True)}",
            "return {name: replace(group, line=line) for (name, (_, group)), line in zip(groups.items(), lines, strict=False)}",
        ),
    ),
    "Without an @ there is nothing before it either.": (
        (
            "skillport_sync/access/standing.py",
            "domain_of",
            'local, _, domain = (email or "").rpartition("@")',
            'local, _, domain = (email or "XX").rpartition("@")',
        ),
    ),
    "Every rule and group of a file that was read knows its line.": (
        (
            "skillport_sync/access/unused.py",
            "unused_rules",
            "return tuple(sorted(remarks, key=lambda remark: (remark.line or 0, remark.code, remark.message)))",
            "return tuple(sorted(remarks, key=lambda remark: (remark.line, remark.code, remark.message)))",
        ),
        (
            "skillport_sync/access/unused.py",
            "unused_rules",
            "return tuple(sorted(remarks, key=lambda remark: (remark.line or 0, remark.code, remark.message)))",
            "return tuple(sorted(remarks, key=lambda remark: (remark.line or 1, remark.code, remark.message)))",
        ),
        (
            "skillport_sync/access/unused.py",
            "unused_rules",
            "return tuple(sorted(remarks, key=lambda remark: (remark.line or 0, remark.code, remark.message)))",
            "return tuple(sorted(remarks, key=lambda remark: (remark.line or (-1), remark.code, remark.message)))",
        ),
    ),
    "As a pattern, a name without a star fits nothing.": (
        (
            "skillport_sync/access/unused.py",
            "_RulesBesideCatalog._decides",
            'if "*" not in grant.name or self._policy.version == "1.0":',
            'if "" not in grant.name or self._policy.version == "1.0":',
        ),
        (
            "skillport_sync/access/unused.py",
            "_RulesBesideCatalog._decides",
            'if "*" not in grant.name or self._policy.version == "1.0":',
            'if self._policy.version == "1.0":',
        ),
    ),
    "A rule for a plugin that there is decides, and no hint is asked for.": (
        (
            "skillport_sync/access/unused.py",
            "_RulesBesideCatalog._hint",
            "if grant.section is Section.SKILLS and name in self._plugins:",
            "if name in self._plugins:",
        ),
    ),
}
"""By reason."""
