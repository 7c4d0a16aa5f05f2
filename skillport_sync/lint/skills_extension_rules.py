"""Owns what the skills extension of MCP asks of a SKILL.md: that everybody who reads it, by whatever means, finds in it what is
said of it here.

A host compares the frontmatter of the file it was given, field by field, with what was announced, and does not load the skill
when they differ (https://github.com/modelcontextprotocol/ext-skills/blob/main/specification/stable/skills.mdx#frontmatter-verification).
So nothing counts that one reader mends and another refuses, or that JSON cannot say exactly. Linting and serving both ask here:
what is not served is named. Pure.

Problem codes: frontmatter_not_exact, skill_md_not_utf8. Others are the catalog's or skill_rules', which find the same:
frontmatter_unterminated, frontmatter_first_line, frontmatter_too_large, frontmatter_ends_early, frontmatter_not_utf8,
frontmatter_invalid, frontmatter_duplicate_key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from skillport_sync.catalog.frontmatter import MAX_FRONTMATTER_BYTES
from skillport_sync.catalog.frontmatter_fast import read_simple_mapping
from skillport_sync.catalog.frontmatter_yaml import NotYaml, read_yaml_mapping
from skillport_sync.lint.agreed_yaml import disagreements, surely_agreed

# How hosts find it, the strictest of those that were looked at: the conformance suite (0.2.0) and the inspector (2.12.0).
_FIRST_LINE = re.compile(rb"---\r?\n")
_LAST_LINE = re.compile(rb"\n---[ \t]*(?:\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Inexact:
    """Why a SKILL.md does not say the same to everybody. ``line`` counts from 1."""

    code: str
    what: str
    line: int


def inexact(content: bytes) -> Inexact | None:
    """What keeps readers of this SKILL.md from agreeing on its frontmatter, and on its text at all; None where they do.

    Then the catalog's reading of it is everybody's. Never raises.
    """
    opening = _FIRST_LINE.match(content)
    if opening is None:
        return Inexact("frontmatter_first_line", 'its first line is not exactly "---"', 1)
    ending = content.find(b"---", opening.end())
    if ending < 0:
        return Inexact("frontmatter_unterminated", 'the "---" that ends its frontmatter is missing', 1)
    if ending - opening.end() > MAX_FRONTMATTER_BYTES:
        return Inexact("frontmatter_too_large", "its frontmatter is larger than is read here", 1)
    line = content.count(b"\n", 0, ending) + 1
    if content[ending - 1 : ending] != b"\n":
        return Inexact("frontmatter_ends_early", 'a "---" stands inside a value of its frontmatter', line)
    if not _LAST_LINE.match(content, ending - 1):
        return Inexact("frontmatter_not_exact", 'the line that ends its frontmatter is not exactly "---"', line)
    try:
        text = content[opening.end() : ending].decode("utf-8")
    except UnicodeDecodeError:
        return Inexact("frontmatter_not_utf8", "its frontmatter is not UTF-8", 1)
    return _inexact_yaml(text.replace("\r\n", "\n")) or _not_text(content, ending)


def _inexact_yaml(text: str) -> Inexact | None:
    simple = read_simple_mapping(text)
    if simple is not None and surely_agreed(simple):
        return None
    read = read_yaml_mapping(text)
    if isinstance(read, NotYaml):
        return Inexact("frontmatter_invalid", "its frontmatter is not YAML as it stands", (read.line or 0) + 1)
    for found in disagreements(text):
        code = "frontmatter_duplicate_key" if found.is_double_key else "frontmatter_not_exact"
        return Inexact(code, f"its frontmatter {found.what}", found.line + 1)
    return None


def _not_text(content: bytes, start: int) -> Inexact | None:
    """A host looks for text in what it is sent; bytes that are none go as bytes."""
    try:
        content[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, start + error.start) + 1
        return Inexact("skill_md_not_utf8", "it is not UTF-8", line)
    return None
