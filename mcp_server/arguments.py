"""Owns the tool's arguments: from what a model sent to a question, or to a sentence that says what to send instead.

Strict about meaning, easy about form: an empty string or null is the same as nothing, a single path needs no list. The SDK
enforces no input schema, so nothing is believed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from mcp_server.api_tokens import Purpose
from mcp_server.install.links import Target
from skillport_sync.errors import Invalid
from skillport_sync.queries.answers import Installed
from skillport_sync.queries.nearest import nearest
from skillport_sync.queries.queries import DEFAULT_LIMIT, MAX_LIMIT

MAX_TEXT = 1_000
MAX_CURSOR = 4_096
MAX_ITEMS = 500

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ListQuestion:
    query: str | None = None
    surface: str | None = None
    plugin: str | None = None
    category: str | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class FetchQuestion:
    skill: str
    paths: tuple[str, ...] = ()
    version: str | None = None
    commit: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class VersionQuestion:
    skill: str


@dataclass(frozen=True, slots=True)
class InstalledQuestion:
    installed: tuple[Installed, ...]


@dataclass(frozen=True, slots=True)
class InstallQuestion:
    skill: str
    version: str | None = None
    target: Target = Target.CLAUDE_CODE


@dataclass(frozen=True, slots=True)
class AuthQuestion:
    purpose: Purpose = Purpose.SCRIPTS


@dataclass(frozen=True, slots=True)
class WhoamiQuestion:
    pass


Asking = ListQuestion | FetchQuestion | VersionQuestion | InstalledQuestion | WhoamiQuestion
"""What is answered from what is published."""
Question = Asking | InstallQuestion | AuthQuestion

TAKES: Mapping[str, tuple[str, ...]] = {
    "list": ("query", "surface", "plugin", "category", "limit", "cursor"),
    "fetch": ("skill", "paths", "version", "commit", "cursor"),
    "version": ("skill", "installed"),
    "install": ("skill", "version", "target"),
    "auth": ("purpose",),
    "whoami": (),
}
"""What each operation may be sent, in the order in which it is announced."""


def operation_of(arguments: Mapping[str, object]) -> str:
    """What is asked for; ``list`` where nothing is said.

    Raises: Invalid if there is no such operation.
    """
    operation = arguments.get("operation")
    if operation is None or operation == "":
        return "list"
    if isinstance(operation, str) and operation in TAKES:
        return operation
    shown = _shown(operation)
    raise Invalid(f"There is no operation {shown}. Send one of: {', '.join(TAKES)}.", code="unknown_operation")


def question_of(arguments: Mapping[str, object]) -> Question:
    """The question that these arguments ask.

    Raises: Invalid, with a sentence that says what to send instead.
    """
    operation = operation_of(arguments)
    sent = {name: value for name, value in arguments.items() if name != "operation" and value not in (None, "")}
    for name in sent:
        if name not in TAKES[operation]:
            raise _misplaced(operation, name)
    match operation:
        case "list":
            return ListQuestion(
                query=_optional(sent, "query", _text),
                surface=_optional(sent, "surface", _text),
                plugin=_optional(sent, "plugin", _text),
                category=_optional(sent, "category", _text),
                limit=_optional(sent, "limit", _limit) or DEFAULT_LIMIT,
                cursor=_optional(sent, "cursor", _cursor),
            )
        case "fetch":
            return FetchQuestion(
                skill=_skill(sent, operation),
                paths=_optional(sent, "paths", _paths) or (),
                version=_optional(sent, "version", _text),
                commit=_optional(sent, "commit", _text),
                cursor=_optional(sent, "cursor", _cursor),
            )
        case "version" if "installed" in sent:
            if "skill" in sent:
                raise Invalid("Send either skill or installed, not both.", code="arguments_exclude")
            return InstalledQuestion(_installed(sent["installed"]))
        case "version":
            return VersionQuestion(_skill(sent, operation))
        case "install":
            return InstallQuestion(
                skill=_skill(sent, operation),
                version=_optional(sent, "version", _text),
                target=_optional(sent, "target", _one_of(Target)) or Target.CLAUDE_CODE,
            )
        case "auth":
            return AuthQuestion(_optional(sent, "purpose", _one_of(Purpose)) or Purpose.SCRIPTS)
        case _:
            return WhoamiQuestion()


def _misplaced(operation: str, name: str) -> Invalid:
    takers = [other for other, names in TAKES.items() if name in names]
    if takers:
        fit = " or ".join(f'"operation": "{other}"' for other in takers)
        return Invalid(f"{name} does not belong to {operation}. Send it with {fit}.", code="argument_misplaced")
    known = TAKES[operation]
    close = nearest(name, known)
    if close:
        advice = f"Did you mean {close[0]}?"
    elif known:
        advice = f"{operation} takes {', '.join(known)}."
    else:
        advice = f"{operation} takes no argument."
    return Invalid(f"There is no argument {_shown(name)}. {advice}", code="unknown_argument")


def _optional(sent: Mapping[str, object], name: str, read: Callable[[str, object], _T]) -> _T | None:
    return read(name, sent[name]) if name in sent else None


def _skill(sent: Mapping[str, object], operation: str) -> str:
    if "skill" not in sent:
        also = " or installed" if operation == "version" else ""
        raise Invalid(
            f'{operation} needs skill{also}: send {{"operation": "{operation}", "skill": "plugin/name"}}. '
            "list shows the names.",
            code="missing_argument",
        )
    return _text("skill", sent["skill"])


def _text(name: str, value: object, limit: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a string, not {_shown(value)}.", code="argument_type")
    if len(value) > limit:
        raise Invalid(f"{name} may be {limit:,} characters long, not {len(value):,}.", code="argument_too_long")
    return value


def _one_of(kinds: type[_E]) -> Callable[[str, object], _E]:
    def read(name: str, value: object) -> _E:
        try:
            return kinds(_text(name, value))
        except ValueError:
            known = " or ".join(f'"{kind.value}"' for kind in kinds)
            raise Invalid(f"{name} must be {known}, not {_shown(value)}.", code="argument_unknown") from None

    return read


def _cursor(name: str, value: object) -> str:
    return _text(name, value, MAX_CURSOR)


def _limit(name: str, value: object) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 5:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(
            f"{name} must be a whole number from 1 to {MAX_LIMIT}, not {_shown(value)}.", code="argument_type"
        )
    if not 1 <= value <= MAX_LIMIT:
        raise Invalid(f"{name} must be from 1 to {MAX_LIMIT}, not {_shown(value)}.", code="limit_out_of_range")
    return value


def _paths(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Invalid(f'{name} must be a list of paths, such as ["scripts/fill.py"].', code="argument_type")
    return tuple(_text(f"{name}[{at}]", path) for at, path in enumerate(value))


def _installed(value: object) -> tuple[Installed, ...]:
    example = 'installed must be a list such as [{"name": "plugin/name", "version": "1.0.0"}]'
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Invalid(f"{example}.", code="argument_type")
    read: list[Installed] = []
    for at, entry in enumerate(value):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
            raise Invalid(f"{example}; its entry {at} has no name.", code="argument_type")
        unknown = [key for key in entry if key not in ("name", "version", "revision")]
        if unknown:
            raise Invalid(
                f"{example}, with a revision if you have one; not {_shown(unknown[0])}.", code="unknown_argument"
            )
        read.append(
            Installed(
                _text("name", entry["name"]),
                _text("version", entry["version"]) if entry.get("version") else None,
                _text("revision", entry["revision"]) if entry.get("revision") else None,
            )
        )
    return tuple(read)


def _shown(value: object) -> str:
    match value:
        case str():
            return repr(value if len(value) <= 60 else value[:59] + "…")
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"
