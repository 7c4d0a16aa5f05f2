"""Owns what is changed: each kind of node, and what may stand in its place. Pure.

Comparisons turned round and moved by one, ``and`` and ``or`` exchanged and each operand dropped, ``not`` dropped, arithmetic
exchanged, numbers moved by one, strings emptied, truth turned round, conditions forced, values returned or bound replaced,
statements removed, ``except`` narrowed, bounds of slices dropped, methods and builtins exchanged for their opposites. ``while``
is never forced to go on for ever.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tests.mutation.mutant import Mutant
from tests.mutation.sites import Site, is_sentence, sites
from tests.mutation.text import Text

_COMPARED: Final[dict[type[ast.cmpop], tuple[str, ...]]] = {
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
_COMPARISON: Final = re.compile(rb"==|!=|<=|>=|<|>|\bis\s+not\b|\bnot\s+in\b|\bis\b|\bin\b")
_COUNTED: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.Pow: ("**", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
    ast.BitXor: ("^", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
_OPPOSITES: Final = {
    one: other
    for pair in (
        ("any", "all"),
        ("min", "max"),
        ("lower", "upper"),
        ("startswith", "endswith"),
        ("lstrip", "rstrip"),
        ("find", "rfind"),
        ("index", "rindex"),
        ("partition", "rpartition"),
        ("split", "rsplit"),
        ("removeprefix", "removesuffix"),
        ("append", "extend"),
        ("match", "fullmatch"),
    )
    for one, other in (pair, pair[::-1])
} | {"strip": "lstrip", "casefold": "upper", "search": "fullmatch"}
_EMPTY: Final = {"str": '""', "bytes": 'b""', "list": "[]", "tuple": "()", "dict": "{}", "set": "set()", "int": "0"}

Change = tuple[str, int, int, str]
"""The kind, from where, to where (in bytes), and what stands there instead."""


def mutants_of(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of this file that can be compiled and is not the original, each once, in the file's order."""
    tree = ast.parse(source)
    original = ast.dump(tree)
    text = Text(source)
    found: dict[bytes, Mutant] = {}
    for site in sites(tree):
        for kind, start, end, new in _changes(site, text):
            mutant = text.mutant(file, site, kind, start, end, new)
            mutated = mutant.applied(source)
            if mutated not in found and _differs(mutated, original):
                found[mutated] = mutant
    return sorted(found.values(), key=lambda each: (each.start, each.end))


def _differs(mutated: bytes, original: str) -> bool:
    try:
        return ast.dump(ast.parse(mutated)) != original
    except SyntaxError:
        return False


def _changes(site: Site, text: Text) -> Iterator[Change]:
    node = site.node
    match node:
        case ast.Compare():
            yield from _compared(node, text)
        case ast.BoolOp():
            yield from _joined(node, text)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert()):
            start, end = text.span(node)
            width = 3 if isinstance(node.op, ast.Not) else 1
            yield "operator dropped", start, end, text.of(start + width, end).lstrip()
        case ast.BinOp(left, operator, right):
            yield from _between(
                text, "arithmetic", text.span(left)[1], text.span(right)[0], _COUNTED.get(type(operator))
            )
        case ast.AugAssign(target, operator, value):
            yield from _between(
                text, "arithmetic", text.span(target)[1], text.span(value)[0], _COUNTED.get(type(operator))
            )
        case ast.Constant():
            yield from _constant(node, text)
        case ast.IfExp(test=test) | ast.If(test=test):
            yield from (("condition forced", *text.span(test), each) for each in ("True", "False"))
        case ast.While(test=test):
            yield "condition forced", *text.span(test), "False"
        case ast.match_case(guard=ast.expr() as guard):
            yield from (("condition forced", *text.span(guard), each) for each in ("True", "False"))
        case ast.comprehension(ifs=conditions):
            for each in conditions:
                yield from (("condition forced", *text.span(each), forced) for forced in ("True", "False"))
        case ast.Lambda(body=body):
            yield "value", *text.span(body), "None"
        case ast.Slice():
            for bound in filter(None, (node.lower, node.upper)):
                yield "bound dropped", *text.span(bound), "" if not isinstance(bound, ast.Tuple) else "None"
        case ast.Call(ast.Name("sorted"), [ordered]):
            yield "opposite", *text.span(node), f"list({text.of(*text.span(ordered))})"
        case ast.Call(ast.Name(name) | ast.Attribute(attr=name)) if name in _OPPOSITES and not _is_alike(node, name):
            _, end = text.span(node.func)
            yield "opposite", end - len(name), end, _OPPOSITES[name]
        case ast.ExceptHandler(ast.Tuple(kinds)) if node.type is not None:
            for dropped in kinds:
                others = ", ".join(text.of(*text.span(each)) for each in kinds if each is not dropped)
                yield "except narrowed", *text.span(node.type), f"({others},)"
        case ast.ExceptHandler(ast.expr() as caught):
            yield "except narrowed", *text.span(caught), "()"
    if site.is_root and isinstance(node, ast.stmt):
        yield from _statement(site, node, text)


def _is_alike(call: ast.Call, name: str) -> bool:
    """Whether the opposite does the same: without a limit it does not matter from where a text is split."""
    return name in ("split", "rsplit") and len(call.args) + len(call.keywords) < 2


def _compared(node: ast.Compare, text: Text) -> Iterator[Change]:
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        start, end = text.span(left)[1], text.span(right)[0]
        if found := _COMPARISON.search(text.source, start, end):
            yield from (("comparison", *found.span(), new) for new in _COMPARED[type(operator)])
        left = right


def _joined(node: ast.BoolOp, text: Text) -> Iterator[Change]:
    word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    parts = [text.wide(value, node) for value in node.values]
    start, end = text.span(node)
    swapped = text.of(*parts[0])
    for (_, before), (first, last) in pairwise(parts):
        swapped += re.sub(rf"\b{word}\b", other, text.of(before, first)) + text.of(first, last)
    yield "and, or", start, end, swapped
    for number in range(len(parts)):
        if number:
            yield "operand dropped", parts[number - 1][1], parts[number][1], ""
        else:
            yield "operand dropped", parts[0][0], parts[1][0], ""


def _between(text: Text, kind: str, start: int, end: int, pair: tuple[str, str] | None) -> Iterator[Change]:
    if pair is not None and (at := text.source.find(pair[0].encode(), start, end)) >= 0:
        yield kind, at, at + len(pair[0]), pair[1]


def _constant(node: ast.Constant, text: Text) -> Iterator[Change]:
    span = text.span(node)
    match node.value:
        case bool(value):
            yield "truth", *span, str(not value)
        case int(number):
            yield from (("number", *span, str(each) if each >= 0 else f"({each})") for each in (number + 1, number - 1))
        case float(number):
            yield "number", *span, str(number + 1)
        case str(words) if not is_sentence(words):
            yield "string", *span, '""' if words else '"XX"'
        case bytes(raw) if not is_sentence(raw.decode("latin-1")):
            yield "string", *span, 'b""' if raw else 'b"XX"'


def _statement(site: Site, node: ast.stmt, text: Text) -> Iterator[Change]:
    match node:
        case ast.Return(ast.expr() as value):
            for new in _instead(site, value):
                yield "value", *text.span(value), new
        case ast.Raise() | ast.Continue() | ast.Break() | ast.AugAssign() | ast.Delete():
            yield "statement removed", *text.span(node), "pass"
        case ast.Expr(ast.Call() | ast.Await()):
            yield "statement removed", *text.span(node), "pass"
        case ast.Assign(targets, value) if site.function is not None:
            if all(_is_bound(target, node, site.function) for target in targets):
                yield "statement removed", *text.span(node), "pass"
            elif isinstance(targets[0], ast.Name) and not isinstance(value, ast.Constant):
                yield "value", *text.span(value), "None"
        case ast.AnnAssign(ast.Name(), value=ast.expr() as value) if site.function is not None:
            if not isinstance(value, ast.Constant):
                yield "value", *text.span(value), "None"
        case _:
            pass


def _instead(site: Site, value: ast.expr) -> Sequence[str]:
    """What is returned in place of a value: by what the function says it returns."""
    if isinstance(value, ast.Constant):
        return ()
    returns = site.function.returns if site.function is not None else None
    named = returns.value if isinstance(returns, ast.Subscript) else returns
    name = named.id if isinstance(named, ast.Name) else ""
    return ("True", "False") if name == "bool" else (_EMPTY.get(name, "None"),)


def _is_bound(target: ast.expr, node: ast.stmt, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether there is a value to go on with when this assignment is not made."""
    match target:
        case ast.Attribute() | ast.Subscript():
            return True
        case ast.Tuple(parts):
            return all(_is_bound(part, node, function) for part in parts)
        case ast.Name(name):
            given = function.args
            if name in {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}:
                return True
            return any(
                isinstance(each, ast.Name)
                and each.id == name
                and isinstance(each.ctx, ast.Store)
                and (each.lineno, each.col_offset) < (node.lineno, node.col_offset)
                for each in ast.walk(function)
            )
    return False
