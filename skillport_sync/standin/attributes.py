"""Owns ``.gitattributes`` as far as ``git archive`` obeys it: which files are left out, and whose bytes are altered.

Rules: https://git-scm.com/docs/gitattributes. A later line wins over an earlier one, a deeper file over a higher one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from skillport_sync.standin.objects import CommitObject, TreeEntry

FILE_NAME = b".gitattributes"
_FORMAT = re.compile(rb"\$Format:([^$\n]*)\$")
_IDENT = re.compile(rb"\$Id(:[^$\n]*)?\$")

Attributes = dict[str, str | bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of one file. ``directory`` is where the file lies, with its slash, or empty."""

    directory: bytes
    pattern: bytes
    values: tuple[tuple[str, str | bool], ...]

    def applies(self, path: bytes, *, is_directory: bool) -> bool:
        pattern = self.pattern
        if pattern.endswith(b"/"):
            if not is_directory:
                return False
            pattern = pattern.rstrip(b"/")
        below = path[len(self.directory) :]
        if b"/" not in pattern:
            return _compiled(pattern).fullmatch(below.rpartition(b"/")[2]) is not None
        return _compiled(pattern.lstrip(b"/")).fullmatch(below) is not None


def parse(directory: bytes, content: bytes) -> list[Rule]:
    rules = []
    for line in content.splitlines():
        words = line.split()
        if len(words) < 2 or words[0].startswith((b"#", b"[attr]", b"!")):
            continue
        values = tuple(_value(word.decode("utf-8", "replace")) for word in words[1:])
        rules.append(Rule(directory, words[0].strip(b'"'), values))
    return rules


def _value(word: str) -> tuple[str, str | bool]:
    if word[0] in "-!":
        return word[1:], False
    name, equals, value = word.partition("=")
    return name, value if equals else True


def of(rules: Sequence[Rule], path: bytes, *, is_directory: bool) -> Attributes:
    """What holds for a path, given the rules of its directory and all above it, highest first."""
    found: Attributes = {}
    for rule in rules:
        if rule.applies(path, is_directory=is_directory):
            found.update(rule.values)
    return found


def altered(content: bytes, entry: TreeEntry, attributes: Attributes, commit: CommitObject) -> bytes:
    """The bytes that ``git archive`` writes for a file: checked out as the attributes say, then its placeholders filled in."""
    if attributes.get("ident") is True:
        content = _IDENT.sub(b"$Id: " + entry.oid.encode() + b" $", content)
    is_text = attributes.get("text") is not False and ("text" in attributes or "eol" in attributes)
    if is_text and attributes.get("eol") == "crlf" and b"\r\n" not in content:
        content = content.replace(b"\n", b"\r\n")
    if attributes.get("export-subst") is True:
        content = _FORMAT.sub(lambda match: _expand(match[1], commit), content)
    return content


def _expand(template: bytes, commit: CommitObject) -> bytes:
    """The placeholders of ``git log --format`` that name the commit; unknown ones stay as they are."""
    known = {
        b"%H": commit.oid,
        b"%h": commit.oid[:7],
        b"%T": commit.tree,
        b"%t": commit.tree[:7],
        b"%P": " ".join(commit.parents),
        b"%an": commit.author.name,
        b"%ae": commit.author.email,
        b"%ct": str(int(commit.committer.at.timestamp())),
        b"%cI": commit.committer.at.isoformat(timespec="seconds"),
        b"%s": commit.message.partition("\n")[0],
    }
    return re.sub(rb"%(?:an|ae|ct|cI|[HhTtPs])", lambda match: known[match[0]].encode(), template)


@lru_cache(maxsize=1024)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    """A wildmatch pattern as a regular expression: ``*`` and ``?`` stop at slashes, ``**`` does not."""
    text, regex, position = pattern.decode("latin-1"), "", 0
    while position < len(text):
        if text.startswith("**/", position):
            regex, position = regex + "(?:.*/)?", position + 3
        elif text.startswith("/**", position) and position + 3 == len(text):
            regex, position = regex + "/.*", position + 3
        elif text[position] == "[" and "]" in text[position + 2 :]:
            end = text.index("]", position + 2)
            inside = text[position + 1 : end].replace("\\", "\\\\")
            regex, position = regex + "[" + ("^" + inside[1:] if inside[0] in "!^" else inside) + "]", end + 1
        elif text[position] == "\\" and position + 1 < len(text):
            regex, position = regex + re.escape(text[position + 1]), position + 2
        else:
            regex += {"*": "[^/]*", "?": "[^/]"}.get(text[position], re.escape(text[position]))
            position += 1
    return re.compile(regex.encode("latin-1"), re.DOTALL)
