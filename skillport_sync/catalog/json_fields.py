"""Owns reading the fields of one JSON object by type: a field of the wrong type is remembered and counts as not set.

Lines are worked out once, at the end, and only when something was wrong. Problem codes: field_wrong_type, json_duplicate_key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.model import Remark, Severity
from skillport_sync.catalog.written_json import JsonPath, JsonText


@dataclass(frozen=True, slots=True)
class _Complaint:
    """A remark whose line is still to be worked out."""

    path: JsonPath
    code: str
    severity: Severity
    message: str


class JsonFields:
    """One object of a document: reads its fields by type and remembers what was wrong with them."""

    def __init__(
        self, value: Mapping[str, object], path: JsonPath = (), complaints: list[_Complaint] | None = None
    ) -> None:
        self.value = value
        self.complaints = [] if complaints is None else complaints
        self._path = path

    def below(self, value: Mapping[str, object], *steps: str | int) -> JsonFields:
        return JsonFields(value, (*self._path, *steps), self.complaints)

    def error(self, code: str, path: JsonPath, message: str) -> None:
        self.complaints.append(_Complaint((*self._path, *path), code, Severity.ERROR, message))

    def warn(self, code: str, path: JsonPath, message: str) -> None:
        self.complaints.append(_Complaint((*self._path, *path), code, Severity.WARNING, message))

    def remark(self, path: JsonPath, remark: Remark) -> None:
        """Remember a remark of somebody else's about the part at ``path``."""
        self.complaints.append(_Complaint((*self._path, *path), remark.code, remark.severity, remark.message))

    def wrong(self, field: str, expected: str) -> None:
        where = _dotted((*self._path, field))
        self.warn("field_wrong_type", (field,), f'"{where}" must be {expected}; what is not is ignored')

    def text(self, field: str) -> str | None:
        value = self.value.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(field, "a string")
            return None
        return value.strip() or None

    def texts(self, field: str) -> tuple[str, ...]:
        value = self.value.get(field)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(field, "a list of strings")
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def flag(self, field: str, default: bool) -> bool:
        value = self.value.get(field, default)
        if isinstance(value, bool):
            return value
        self.wrong(field, "true or false")
        return default


def remarks_of(document: JsonText, fields: JsonFields) -> tuple[Remark, ...]:
    """What was wrong with these fields, keys set twice anywhere in the document included, each with its line."""
    complaints = fields.complaints + [
        _Complaint(
            path,
            "json_duplicate_key",
            Severity.WARNING,
            f'"{_dotted(path)}" is set more than once; the last one counts',
        )
        for path in document.repeated
    ]
    if not complaints:
        return ()
    lines = document.lines([complaint.path for complaint in complaints])
    return tuple(
        Remark(complaint.code, complaint.severity, complaint.message, line)
        for complaint, line in zip(complaints, lines, strict=True)
    )


def _dotted(path: JsonPath) -> str:
    return ".".join(str(step) for step in path)[:200]
