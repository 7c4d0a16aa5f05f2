"""Owns the text of a file as its nodes see it: where each stands in bytes, and a mutant made of a change there. Pure."""

from __future__ import annotations

import ast

from tests.mutation.mutant import Mutant
from tests.mutation.sites import Site


class Text:
    """The bytes of a file, and where its nodes stand in them."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._lines = source.splitlines(keepends=True)
        self._begins = [0]
        for line in self._lines:
            self._begins.append(self._begins[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.ExceptHandler)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._begins[node.lineno - 1] + node.col_offset
        return start, self._begins[node.end_lineno - 1] + node.end_col_offset

    def wide(self, node: ast.expr, within: ast.expr) -> tuple[int, int]:
        """With the brackets around it, where they are inside the other."""
        (start, end), (first, last) = self.span(node), self.span(within)
        while True:
            left, right = self.source[first:start].rstrip(), self.source[end:last].lstrip()
            if not (left.endswith(b"(") and right.startswith(b")")):
                return start, end
            start, end = first + len(left) - 1, last - len(right) + 1

    def of(self, start: int, end: int) -> str:
        return self.source[start:end].decode()

    def line_of(self, at: int) -> int:
        return self.source.count(b"\n", 0, at) + 1

    def mutant(self, file: str, site: Site, kind: str, start: int, end: int, new: str) -> Mutant:
        replacement = new.encode()
        lost = self.source.count(b"\n", start, end) - replacement.count(b"\n")
        if lost > 0:
            replacement += b"\n" * lost
            if new and not site.is_root:
                replacement = b"(" + replacement + b")"
        first, last = self.line_of(start), self.line_of(end)
        changed = (self.source[:start] + replacement + self.source[end:]).splitlines()
        pairs = [
            (old.decode().strip(), changed[number].decode().strip())
            for number, old in enumerate(self.source.splitlines()[first - 1 : last], first - 1)
            if number < len(changed) and old != changed[number]
        ]
        before, after = ("\n".join(filter(None, side)) for side in zip(*pairs, strict=True)) if pairs else ("", "")
        lines = _head(site.statement) if site.statement is not None else (first, last)
        return Mutant(file, kind, start, end, replacement, lines, first, site.home, site.where, before, after)


def _head(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement, without those of the statements inside it."""
    last = statement.end_lineno or statement.lineno
    inner = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not isinstance(inner, list) or isinstance(statement, ast.Match):
        return (statement.lineno, statement.lineno if isinstance(statement, ast.Match) else last)
    if isinstance(statement, ast.Try):
        return statement.lineno, last
    return statement.lineno, max(statement.lineno, inner[0].lineno - 1)
