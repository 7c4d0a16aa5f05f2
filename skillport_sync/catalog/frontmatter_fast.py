"""Owns reading ordinary frontmatter in microseconds.

ruamel's parser takes half a millisecond a file and a first sync reads ten thousand of them, nearly all of one simple shape. This
reader knows that shape and nothing else:

* ``key: value`` lines that start in the first column, comments and empty lines between them;
* a value is plain text, text in quotes without escapes, nothing at all, or one line of ``[plain, plain]``;
* or what is indented below the key: ``|`` or ``>`` text, a list of such values, or one level of such ``key: value`` lines.

Whenever anything else shows it answers None and the real reader (``frontmatter_yaml``) takes the whole text. What it does answer
is exactly what the real reader would have: a property test holds that over generated and mutated frontmatter.
"""

from __future__ import annotations

import re

from skillport_sync.catalog.yaml_scalars import Scalar, plain_scalar

# Anything beyond printable text on "\n" lines has rules of its own in YAML: tabs, other line breaks, controls, surrogates.
_UNUSUAL = re.compile(r"[^\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_ENTRY = re.compile(r"( *)([A-Za-z_][A-Za-z0-9_-]{0,99}):(?: +(.*))?")
_ITEM = re.compile(r"( *)- +(.*)")

# A plain scalar begins with no indicator and holds neither ": " nor " #". Beginnings with "-", "?" or ":" can be plain too: rare.
_PLAIN = re.compile(r"""[^\s\-?:,\[\]{}#&*!|>'"%@`](?:[^:#]|:(?=[^ ])|(?<! )\#)*""")
_QUOTED = re.compile(r"""(?:"([^"\\]*)"|'((?:[^']|'')*)') *""")
_FLOW_ITEM = r"""[^\s\-?:,\[\]{}#&*!|>'"%@`][^:#,\[\]{}"'?&*!|>%@`]*"""
_FLOW_LIST = re.compile(rf"\[ *({_FLOW_ITEM}(?:, *{_FLOW_ITEM})*)\] *")
_BLOCK_TEXT = re.compile(r"([|>])(-?) *")


def read_simple_mapping(text: str) -> dict[str, object] | None:
    """The mapping that this text is, or None where it is not of the simple shape. Linear, never raises."""
    if _UNUSUAL.search(text):
        return None
    lines = text.split("\n")
    values: dict[str, object] = {}
    at, end = 0, len(lines)
    while at < end:
        line = lines[at]
        at += 1
        if not line.strip(" ") or line[0] == "#":
            continue
        entry = _ENTRY.fullmatch(line)
        if entry is None or entry[1] or entry[2] in values:
            return None
        written = entry[3]
        if written:
            if (block := _BLOCK_TEXT.fullmatch(written)) is not None:
                read = _block_text(lines, at, folded=block[1] == ">", stripped=bool(block[2]))
                if read is None:
                    return None
                values[entry[2]], at = read
                continue
            value = _inline(written)
            if value is None:
                return None
            values[entry[2]] = value[0]
        elif at < end and lines[at][:1] in (" ", "-"):
            below = _collection(lines, at)
            if below is None:
                return None
            values[entry[2]], at = below
        else:
            values[entry[2]] = None
    return values


def _inline(written: str) -> tuple[object] | None:
    """The value on the key's own line, in a tuple because it may itself be None."""
    scalar = _scalar(written)
    if scalar is not None:
        return scalar
    flow = _FLOW_LIST.fullmatch(written)
    return None if flow is None else ([plain_scalar(item.strip(" ")) for item in flow[1].split(",")],)


def _scalar(written: str) -> tuple[Scalar] | None:
    if _PLAIN.fullmatch(written):
        text = written.rstrip(" ")
        return None if text[-1] == ":" else (plain_scalar(text),)
    quoted = _QUOTED.fullmatch(written)
    if quoted is None:
        return None
    return (quoted[1] if quoted[1] is not None else quoted[2].replace("''", "'"),)


def _block_text(lines: list[str], at: int, *, folded: bool, stripped: bool) -> tuple[str, int] | None:
    """The text below ``key: |`` and the number of the line after it."""
    first = lines[at] if at < len(lines) else ""
    indent = len(first) - len(first.lstrip(" "))
    if indent == 0 or indent == len(first):
        return None
    margin = " " * indent
    texts: list[str] = []
    while at < len(lines) and lines[at].startswith(margin):
        text = lines[at][indent:]
        if not text or (folded and text[0] == " "):
            return None  # an indented empty line, or one indented further: rules of their own
        texts.append(text)
        at += 1
    if at == len(lines):
        return None  # the text ends without a line break, and then so does the value
    if lines[at][:1] in ("", " ") and any(lines[at:]):
        return None  # empty lines within or after it count, a shallower line is an error
    return (" " if folded else "\n").join(texts) + ("" if stripped else "\n"), at


def _collection(lines: list[str], at: int) -> tuple[object, int] | None:
    """The list or the one level of ``key: value`` lines below a key, and the number of the line after it."""
    items: list[object] = []
    entries: dict[str, object] = {}
    first = lines[at]
    indent = len(first) - len(first.lstrip(" "))
    as_list = first[indent : indent + 2] == "- "
    if indent == 0 and not as_list:
        return None
    shape = _ITEM if as_list else _ENTRY
    while at < len(lines):
        line = lines[at]
        if not line or (line[0] != " " and not (as_list and indent == 0 and line[0] == "-")):
            break
        match = shape.fullmatch(line)
        if match is None or len(match[1]) != indent:
            return None
        written = match[match.re.groups]
        scalar = _scalar(written) if written else None
        if scalar is None:
            return None
        if as_list:
            items.append(scalar[0])
        elif match[2] in entries:
            return None
        else:
            entries[match[2]] = scalar[0]
        at += 1
    return (items if as_list else entries), at
