"""Owns what a change that packaging made is told as. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Something that is otherwise in the package than in the repository. ``code`` is stable; ``what`` is a short sentence.

    Codes: name_changed, name_added, description_added, description_cut, description_markup, keys_moved, field_as_text,
    field_cut, field_dropped, metadata_as_text, comments_dropped, frontmatter_added, frontmatter_written_anew, skill_md_renamed,
    nested_skill_renamed, files_dropped.
    """

    code: str
    what: str


def some_of(names: Iterable[str]) -> str:
    """The first few of these, and how many there are besides."""
    listed = list(names)
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return ", ".join(name[:80] for name in listed[:_NAMED]) + more
