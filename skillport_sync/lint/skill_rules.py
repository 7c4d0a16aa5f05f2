"""Owns what the stricter surfaces ask of one SKILL.md: its name, its description, its keys, and how it is written.

Rules: the Agent Skills specification (https://agentskills.io/specification), which claude.ai's upload, the Skills API and the
skills extension of MCP follow, each with additions of its own. What is wrong with the frontmatter as YAML the catalog says.

What the skills extension asks of the way it is written has an owner of its own, ``skills_extension_rules``.

Problem codes: skill_name_missing, skill_name_not_kebab, skill_name_too_long, skill_name_differs, skill_name_reserved,
skill_description_too_long, skill_description_markup, skill_listing_cut, frontmatter_key_unknown, frontmatter_field_invalid,
frontmatter_first_line, frontmatter_crlf, frontmatter_ends_early.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.catalog.model import Remark, Skill
from skillport_sync.lint.code import Code, Surface
from skillport_sync.lint.codes import CODES
from skillport_sync.lint.skills_extension_rules import inexact
from skillport_sync.lint.written_frontmatter import WrittenFrontmatter, written_frontmatter

ALLOWED_KEYS = frozenset({"name", "description", "license", "compatibility", "metadata", "allowed-tools"})
MAX_NAME_CHARS = 64
MAX_DESCRIPTION_CHARS = 1024
MAX_COMPATIBILITY_CHARS = 500
MAX_KEYS_TOLD = 20
LISTED_CHARS = 1536
"""So much of description and when_to_use together does Claude Code list (measured, 2.1.329)."""

KEBAB_CASE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_RESERVED = re.compile("claude|anthropic", re.IGNORECASE)
_SHOWN_CHARS = 80
_NAMED_HERE = frozenset({"frontmatter_first_line", "skill_md_not_utf8"})


def skill_remarks(skill: Skill, content: bytes) -> Iterator[Remark]:
    """What surfaces have against this skill because of its SKILL.md, whose bytes these are."""
    written = written_frontmatter(content)
    writing = [] if written is None else list(_writing(written))
    yield from writing
    if written is not None:
        yield from _name(skill, written)
        yield from _description(skill.frontmatter, written)
        yield from _keys(skill.frontmatter, written)
    if skill.frontmatter:
        yield from _exactness(content, writing)


def _exactness(content: bytes, told: list[Remark]) -> Iterator[Remark]:
    """What the skills extension has against it, unless something of that is told already."""
    found = inexact(content)
    told_of = () if found is None else (*told, *read_frontmatter(content).problems)
    if found is not None and not any(Surface.SEP_2640 in CODES[remark.code].breaks for remark in told_of):
        code = found.code if found.code in _NAMED_HERE else "frontmatter_not_exact"
        yield _remark(code, f"{found.what}; hosts of the skills extension refuse the skill", found.line)


def _writing(written: WrittenFrontmatter) -> Iterator[Remark]:
    if not written.first_line_is_exact:
        yield _remark("frontmatter_first_line", 'the first line must be "---" and nothing else: no mark, no spaces', 1)
    if written.has_crlf:
        yield _remark("frontmatter_crlf", "the frontmatter's lines end in CRLF, and the upload looks for LF", 1)
    if written.ends_within_line is not None:
        message = 'Claude Code ends the frontmatter at the "---" inside this line, and takes the rest for the body'
        yield _remark("frontmatter_ends_early", message, written.ends_within_line)


def _name(skill: Skill, written: WrittenFrontmatter) -> Iterator[Remark]:
    name = skill.frontmatter.get("name")
    if name is None:
        if skill.frontmatter:
            yield _remark("skill_name_missing", f"the frontmatter gives no name; {skill.name!r} stands in", 1)
        return
    if not isinstance(name, str):
        return  # the catalog says so
    line = written.line_of("name")
    shown = repr(name[:_SHOWN_CHARS])
    if not KEBAB_CASE.fullmatch(name):
        yield _remark("skill_name_not_kebab", f"{shown} must be small letters, digits and single hyphens", line)
    if len(name) > MAX_NAME_CHARS:
        message = f"the name has {len(name):,} characters, more than {MAX_NAME_CHARS}"
        yield _remark("skill_name_too_long", message, line)
    directory = skill.directory.rpartition("/")[2]
    if directory and name != directory:
        yield _remark("skill_name_differs", f"{shown} is not the name of its directory, {directory!r}", line)
    reserved = _RESERVED.search(name)
    if reserved is not None:
        yield _remark("skill_name_reserved", f'{shown} holds "{reserved[0].lower()}"', line)


def _description(frontmatter: Mapping[str, object], written: WrittenFrontmatter) -> Iterator[Remark]:
    description = frontmatter.get("description")
    if not isinstance(description, str):
        return  # the catalog says so
    line = written.line_of("description")
    if len(description) > MAX_DESCRIPTION_CHARS:
        message = f"the description has {len(description):,} characters, more than {MAX_DESCRIPTION_CHARS:,}"
        yield _remark("skill_description_too_long", message, line)
    if "<" in description or ">" in description:
        yield _remark("skill_description_markup", 'the description holds "<" or ">", which the upload refuses', line)
    when = frontmatter.get("when_to_use")
    listed = len(description) + (len(when) if isinstance(when, str) else 0)
    if listed > LISTED_CHARS:
        message = f"Claude Code lists {LISTED_CHARS:,} of these {listed:,} characters; when_to_use counts too"
        yield _remark("skill_listing_cut", message, line)


def _keys(frontmatter: Mapping[str, object], written: WrittenFrontmatter) -> Iterator[Remark]:
    unknown = [key for key in frontmatter if key not in ALLOWED_KEYS]
    for key in unknown[:MAX_KEYS_TOLD]:
        message = f"{key[:_SHOWN_CHARS]!r} is not a key of the specification, and the upload refuses it"
        yield _remark("frontmatter_key_unknown", message, written.line_of(key))
    for field in ("license", "compatibility", "allowed-tools"):
        value = frontmatter.get(field)
        if value is not None and not isinstance(value, str):
            yield _invalid(f"{field} must be text", written.line_of(field))
    compatibility = frontmatter.get("compatibility")
    if isinstance(compatibility, str) and len(compatibility) > MAX_COMPATIBILITY_CHARS:
        message = f"compatibility has {len(compatibility):,} characters, more than {MAX_COMPATIBILITY_CHARS}"
        yield _invalid(message, written.line_of("compatibility"))
    metadata = frontmatter.get("metadata")
    if metadata is not None and not _maps_text_to_text(metadata):
        yield _invalid("metadata must map text to text; put numbers and dates in quotes", written.line_of("metadata"))


def _maps_text_to_text(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _invalid(message: str, line: int) -> Remark:
    return _remark("frontmatter_field_invalid", message, line)


def _remark(name: str, message: str, line: int) -> Remark:
    code: Code = CODES[name]
    return Remark(code.name, code.severity, message, line)
