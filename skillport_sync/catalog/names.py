"""Owns what marketplaces and plugins may be called, and by whom: what Claude Code and claude.ai refuse, keep for themselves or
take for an imitation.

Facts: measured with Claude Code 2.1.329. Pure words; which of them is worth a warning is said here, what becomes of the plugin
is not.

Problem codes: marketplace_name_missing, marketplace_name_invalid, marketplace_name_reserved, plugin_name_reserved,
plugin_name_not_kebab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from skillport_sync.catalog.model import Remark, Severity

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KEBAB_CASE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

_RESERVED = frozenset(
    (
        # Anthropic's own marketplaces.
        *("agent-skills", "anthropic-agent-skills", "anthropic-marketplace", "anthropic-plugin-directory"),
        *("anthropic-plugins", "claude-code-marketplace", "claude-code-plugins", "claude-community"),
        *("claude-for-financial-services", "claude-for-legal", "claude-plugin-directory", "claude-plugins-community"),
        *("claude-plugins-official", "claude-tag-plugins", "financial-services-plugins", "first-party-plugins"),
        *("healthcare", "knowledge-work-plugins", "life-sciences"),
        # What Claude Code and Claude Desktop call something else.
        *("builtin", "cargo", "claude-plugin-test", "gh", "github", "inline", "npm", "org", "org-provisioned", "pip"),
        *("skills-dir", "synced", "unknown", "uv"),
    )
)
_LOOKS_OFFICIAL = re.compile(
    r"official.*(?:claude|anthropic)|(?:claude|anthropic).*official|^(?:claude|anthropic)-plugins"
)
_PLUGINS_LIKE_ANTHROPICS = ("claude-", "anthropic-", "anthropics-", "cc-plugin-")
_PLUGINS_OF_ANTHROPIC = frozenset(("claude", "claude-code", "anthropic", "anthropics"))


def is_plugin_name(text: str) -> bool:
    """Whether a plugin of this name can be installed."""
    return _NAME.fullmatch(text) is not None


def remarks_on_marketplace(name: str) -> Iterator[Remark]:
    """What some client has against a marketplace of this name."""
    shown = repr(name[:80])
    if not name:
        yield _warning("marketplace_name_missing", "the marketplace has no name; Claude Code refuses the whole file")
    elif not _NAME.fullmatch(name):
        message = f"{shown} cannot be a marketplace's name (letters, digits, '.', '_', '-'); Claude Code refuses the whole file"
        yield _warning("marketplace_name_invalid", message)
    elif name in _RESERVED or name.startswith("claudeai-"):
        message = f"{shown} is reserved; Claude Code refuses to add a marketplace of this name from anywhere else"
        yield _warning("marketplace_name_reserved", message)
    elif _LOOKS_OFFICIAL.search(name.lower()):
        message = f"{shown} looks like a marketplace of Anthropic's; Claude Code refuses to add it"
        yield _warning("marketplace_name_reserved", message)


def remarks_on_plugin(name: str) -> Iterator[Remark]:
    """What some client has against a plugin of this name, which it is told that it loads."""
    if name in _PLUGINS_OF_ANTHROPIC or name.startswith(_PLUGINS_LIKE_ANTHROPICS):
        message = f"{name}: looks like a plugin of Anthropic's; `claude plugin validate` refuses it, although it loads"
        yield _warning("plugin_name_reserved", message)
    if not _KEBAB_CASE.fullmatch(name):
        message = f"{name}: claude.ai does not sync a plugin whose name is not kebab-case"
        yield Remark("plugin_name_not_kebab", Severity.INFO, message)


def _warning(code: str, message: str) -> Remark:
    return Remark(code, Severity.WARNING, message)
