"""Owns reading ``.skillport/access.json``, version 1.0, strictly: it is the policy it seems to be, or it is refused.

A rule that is misspelled, doubled or of the wrong type could open what its author meant to close, so nothing is guessed: unknown
keys, keys set twice, wrong types and unknown versions are all Malformed, told with line and column. Free text for people may
stand anywhere under ``$schema``, ``$comment``, ``comment``, ``description`` and ``label``; it never matters.

Absent (no file) and Malformed are different things, and neither is a policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from skillport_sync.access.model import Absent, AccessPolicy, Audience, Malformed, PrincipalId, Rule
from skillport_sync.catalog.written_json import JsonPath, NotJson, read_json
from skillport_sync.git.paths import RepoPath

POLICY_PATH = RepoPath(".skillport/access.json")
VERSIONS = ("1.0",)
MAX_POLICY_BYTES = 1_000_000

_FREE_TEXT = frozenset({"$schema", "$comment", "comment", "description", "label"})
_PRINCIPAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*:\S(?:.*\S)?")

_READ = '"*" (everybody signed in), "editors" or a list of people'
_WRITE = '"editors" or a list of people'
_WORDS: Mapping[str, tuple[Mapping[str, Audience], str]] = {
    "read": ({"*": "*", "editors": "editors"}, _READ),
    "write": ({"editors": "editors"}, _WRITE),
}


def read_policy(content: bytes | None) -> AccessPolicy | Absent | Malformed:
    """The policy in these bytes; ``None`` stands for a commit without the file. Never raises."""
    if content is None:
        return Absent()
    if len(content) > MAX_POLICY_BYTES:
        return Malformed(POLICY_PATH, f"is larger than {MAX_POLICY_BYTES} bytes")
    document = read_json(content)
    if isinstance(document, NotJson):
        return Malformed(POLICY_PATH, document.message, document.line, document.column)
    try:
        if document.repeated:
            path = document.repeated[0]
            raise _MalformedError(path, f"{_shown(path)} is set twice; keep one of them")
        return _policy(document.value)
    except _MalformedError as malformed:
        line, column = document.locate(malformed.path)
        return Malformed(POLICY_PATH, malformed.message, line, column)


class _MalformedError(Exception):
    def __init__(self, path: JsonPath, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def _policy(value: object) -> AccessPolicy:
    top = _object((), value)
    version = top.get("version")
    if version not in VERSIONS:
        known = " or ".join(f'"{known}"' for known in VERSIONS)
        said = "is missing" if "version" not in top else f"{_quoted(version)} is not known here"
        raise _MalformedError(("version",), f"version {said}; write {known}")
    _only((), top, ("version", "editors", "skills", "defaults"))
    editors = _people(("editors",), top.get("editors", []), "a list of people")
    skills = {name: _rule(("skills", name), rule) for name, rule in _object(("skills",), top.get("skills", {})).items()}
    if "defaults" not in top:
        raise _MalformedError((), "defaults is missing; say who reads and writes what no rule names")
    defaults = _rule(("defaults",), top["defaults"])
    if defaults.read is None or defaults.write is None:
        missing = "read" if defaults.read is None else "write"
        raise _MalformedError(("defaults",), f"defaults.{missing} is missing; write {_WORDS[missing][1]}")
    return AccessPolicy("1.0", editors, skills, defaults.read, defaults.write)


def _rule(path: JsonPath, value: object) -> Rule:
    rule = _object(path, value)
    _only(path, rule, ("read", "write"))
    return Rule(
        *(_audience((*path, field), rule[field], field) if field in rule else None for field in ("read", "write"))
    )


def _audience(path: JsonPath, value: object, field: str) -> Audience:
    words, expected = _WORDS[field]
    if isinstance(value, str) and value in words:
        return words[value]
    return _people(path, value, expected)


def _people(path: JsonPath, value: object, expected: str) -> frozenset[PrincipalId]:
    if not isinstance(value, list):
        raise _MalformedError(path, f"{_shown(path)} must be {expected}, not {_quoted(value)}")
    return frozenset(_person((*path, index), person) for index, person in enumerate(value))


def _person(path: JsonPath, value: object) -> PrincipalId:
    person = _object(path, value)
    _only(path, person, ("id",))
    identity = person.get("id")
    if not isinstance(identity, str) or not _PRINCIPAL_ID.fullmatch(identity):
        said = "is missing" if "id" not in person else f"cannot be {_quoted(identity)}"
        raise _MalformedError(
            (*path, "id"), f'{_shown((*path, "id"))} {said}; write "provider:uid", as whoami shows it'
        )
    return PrincipalId(identity)


def _object(path: JsonPath, value: object) -> Mapping[str, object]:
    """The object at ``path`` without its free text."""
    if not isinstance(value, dict):
        raise _MalformedError(path, f"{_shown(path)} must be an object, not {_quoted(value)}")
    return value


def _only(path: JsonPath, value: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key, below in value.items():
        if key in _FREE_TEXT:
            if isinstance(below, dict | list):
                raise _MalformedError((*path, key), f"{_shown((*path, key))} must be text")
        elif key not in known:
            allowed = ", ".join(known)
            raise _MalformedError((*path, key), f"{_shown((*path, key))} is not known here; there are {allowed}")


def _shown(path: JsonPath) -> str:
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    return shown[:200] or "the file"


def _quoted(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, ensure_ascii=False)[:80]
