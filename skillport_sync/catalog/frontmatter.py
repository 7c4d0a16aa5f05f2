"""Owns the frontmatter of a SKILL.md: where it is, and what it says.

Read the way Claude Code reads it, so that a skill means here what it means there: the block opens with ``---`` in the first
line and ends at the next ``---`` wherever that stands; what is not valid YAML is read once more with risky one-line values put
in quotes and tabs replaced; what cannot be read even then counts as empty, and the body still stands. YAML is 1.2: ``yes`` is a
word. Total on any bytes, linear, and never looks further than one block of bounded size.

Problem codes: frontmatter_missing, frontmatter_unterminated, frontmatter_not_utf8, frontmatter_too_large,
frontmatter_invalid, frontmatter_not_a_mapping, frontmatter_alias, frontmatter_repaired, frontmatter_duplicate_key,
frontmatter_tag_ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.frontmatter_fast import read_simple_mapping
from skillport_sync.catalog.frontmatter_yaml import NotYaml, YamlMapping, read_yaml_mapping
from skillport_sync.catalog.model import Remark, Severity

MAX_FRONTMATTER_BYTES = 65_536

_BOM = b"\xef\xbb\xbf"
# White space as JavaScript's \s sees it, in UTF-8: Claude Code matches /^---\s*\n([\s\S]*?)---\s*\n?/.
_SPACE = rb"(?:[\t-\r ]|\xc2\xa0|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80|\xef\xbb\xbf)*"
_OPENING = re.compile(b"---" + _SPACE + rb"\n")
_CLOSING = re.compile(b"---" + _SPACE)

_ONE_LINE = re.compile(r"^([A-Za-z_][A-Za-z0-9_-]*):[ \t]+(.*\S)[ \t]*$", re.MULTILINE)
_RISKY = re.compile(r"[{}\[\]*&#!|>%@`\"'\\]|: |:$")
_WHOLE = re.compile(r""""[^"\\]*"|'(?:[^']|'')*'|[|>][-+]?[1-9]?[-+]?""")


@dataclass(frozen=True, slots=True)
class Frontmatter:
    """``values`` hold only what JSON can carry; ``body_start`` is the offset in bytes at which the body begins."""

    values: Mapping[str, object]
    body_start: int
    problems: tuple[Remark, ...]


def read_frontmatter(content: bytes) -> Frontmatter:
    """What the frontmatter of this SKILL.md says. Never raises."""
    start = len(_BOM) if content.startswith(_BOM) else 0
    opening = _OPENING.match(content, start)
    if opening is None:
        return Frontmatter({}, start, (_missing(content[start : start + 256]),))
    closing_at = content.find(b"---", opening.end())
    if closing_at < 0:
        message = 'the "---" that ends the frontmatter is missing, so the whole file is read as its body'
        return Frontmatter({}, start, (Remark("frontmatter_unterminated", Severity.WARNING, message, 1),))
    closing = _CLOSING.match(content, closing_at)
    body_start = closing.end() if closing else closing_at
    if closing_at - opening.end() > MAX_FRONTMATTER_BYTES:
        message = f"the frontmatter is larger than {MAX_FRONTMATTER_BYTES} bytes and is not read"
        return Frontmatter({}, body_start, (Remark("frontmatter_too_large", Severity.WARNING, message, 1),))
    raw = content[opening.end() : closing_at]
    line_offset = content.count(b"\n", start, opening.end())
    values, remarks = _read(raw, line_offset)
    return Frontmatter(values, body_start, remarks)


def _missing(head: bytes) -> Remark:
    message = 'there is no frontmatter: the first line must be "---"'
    if head.lstrip().startswith(b"---"):
        message += ", with nothing before it"
    return Remark("frontmatter_missing", Severity.WARNING, message, 1)


def _read(raw: bytes, line_offset: int) -> tuple[Mapping[str, object], tuple[Remark, ...]]:
    problems: list[Remark] = []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw.decode("utf-8", "replace")
        message = "the frontmatter is not UTF-8; bytes that are not are shown as �"
        at_line = line_offset + raw.count(b"\n", 0, error.start) + 1
        problems.append(Remark("frontmatter_not_utf8", Severity.WARNING, message, at_line))
    text = text.replace("\r\n", "\n")
    simple = read_simple_mapping(text)
    if simple is not None:
        return simple, tuple(problems)
    read = read_yaml_mapping(text)
    if isinstance(read, NotYaml):
        repaired = _repaired(text)
        if repaired is None:
            problems.append(_unreadable(read, line_offset))
            return {}, tuple(problems)
        message = f"{read.message}; read with the value in quotes, as Claude Code does, but stricter readers refuse it"
        line = read.line + line_offset if read.line is not None else None
        problems.append(Remark("frontmatter_repaired", Severity.WARNING, message, line))
        read = repaired
    problems.extend(
        Remark(remark.code, remark.severity, remark.message, None if remark.line is None else remark.line + line_offset)
        for remark in read.remarks
    )
    return read.values, tuple(problems)


def _unreadable(reason: NotYaml, line_offset: int) -> Remark:
    line = reason.line + line_offset if reason.line is not None else None
    message = f"the frontmatter {reason.message}" if reason.code != "frontmatter_invalid" else reason.message
    return Remark(reason.code, Severity.WARNING, f"{message}; it counts as empty", line)


def _repaired(text: str) -> YamlMapping | None:
    """The second attempt: risky values in quotes, ``[...]`` and ``{...}`` only where nothing else helps."""
    without_tabs = text.replace("\t", "  ")
    for spare_collections in (True, False):
        quoted = _ONE_LINE.sub(lambda line: _quoted(line, spare_collections), without_tabs)  # noqa: B023
        if quoted != text:
            read = read_yaml_mapping(quoted)
            if isinstance(read, YamlMapping):
                return read
    return None


def _quoted(line: re.Match[str], spare_collections: bool) -> str:
    key, value = line[1], line[2]
    if not _RISKY.search(value) or _WHOLE.fullmatch(value):
        return line[0]
    if spare_collections and (value[0] + value[-1]) in ("[]", "{}"):
        return line[0]
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}: "{escaped}"'
