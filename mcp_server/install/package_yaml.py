"""Owns YAML that every reader understands alike: writing it, and telling whether something is it already. Pure.

claude.ai reads frontmatter with PyYAML, which is YAML 1.1: ``no`` is false there, ``12:30`` is 750 and ``2024-01-01`` a date.
Claude Code ends it at the first ``---``, wherever that stands. Whatever could be read in two ways is written in double quotes, in
which both have the same escapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

# Begins with a letter, so it is no number and no date; holds nothing that means something in YAML.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.,;()/+' -]*[A-Za-z0-9_.,;()/+'-])?")
# https://yaml.org/type/bool.html and https://yaml.org/type/null.html
_WORDS = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})
# Line breaks of YAML 1.1 that 1.2 does not know, and letters that readers treat each in their own way.
_UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_TEXT = "tag:yaml.org,2002:str"
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def written(values: Mapping[str, str | Mapping[str, str]]) -> str:
    """The lines of these values, in their order. An empty mapping inside has no line."""
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, str):
            lines.append(f"{_scalar(key)}: {_scalar(value)}\n")
        elif value:
            lines.append(f"{_scalar(key)}:\n")
            lines += [f"  {_scalar(below)}: {_scalar(text)}\n" for below, text in value.items()]
    return "".join(lines)


def is_read_alike(text: str, values: Mapping[str, object]) -> bool:
    """Whether ``values``, which YAML 1.2 has found in ``text``, are all text, and found so by YAML 1.1 too. Never raises.

    Reading is bounded by what the reader of 1.2 has let pass: its limits of depth and number, and no aliases.
    """
    if _UNUSUAL.search(text):
        return False
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    try:
        root = reader.compose(text)
    except Exception:  # ruamel raises ValueError, IndexError and others on odd text besides its own, and documents none
        return False
    return _is_same(root, values)


def _is_same(node: object, value: object) -> bool:
    if isinstance(node, MappingNode) and isinstance(value, Mapping):
        pairs = zip(node.value, value.items(), strict=False)
        return len(node.value) == len(value) and all(
            _is_same(its_key, key) and _is_same(its, below) for (its_key, its), (key, below) in pairs
        )
    # Resolved, not constructed: a plain scalar is "str" only where it is nothing else.
    return isinstance(node, ScalarNode) and node.tag == _TEXT and node.value == value


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and "---" not in text:
        return text
    return '"' + "".join(map(_escaped, text)).replace("---", r"--\x2d") + '"'


def _escaped(letter: str) -> str:
    if letter in _SHORT:
        return _SHORT[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
