"""Owns the SKILL.md of a package: the one that was there, or its body below frontmatter that an upload takes. Pure.

The rules are the Agent Skills specification's as the Skills API and claude.ai apply them: six keys and no other, lengths, no
``<`` or ``>`` in the description, YAML that PyYAML reads. What they refuse is moved, put into words or cut, and told; comments in
frontmatter that is written anew are not kept. Not a byte of the body is changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mcp_server.install.package_rewrite import Rewrite, some_of
from mcp_server.install.package_yaml import is_read_alike, written
from skillport_sync.catalog.frontmatter import Frontmatter, read_frontmatter
from skillport_sync.catalog.skill_md import first_paragraph
from skillport_sync.catalog.yaml_scalars import plain_scalar
from skillport_sync.lint.skill_rules import ALLOWED_KEYS, MAX_COMPATIBILITY_CHARS, MAX_DESCRIPTION_CHARS

_FENCE = b"---"
_NO_FRONTMATTER = frozenset({"frontmatter_missing", "frontmatter_unterminated"})
_REST_OF_THE_FENCE = re.compile(rb"[ \t]*(?:\r?\n|\Z)")
_COMMENT = re.compile(rb"^#", re.MULTILINE)
_HARMLESS = str.maketrans(
    "<>", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
)
_ONE_WORD = re.compile(r"^[ \t]*([^\s:]+)[ \t]*:[ \t]+([^\s#]+)[ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)
_LONG_WORD = 100
"""A text is not cut in the middle of a word, unless the word is longer than this."""
_TEXT_KEYS = ("license", "compatibility", "allowed-tools")


@dataclass(frozen=True, slots=True)
class Written:
    content: bytes
    rewrites: tuple[Rewrite, ...]
    """Empty exactly where ``content`` is what it was."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A SKILL.md, taken apart. ``block`` is what is between the fences, None where there are none."""

    block: bytes | None
    body: bytes
    why_anew: str | None
    """What is wrong with how it is written; None where only its values, or YAML 1.1's view of them, may be."""


def for_upload(content: bytes, called: str, name: str) -> Written:
    """This SKILL.md, which is UTF-8, as an upload takes it. The catalog calls the skill ``called``, and the package ``name``."""
    read = read_frontmatter(content)
    parts = _parts(content, read)
    fields = _Fields(read.values, _lines_of(content[: read.body_start].decode("utf-8", "replace")))
    fields.add_name(called, name)
    fields.add_description(first_paragraph(content, read.body_start), name)
    fields.add_others()
    rewrites = (*_form(parts), *fields.rewrites)
    if not rewrites and is_read_alike((parts.block or b"").decode(), read.values):
        return Written(content, ())
    rewrites = rewrites or (_anew("YAML 1.1 reads it otherwise than YAML 1.2 does"),)
    if parts.block is not None and _COMMENT.search(parts.block):
        rewrites += (Rewrite("comments_dropped", "comments in the frontmatter are left out"),)
    head = b"---\n" + written(fields.values).encode() + b"---\n"
    return Written(head + parts.body, rewrites)


def _parts(content: bytes, read: Frontmatter) -> _Parts:
    if any(remark.code in _NO_FRONTMATTER for remark in read.problems):
        return _Parts(None, content[read.body_start :], read.problems[0].message)
    # After the closing fence the reader passes over white space only, in which there is no hyphen.
    closing_at = content.rfind(_FENCE, 0, read.body_start)
    opening_end = content.index(b"\n", 0, closing_at) + 1
    block, after = content[opening_end:closing_at], content[closing_at + len(_FENCE) :]
    rest = _REST_OF_THE_FENCE.match(after)
    body = after[rest.end() :] if rest else after
    why = _why_anew(content, block, rest is not None and rest[0] in (b"\n", b""), read)
    return _Parts(block, body, why)


def _why_anew(content: bytes, block: bytes, is_closed_plainly: bool, read: Frontmatter) -> str | None:
    if read.problems:
        return read.problems[0].message
    if not content.startswith(_FENCE + b"\n"):
        return "its first line is not just ---" if b"\r" not in content[:5] else "its lines end in CRLF"
    if b"\r" in block:
        return "its lines end in CRLF"
    if not block.endswith(b"\n") or not is_closed_plainly:
        return "it does not end with a line that is just ---"
    return None


def _form(parts: _Parts) -> Iterator[Rewrite]:
    if parts.block is None:
        yield Rewrite("frontmatter_added", f"frontmatter was added: {parts.why_anew}")
    elif parts.why_anew is not None:
        yield _anew(parts.why_anew)


def _anew(why: str) -> Rewrite:
    return Rewrite("frontmatter_written_anew", f"the frontmatter was written anew: {why}")


@dataclass(slots=True)
class _Fields:
    """What the new frontmatter says, gathered from ``old``; ``lines`` are how its numbers are written."""

    old: Mapping[str, object]
    lines: Mapping[str, list[str]]
    values: dict[str, str | Mapping[str, str]] = field(default_factory=dict)
    rewrites: list[Rewrite] = field(default_factory=list)

    def add_name(self, called: str, name: str) -> None:
        self.values["name"] = name
        if called != name:
            self._tell(
                "name_changed", f"{called!r} is called {name!r}: an upload takes no other letters and no reserved words"
            )
        elif self.old.get("name") != name:
            self._tell("name_added", f"the name {name!r} was written into SKILL.md, which gave none that can be used")

    def add_description(self, paragraph: str, name: str) -> None:
        old = self.old.get("description")
        description = (
            old
            if isinstance(old, str)
            else ""
            if old is None or isinstance(old, dict | list)
            else self._text("description", old)
        )
        if not description.strip():
            description = paragraph or f"The skill {name}."
            where = "the first paragraph" if paragraph else "its name"
            self._tell("description_added", f"there was no description; {where} stands in")
        elif not isinstance(old, str):
            self._tell("field_as_text", "description is written as text")
        if "<" in description or ">" in description:
            description = description.translate(_HARMLESS)
            self._tell("description_markup", 'the description holds "<" or ">"; look-alikes stand in')
        self.values["description"] = self._cut("description", description, MAX_DESCRIPTION_CHARS)

    def add_others(self) -> None:
        for key in _TEXT_KEYS:
            if key in self.old:
                self._add_text(key, self.old[key])
        metadata = self._metadata()
        moved = [key for key in self.old if key not in ALLOWED_KEYS]
        for key in moved:
            metadata[_free(key, metadata)] = self._text(key, self.old[key])
        if moved:
            self._tell("keys_moved", f"an upload refuses these keys; they stand under metadata: {some_of(moved)}")
        self.values["metadata"] = metadata

    def _add_text(self, key: str, old: object) -> None:
        if old is None:
            self._tell("field_dropped", f"{key} is left out: it says nothing")
            return
        text = old if isinstance(old, str) else self._text(key, old)
        if isinstance(old, list) and key == "allowed-tools":
            text = " ".join(self._text(key, tool) for tool in old)
        if not isinstance(old, str):
            self._tell("field_as_text", f"{key} is written as text")
        self.values[key] = self._cut(key, text, MAX_COMPATIBILITY_CHARS) if key == "compatibility" else text

    def _metadata(self) -> dict[str, str]:
        old = self.old.get("metadata")
        if isinstance(old, dict):
            changed = [key for key, value in old.items() if not isinstance(value, str)]
            if changed:
                self._tell("metadata_as_text", f"metadata holds text only; written as text: {some_of(changed)}")
            return {key: self._text(key, value) for key, value in old.items()}
        if "metadata" not in self.old:
            return {}
        self._tell("metadata_as_text", "metadata has to be a mapping; what it was stands in it as text")
        return {"metadata": self._text("metadata", old)}

    def _text(self, key: str, value: object) -> str:
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False)
        # As it was written: ``version: 1.10`` is not 1.1 to its author.
        same = (word for word in self.lines.get(key, ()) if _is_the_same(plain_scalar(word), value))
        return next(same, json.dumps(value))

    def _cut(self, key: str, text: str, most: int) -> str:
        if len(text) <= most:
            return text
        code = "description_cut" if key == "description" else "field_cut"
        self._tell(code, f"{key} was cut from {len(text):,} characters to {most:,}")
        text = text.strip()
        space = text.rfind(" ", most - _LONG_WORD, most)
        return text if len(text) <= most else text[: space if space > 0 else most - 1].rstrip() + "…"

    def _tell(self, code: str, what: str) -> None:
        self.rewrites.append(Rewrite(code, what))


def _is_the_same(one: object, other: object) -> bool:
    """To Python, True is 1 and 1 is 1.0."""
    return type(one) is type(other) and one == other


def _lines_of(source: str) -> Mapping[str, list[str]]:
    """What stands behind each key, on whatever level, where it is a single word."""
    found: dict[str, list[str]] = {}
    for line in _ONE_WORD.finditer(source):
        found.setdefault(line[1], []).append(line[2])
    return found


def _free(key: str, taken: Mapping[str, str]) -> str:
    """This key, or the same with a number where it is taken."""
    free, at = key, 2
    while free in taken:
        free, at = f"{key}-{at}", at + 1
    return free
