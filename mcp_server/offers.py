"""Owns the words of what the tool gives besides answers: the command that installs a skill, a token for other ways in.

Structured like every answer; the text is a sentence instead of the same JSON again, because a model has to read it and act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.api_tokens import MintedToken, Purpose
from mcp_server.install.links import InstallOffer, Target
from mcp_server.marketplace.settings_snippet import Connection
from mcp_server.rendering import Json, skill_json

_UNITS: Final = ("bytes", "kB", "MB", "GB")
_THOUSAND: Final = 1_000
_A_PACKAGE: Final = "a .skill file in /tmp"


@dataclass(frozen=True, slots=True)
class Offered:
    """Something that is given once: what it consists of, and how to use it. Nothing of it may be kept."""

    payload: Json
    text: str


def install_offered(offer: InstallOffer, *, several: bool) -> Offered:
    """The one command to run, and what it will do."""
    minutes = offer.expires_in_s // 60
    writes = _A_PACKAGE if offer.target is Target.PACKAGE else f"~/.claude/skills/{offer.skill.name}"
    rewrites = [rewrite.what for rewrite in offer.rewrites]
    payload: Json = {
        "skill": skill_json(offer.skill, several),
        "command": offer.command,
        "expires_in": offer.expires_in_s,
        "target": offer.target.value,
        "writes": writes,
        "file_count": offer.files,
        "size_bytes": offer.size_bytes,
        **({"rewrites": rewrites} if rewrites else {}),
    }
    version = f" {offer.skill.version}" if offer.skill.version else ""
    files = "1 file" if offer.files == 1 else f"{offer.files} files"
    what = f"{offer.skill.plugin}/{offer.skill.name}{version} ({files}, {_size(offer.size_bytes)})"
    text = f"Run once, within {minutes} minutes:\n{offer.command}\nIt writes {what} to {writes}"
    if offer.target is Target.PACKAGE:
        text += " and prints SKILL_FILE=…; give the user that file to upload."
    else:
        text += "; a new conversation finds it there."
    if rewrites:
        text += f" Not as its author wrote it: {'; '.join(rewrites)}."
    return Offered(payload, text)


def token_offered(
    minted: MintedToken,
    *,
    base_url: str,
    client_info: Mapping[str, str] | None,
    connections: Sequence[Connection] = (),
) -> Offered:
    """The token, and where to send it. ``connections``: how Claude Code is told of each marketplace."""
    payload: Json = {
        "token": minted.token,
        "base_url": base_url,
        "expires_in": minted.expires_in_s,
        "purpose": minted.purpose.value,
        "read_only": minted.read_only,
        "client_info": dict(client_info) if client_info else None,
        "instructions": _instructions(minted, base_url),
    }
    if minted.purpose is Purpose.CLAUDE_CODE:
        payload |= {
            "settings": [connection.settings for connection in connections],
            "commands": [command for connection in connections for command in connection.commands],
        }
    return Offered(payload, "")


def _instructions(minted: MintedToken, base_url: str) -> str:
    if minted.purpose is Purpose.CLAUDE_CODE:
        return (
            "Run the first command: it keeps the token in a file of yours. Merge settings into ~/.claude/settings.json, start "
            "Claude Code once, then run the other commands. "
            f"It reads, for {minted.expires_in_s // 86_400} days; an operator can revoke it."
        )
    return (
        f'Send it with every request: curl -sf "{base_url}/api/skills" -H "Authorization: Bearer $TOKEN". '
        f"It ends in {minted.expires_in_s // 60} minutes; ask again then. Never show it to anybody."
    )


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in _UNITS:
        if size < _THOUSAND or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}"
        size /= _THOUSAND
    raise AssertionError("there is always a last unit")
