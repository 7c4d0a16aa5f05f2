"""Owns where a mutant may stand: every expression and statement of a file that says what the code does. Pure.

Left out, because no test should hold it, or because it holds itself: docstrings; annotations, aliases of types and ``NewType``;
imports; decorators; protocols; ``__all__``; ``assert`` and ``assert_never``, which say what the types cannot; calls of ``log``
and what they are given; the second argument of ``isinstance``; f-strings, which are words for people, and of other strings those
of several words (sentences of refusals, SQL); ``repr=`` of a field. Tests hold many of these sentences all the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.mutation.mutant import Home

_ALIAS = re.compile(r"_?[A-Z][a-z]\w*")
_SENTENCE = re.compile(r"\w[,.:;)]* [\w(]")


@dataclass(frozen=True, slots=True)
class Site:
    """One node. ``statement`` is the one it stands in, ``where`` and ``function`` what is around it."""

    node: ast.AST
    statement: ast.stmt | None = None
    home: Home | None = None
    where: str = ""
    function: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    is_root: bool = False
    """Whether the node is the statement itself."""


def sites(tree: ast.Module) -> Iterator[Site]:
    """In the order of the file, an expression before its parts."""
    yield from _body(tree.body, Site(tree))


def is_sentence(text: str) -> bool:
    return _SENTENCE.search(text) is not None


def _body(statements: list[ast.stmt], around: Site) -> Iterator[Site]:
    for statement in statements:
        yield from _statement(statement, around)


def _statement(node: ast.stmt, around: Site) -> Iterator[Site]:
    if _is_left_out(node):
        return
    here = replace(around, node=node, statement=node, is_root=True)
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            name = f"{around.where}.{node.name}" if around.where else node.name
            for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
                yield from _expression(default, replace(here, where=name))
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            home = around.home or Home(name, first, (node.body[0].lineno, node.end_lineno or node.lineno))
            yield from _body(node.body, replace(here, home=home, where=name, function=node))
        case ast.ClassDef():
            name = f"{around.where}.{node.name}" if around.where else node.name
            yield from _body(node.body, replace(here, where=name))
        case _:
            if around.function is None:
                here = replace(here, where=_bound(node) or here.where)
            yield here
            for child in ast.iter_child_nodes(node):
                yield from _child(child, here)


def _child(node: ast.AST, here: Site) -> Iterator[Site]:
    match node:
        case ast.stmt():
            yield from _statement(node, replace(here, is_root=False))
        case ast.expr():
            if not (isinstance(here.node, ast.AnnAssign) and node is here.node.annotation):
                yield from _expression(node, here)
        case ast.ExceptHandler():
            yield replace(here, node=node, is_root=False)
            yield from _body(node.body, here)
        case ast.match_case():
            if node.guard is not None:
                yield replace(here, node=node, is_root=False)
                yield from _expression(node.guard, here)
            yield from _body(node.body, here)
        case ast.withitem():
            yield from _expression(node.context_expr, here)


def _expression(node: ast.expr, here: Site) -> Iterator[Site]:
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_log(node)):
        return
    yield replace(here, node=node, is_root=False)
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass"):
        children = [node.args[0]]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast":
        children = [node.args[1]]
    for child in children:
        match child:
            case ast.expr():
                yield from _expression(child, here)
            case ast.keyword(arg) if arg != "repr":
                yield from _expression(child.value, here)
            case ast.comprehension():
                yield replace(here, node=child, is_root=False)
                yield from _expression(child.iter, here)
                for condition in child.ifs:
                    yield from _expression(condition, here)


def _is_left_out(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Pass() | ast.Global() | ast.Nonlocal():
            return True
        case ast.Expr(ast.Constant()) | ast.Expr(ast.Call(ast.Name("assert_never"))):
            return True
        case ast.Expr(ast.Call() as call) | ast.Expr(ast.Await(ast.Call() as call)):
            return _is_log(call)
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.ClassDef():
            return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
        case ast.Assign([ast.Name(name)]):
            return name == "__all__" or name == "log" or _ALIAS.fullmatch(name) is not None
        case ast.AnnAssign(ast.Name(), ast.Name("TypeAlias")):
            return True
    return False


def _is_log(call: ast.Call) -> bool:
    return any(isinstance(each, ast.Name) and each.id in ("log", "_log") for each in ast.walk(call.func))


def _bound(node: ast.stmt) -> str:
    match node:
        case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
            return name
    return ""
