"""Owns what is said of a wrong configuration: one sentence each, with where it stands and what to do, all of them together.

Never repeats a value: what stands in the wrong place may be a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import ErrorDetails

from skillport_sync.config.keys import Key, keys, nearest, table_at
from skillport_sync.config.origin import KeyPath, Origins, dotted
from skillport_sync.errors import Invalid

_SECRETS = {
    "token": "github.token_file",
    "write_token": "github.write_token_file",
    "private_key": "github.private_key_file",
    "webhook_secret": "github.webhook_secret_files",
    "webhook_secrets": "github.webhook_secret_files",
    "client_secret": "client_secret_file in [[auth.providers]]",
}
"""Names that people try, and the key that takes a file instead."""

_SHAPES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be a text in quotes",
    "bool_type": "must be true or false",
    "list_type": "must be a list in brackets",
    "model_type": "must be a table",
    "string_too_short": "must not be empty",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class ConfigInvalid(Invalid):
    """Everything that is wrong with one configuration."""

    default_code = "config_invalid"

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__("; ".join(map(str, complaints)))
        self.complaints = tuple(complaints)


def complain(errors: Sequence[ErrorDetails], origins: Origins) -> list[Complaint]:
    """pydantic's errors in words. ``loc`` is a path from the root of the file."""
    return [Complaint(origins.nearest(error["loc"]), _sentence(error)) for error in errors]


def unknown_key(path: KeyPath) -> str:
    """What to say of a key that does not exist: which one was probably meant, or which there are."""
    name, around = str(path[-1]), path[:-1]
    place = f" in [{dotted(around)}]" if around else ""
    if name in _SECRETS:
        return f"{dotted(path)}: secrets are read from files only; {_into_file(name)}"
    said = f'unknown key "{name}"{place}'
    table = table_at(around)
    here = list(table.model_fields) if table is not None else []
    meant = nearest(name.lower(), here)
    if meant is not None:
        return f'{said}; did you mean "{meant}"?'
    elsewhere = [key.path for key in keys().values() if key.path[-1] == name]
    if elsewhere:
        return f"{said}; it belongs in {_header(elsewhere[0][:-1])}"
    return f"{said}; known here are {', '.join(here)}"


def _header(table: KeyPath) -> str:
    """A table as the file begins it."""
    return f"[[{dotted(table[:-1])}]]" if table and table[-1] == 0 else f"[{dotted(table)}]"


def unknown_variable(name: str, meant: str | None) -> str:
    """What to say of an environment variable that sets nothing."""
    last = name.lower().rpartition("__")[2]
    if last in _SECRETS:
        return (
            f"secrets are read from files only, the environment shows them to every child process; {_into_file(last)}"
        )
    hint = f"did you mean {meant}?" if meant is not None else "`skillport-sync config show` lists the keys"
    return f"sets no key; {hint}"


def _into_file(name: str) -> str:
    return f"write it to a file (chmod 600) and give the file's path as {_SECRETS[name]}"


def _sentence(error: ErrorDetails) -> str:
    path, context = error["loc"], error.get("ctx", {})
    key = dotted(path)
    match error["type"]:
        case "extra_forbidden":
            return unknown_key(path)
        case "missing":
            return f"{key} is missing{_example(path, '; add ')}"
        case "value_error":
            return f"{key} {context['error']}"
        case "literal_error":
            return f"{key} must be {context['expected'].replace(chr(39), chr(34))}"
        case "greater_than_equal":
            return f"{key} must be at least {_number(context['ge'])}"
        case "greater_than":
            return f"{key} must be more than {_number(context['gt'])}"
        case "less_than_equal":
            return f"{key} must be at most {_number(context['le'])}"
        case shape:
            return f"{key} {_SHAPES.get(shape, 'is not what it must be')}{_example(path, ', for example ')}"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _example(path: KeyPath, lead: str) -> str:
    key = _known(path)
    if key is None:
        return ""
    values = key.field.examples or [key.field.default]
    return "" if values[0] is None else f"{lead}{path[-1]} = {toml(values[0])}"


def _known(path: KeyPath) -> Key | None:
    return keys().get(tuple(0 if isinstance(part, int) else part for part in path))


def toml(value: object) -> str:
    """A value as config.toml spells it. Texts are plain ones: paths, names, addresses."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case float() if value.is_integer():
            return str(int(value))
        case int() if value >= 10_000:
            return f"{value:_}"
        case _:
            return str(value)
