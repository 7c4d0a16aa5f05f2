"""Owns what every report can do: become JSON and come back, each the other's inverse.

Fields that a reader does not know are ignored, so that a command and a service of neighbouring versions understand each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from skillport_sync.errors import Broken

if TYPE_CHECKING:
    from pydantic import TypeAdapter

JsonObject = dict[str, object]


class Report:
    """What every value here can do: become JSON, and come back."""

    __slots__ = ()

    def to_json(self) -> JsonObject:
        """This report as JSON values: times are ISO 8601 in UTC, absent facts are null."""
        value: JsonObject = _adapter(type(self)).dump_python(self, mode="json")
        return value

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The report that ``to_json`` made.

        Raises:
            Broken: it is something else, or of a version too far away.
        """
        # Deferred: the command line shows its help without paying for a parser.
        from pydantic import ValidationError

        try:
            report = _adapter(cls).validate_python(value)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, each["loc"])) or "the whole" for each in error.errors()[:3])
            raise Broken(
                f"a {cls.__name__} that cannot be read ({where}): are the command and the service of the same version?",
                code="report_unreadable",
            ) from error
        assert isinstance(report, cls)
        return report


_ADAPTERS: dict[type[Report], TypeAdapter[Report]] = {}


def _adapter(report: type[Report]) -> TypeAdapter[Report]:
    if report not in _ADAPTERS:
        from pydantic import TypeAdapter

        _ADAPTERS[report] = TypeAdapter(report)
    return _ADAPTERS[report]
