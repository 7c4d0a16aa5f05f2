"""Owns what a person writes down so that Claude Code installs from this service: the settings, and the commands. Pure.

Claude Code 2.1.329, measured: `plugin marketplace add` cannot be told a header, and refuses an address whose settings have one;
so the marketplace goes into the settings by hand, and is known from the next start of a session on. ``headersHelper`` is a line
of shell that prints a JSON object; it is run for every fetch and sees CLAUDE_CODE_MARKETPLACE_URL and _NAME.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

SETTINGS_FILE: Final = "~/.claude/settings.json"
PLACEHOLDER: Final = "YOUR-TOKEN"
_FOLDER: Final = "~/.config/skillport"


@dataclass(frozen=True, slots=True)
class Connection:
    """How one marketplace is connected to Claude Code."""

    settings: dict[str, object]
    """To be merged into ``SETTINGS_FILE``."""
    commands: tuple[str, ...]
    """What to run, one line of shell each: what keeps the token, if anything has to, and then, after Claude Code has been started
    once with these settings, how to install."""

    @property
    def settings_text(self) -> str:
        return json.dumps(self.settings, ensure_ascii=False, indent=2)


def connect(
    *,
    base_url: str,
    title: str,
    marketplace: str | None = None,
    token: str | None = None,
    helper: bool = True,
) -> Connection:
    """The settings and commands for the marketplace that calls itself ``title``.

    ``marketplace`` is the operator's label for it, needed where the service has several. With ``helper`` the token is kept in a
    file that only its owner reads, and can be replaced there; without, it stands in the settings, which everybody on the machine
    may read. Where no ``token`` is given its place is marked.
    """
    base = base_url.rstrip("/")
    query = "" if marketplace is None else f"?marketplace={quote(marketplace, safe='')}"
    source: dict[str, object] = {"source": "url", "url": f"{base}/marketplace.json{query}"}
    keep: tuple[str, ...] = ()
    shown = token or PLACEHOLDER
    if helper:
        path = f"{_FOLDER}/{_file_name(base)}"
        source["headersHelper"] = f"""printf '{{"Authorization":"Bearer %s"}}' "$(cat {path})\""""
        keep = (f"mkdir -p {_FOLDER} && (umask 077 && printf %s {shlex.quote(shown)} > {path})",)
    else:
        source["headers"] = {"Authorization": f"Bearer {shown}"}
    name = shlex.quote(title)
    return Connection(
        {"extraKnownMarketplaces": {title: {"source": source, "autoUpdate": True}}},
        (*keep, f"claude plugin marketplace update {name}", f"claude plugin install PLUGIN@{name}"),
    )


def _file_name(base: str) -> str:
    """The host and port, so that two services do not share a token. Nothing that means something to a shell."""
    host = base.partition("://")[2].partition("/")[0]
    kept = (letter if letter.isascii() and (letter.isalnum() or letter in ".-") else "_" for letter in host)
    return f"{''.join(kept)}.token"
