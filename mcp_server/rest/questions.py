"""Owns the questions of the REST API: from a URL or a body to plain values, or a sentence that says what to send instead. Pure.

Easy about what it does not know: other parameters and keys are ignored, because the files that installs leave behind are sent as
they are. An empty parameter is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from mcp_server.install.links import Target
from skillport_sync.errors import Invalid
from skillport_sync.queries.answers import Installed

MAX_TEXT: Final = 1_000
_YES: Final = frozenset({"true", "1", "yes"})
_NO: Final = frozenset({"false", "0", "no"})
_EXAMPLE: Final = 'Send {"installed": [{"name": "pdf", "version": "1.0.0"}]}'


@dataclass(frozen=True, slots=True)
class Browse:
    query: str | None = None
    surface: str | None = None
    plugin: str | None = None
    published: bool | None = None


@dataclass(frozen=True, slots=True)
class At:
    """Which state of a skill: what is served, where neither is set."""

    version: str | None = None
    commit: str | None = None


def label_of(parts: Mapping[str, str]) -> str:
    """The skill that the path of a URL names: ``name``, or ``plugin`` and ``name``.

    Raises: Invalid for what is too long to be one.
    """
    return _bounded("name", "/".join(parts[key] for key in ("plugin", "name") if key in parts))


def browse_of(query: Mapping[str, str]) -> Browse:
    """Raises: Invalid."""
    return Browse(
        query=_text(query, "q"),
        surface=_text(query, "surface"),
        plugin=_text(query, "plugin"),
        published=_flag(query, "published"),
    )


def at_of(query: Mapping[str, str]) -> At:
    """Raises: Invalid."""
    return At(_text(query, "version"), _text(query, "commit"))


def target_of(query: Mapping[str, str]) -> Target:
    """A package where nothing is said, as scripts written for the seed connector expect of its command. Raises: Invalid."""
    target = _text(query, "target")
    try:
        return Target.PACKAGE if target is None else Target(target)
    except ValueError:
        known = " or ".join(one.value for one in Target)
        raise Invalid(f"target must be {known}.", code="unknown_target") from None


def installed_of(body: bytes) -> tuple[Installed, ...]:
    """What somebody says they have: names and versions, or whole ``.skillport.json`` files. Raises: Invalid."""
    try:
        loaded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not JSON. {_EXAMPLE}.", code="not_json") from error
    match loaded:
        case {"installed": [*entries]}:
            return tuple(_entries(entries))
        case _:
            raise Invalid(f"The body has no list of what is installed. {_EXAMPLE}.", code="installed_missing")


def _entries(entries: Sequence[object]) -> Iterable[Installed]:
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"].strip():
            raise Invalid(f"Entry {at} of installed has no name. {_EXAMPLE}.", code="name_missing")
        name, version, revision, plugin, marketplace = (
            _field(entry, at, key) for key in ("name", "version", "revision", "plugin", "marketplace")
        )
        yield Installed(name or "", version, revision, plugin, marketplace)


def _field(entry: Mapping[str, object], at: int, key: str) -> str | None:
    value = entry.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Invalid(f"{key} of entry {at} of installed must be a string.", code="argument_type")
    return _bounded(f"{key} of entry {at} of installed", value)


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    text = _text(query, name)
    if text is None:
        return None
    lowered = text.lower()
    if lowered not in _YES | _NO:
        raise Invalid(f"{name} must be true or false.", code="argument_type")
    return lowered in _YES


def _text(query: Mapping[str, str], name: str) -> str | None:
    return _bounded(name, query[name]) if query.get(name, "").strip() else None


def _bounded(name: str, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise Invalid(f"{name} may be {MAX_TEXT:,} characters long, not {len(text):,}.", code="argument_too_long")
    return text
