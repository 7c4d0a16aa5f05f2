"""Owns putting a mutant's code into functions that are imported already. Never runs any of it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from types import CodeType, FunctionType

Functions = dict[tuple[str, str, int], list[FunctionType]]
Swap = tuple[CodeType, list[FunctionType]]


def functions_there_are() -> Functions:
    """Every function there is, by file, name and first line."""
    found: Functions = {}
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            code = each.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(each)
    return found


def swap_of(path: str, mutated: str, name: str, line: int, functions: Functions) -> Swap | None:
    """What to put where; None where nothing that is imported can be changed. ``line``: the first of the function."""
    found = functions.get((path, name, line), [])
    for code in _codes(compiled(mutated, path)):
        if (code.co_qualname, code.co_firstlineno) == (name, line):
            # Python refuses code that needs other values of the function around it.
            fits = found and all(each.__code__.co_freevars == code.co_freevars for each in found)
            return (code, found) if fits else None
    return None


def compiled(mutated: str, path: str) -> CodeType:
    """Whatever Python thinks of a mutant's syntax: a warning is an error while tests run, and this is none of theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(mutated, path, "exec", dont_inherit=True)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)
