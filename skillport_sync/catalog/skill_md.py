"""Owns what one SKILL.md says of its skill: name, description, frontmatter. Works on bytes alone, so that the same bytes under
two paths are read once.

Problem codes: frontmatter's, skill_name_invalid, skill_description_invalid, skill_description_missing, skill_md_too_large.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.catalog.model import Remark, Severity

CLAUDE_CODE_MAX_BYTES = 1_000_000
"""From this size on Claude Code silently does not load a SKILL.md (measured, 2.1.329)."""

MAX_NAME_CHARS = 256
MAX_PARAGRAPH_CHARS = 1024

_PARAGRAPH_SOUGHT_IN_BYTES = 65_536
_NOT_PROSE = re.compile(r"#{1,6}(?:\s|$)|(?:[-*_]\s*){3,}$|```|~~~|<!--|\||!\[|\[!\[")


@dataclass(frozen=True, slots=True)
class SkillText:
    name: str | None
    """None where it does not say one that can be used: the directory's name stands in."""
    description: str
    frontmatter: Mapping[str, object]
    remarks: tuple[Remark, ...]


def read_skill_md(content: bytes) -> SkillText:
    """What these bytes say. Never raises."""
    frontmatter = read_frontmatter(content)
    remarks = list(frontmatter.problems)
    if len(content) >= CLAUDE_CODE_MAX_BYTES:
        message = f"is {len(content)} bytes; Claude Code loads none of {CLAUDE_CODE_MAX_BYTES} bytes or more"
        remarks.append(Remark("skill_md_too_large", Severity.WARNING, message))
    name = _name(frontmatter.values.get("name"), remarks)
    description = _description(frontmatter.values.get("description"), remarks)
    if description is None:
        description = first_paragraph(content, frontmatter.body_start)
        if frontmatter.values:
            message = "the frontmatter gives no description; " + (
                "the first paragraph stands in" if description else "nothing says what this skill is for"
            )
            remarks.append(Remark("skill_description_missing", Severity.WARNING, message, 1))
    return SkillText(name, description, frontmatter.values, tuple(remarks))


def first_paragraph(content: bytes, start: int) -> str:
    """The first paragraph of prose from ``start`` on, as one line; the first heading where there is none; else empty."""
    text = content[start : start + _PARAGRAPH_SOUGHT_IN_BYTES].decode("utf-8", "replace")
    paragraph: list[str] = []
    heading = ""
    fence: str | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if fence is not None:
            fence = None if stripped.startswith(fence) else fence
        elif stripped and not _NOT_PROSE.match(stripped):
            paragraph.append(stripped)
        elif paragraph:
            break
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[:3]
        elif stripped.startswith("#"):
            heading = heading or stripped.strip("# ")
    return " ".join(" ".join(paragraph).split() or heading.split())[:MAX_PARAGRAPH_CHARS]


def _name(value: object, remarks: list[Remark]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        if isinstance(value, dict | list):
            remarks.append(_invalid_name("is not text; the directory's name stands in"))
            return None
        remarks.append(_invalid_name("is not text; put it in quotes"))
        value = str(value).lower() if isinstance(value, bool) else str(value)
    name = value.strip()
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        remarks.append(
            _invalid_name(f"must be one line of at most {MAX_NAME_CHARS} characters; the directory's name stands in")
        )
        return None
    return name or None


def _invalid_name(what: str) -> Remark:
    return Remark("skill_name_invalid", Severity.WARNING, f"the name in the frontmatter {what}", 1)


def _description(value: object, remarks: list[Remark]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    message = "the description in the frontmatter is not text"
    remarks.append(Remark("skill_description_invalid", Severity.WARNING, message, 1))
    if isinstance(value, dict | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
