"""Owns how frontmatter is written, byte by byte: what stricter readers look at and a tolerant one looks past. Never reads its
values: those are the catalog's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_KEY = re.compile(
    rb"""^(?:"([^"\n]{1,200})"|'([^'\n]{1,200})'|([^\s"'#:][^\n:]{0,199}?))[ \t]*:(?=[ \t\r\n]|\Z)""", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class WrittenFrontmatter:
    first_line_is_exact: bool
    """``---`` and nothing else, before it or after it; how the line ends is another question."""
    has_crlf: bool
    ends_within_line: int | None
    """The line in whose middle the ``---`` stands that ends it; None where that has a line of its own."""
    lines: Mapping[str, int]
    """The line on which each key of the top level first stands, from 1."""

    def line_of(self, key: str) -> int:
        """Where this key is; the first line where nobody can tell."""
        return self.lines.get(key, 1)


def written_frontmatter(content: bytes) -> WrittenFrontmatter | None:
    """How the frontmatter of this SKILL.md is written; None where there is none that both begins and ends. Never raises."""
    start = len(_BOM) if content.startswith(_BOM) else 0
    first_line_end = content.find(b"\n", start)
    first_line = content[start : max(first_line_end, start)]
    if not first_line.startswith(b"---") or first_line.strip() != b"---":
        return None
    closing_at = content.find(b"---", first_line_end)
    if closing_at < 0:
        return None
    block = content[first_line_end + 1 : closing_at]
    lines: dict[str, int] = {}
    line, at = 2, 0
    for key in _KEY.finditer(block):
        line += block.count(b"\n", at, key.start())
        at = key.start()
        lines.setdefault((key[1] or key[2] or key[3]).decode("utf-8", "replace"), line)
    within = None
    if content[closing_at - 1 : closing_at] != b"\n":
        within = content.count(b"\n", 0, closing_at) + 1
    return WrittenFrontmatter(
        first_line_is_exact=start == 0 and first_line.removesuffix(b"\r") == b"---",
        has_crlf=b"\r\n" in content[:closing_at],
        ends_within_line=within,
        lines=lines,
    )
