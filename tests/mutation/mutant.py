"""Owns what a mutant is here: one small change of one file, by position, and how it reads beside the original. Pure."""

from __future__ import annotations

from dataclasses import dataclass

Key = tuple[str, str, str, str]
"""What names a mutant in the list of equivalents: file, function, the lines before and after."""


@dataclass(frozen=True, slots=True)
class Home:
    """The outermost function a change stands in: its code can be replaced without importing anything anew."""

    name: str
    """As ``__qualname__`` has it: ``Patterns.fitting``."""
    first_line: int
    """Of its decorators, if it has any, as ``co_firstlineno`` has it."""
    body: tuple[int, int]
    """First and last line of what runs when it is called."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. It keeps the number of lines, so a line says the same of both."""

    file: str
    """Below the root of the repository."""
    kind: str
    start: int
    """In bytes, as ``end``: what stands between them is replaced."""
    end: int
    replacement: bytes
    lines: tuple[int, int]
    """First and last line of the statement around it, or of its head: a test that runs none of them cannot notice."""
    line: int
    """Where the change begins."""
    home: Home | None
    """None in the body of a module or class, and in a default argument: that runs once, on import."""
    where: str
    """The name of the function around it, or of what is bound there; empty where neither has one."""
    before: str
    """The lines that change, without what they are indented by."""
    after: str

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.replacement + source[self.end :]

    @property
    def key(self) -> Key:
        return self.file, self.where, self.before, self.after
