"""Owns what a skill is called in a package, where an upload does not take the name that it has. Pure.

The rules are those of the Agent Skills specification, and claude.ai's and the Skills API's own: neither "claude" nor "anthropic"
in a name (https://platform.claude.com/docs/en/agents-and-tools/agent-skills/overview). A name stays as near to the old one as
they let it, and two names that differ in more than how they are written stay two.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from skillport_sync.lint.skill_rules import MAX_NAME_CHARS

STAND_IN = "ai"
"""What is written for a reserved word: as short, and neither of them can come about through it."""

_RESERVED = re.compile("claude|anthropic")
_NOT_ALLOWED = re.compile("[^a-z0-9]+")


def upload_name(name: str) -> str:
    """What this is called where only 1 to 64 of ``a-z0-9`` and single hyphens between them are allowed, no word reserved.

    The same for a name that is that already. One of which nothing would be left becomes ``skill-`` and digits that depend on it.
    """
    # Letters lose their accents rather than disappear: a decomposed "ü" is "u" and a mark.
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    hyphenated = _NOT_ALLOWED.sub("-", plain).strip("-")
    allowed = _RESERVED.sub(STAND_IN, hyphenated)[:MAX_NAME_CHARS].rstrip("-")
    return allowed or f"skill-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
