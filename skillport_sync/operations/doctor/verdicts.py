"""Owns the making of checks of one area. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.reports import Check


@dataclass(frozen=True, slots=True)
class Area:
    """Where checks belong together."""

    name: str

    def ok(self, what: str, seen: str) -> Check:
        return Check(self.name, what, "ok", seen)

    def warning(self, what: str, seen: str, to_do: str) -> Check:
        return Check(self.name, what, "warning", seen, to_do)

    def failed(self, what: str, seen: str, to_do: str) -> Check:
        return Check(self.name, what, "failed", seen, to_do)
