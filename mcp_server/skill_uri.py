"""Owns the addresses of skills and their files over MCP: ``skill://<marketplace>/<plugin>/<skill>/<path>``. Pure.

The last segment before the file's path is the skill's name, the ones before it are free:
https://github.com/modelcontextprotocol/ext-skills/blob/main/specification/stable/skills.mdx#resource-mapping.
Knows how an address is spelled, never whether anything is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

SKILL_MD: Final = "SKILL.md"
MAX_CHARACTERS: Final = 8_192
"""A path has 1,024 bytes at most, and each of them at most three characters here."""

_SCHEME: Final = "skill://"


@dataclass(frozen=True, slots=True)
class SkillUri:
    """``path`` is relative to the skill; empty for the skill's own directory."""

    marketplace: str
    """A word, or two with a slash between them: most are called what their repository is."""
    plugin: str
    skill: str
    path: str = SKILL_MD

    def __str__(self) -> str:
        """The one spelling of this address: UTF-8, and everything encoded that need not stand as it is."""
        whole = f"{quote(self.marketplace)}/{quote(self.plugin, safe='')}/{quote(self.skill, safe='')}"
        return f"{_SCHEME}{whole}/{quote(self.path)}" if self.path else f"{_SCHEME}{whole}"

    @property
    def label(self) -> str:
        """What such a skill is called in a question."""
        return f"{self.plugin}/{self.skill}@{self.marketplace}"


def readings(uri: str) -> tuple[SkillUri, ...]:
    """What ``uri`` may be the address of, in whatever spelling: with a marketplace of two words, then with one of one word.

    None where it can be no skill's, nor that of a directory or a file in one. A slash that is encoded separates nothing, and no
    name holds one.
    """
    if len(uri) > MAX_CHARACTERS or uri[: len(_SCHEME)].lower() != _SCHEME or "?" in uri or "#" in uri:
        return ()
    try:
        words = [unquote(word, errors="strict") for word in uri[len(_SCHEME) :].split("/")]
    except UnicodeDecodeError:
        return ()
    if not all(words) or any("/" in word for word in words):
        return ()
    return tuple(
        SkillUri("/".join(words[:own]), words[own], words[own + 1], "/".join(words[own + 2 :]))
        for own in (2, 1)
        if len(words) >= own + 2
    )
