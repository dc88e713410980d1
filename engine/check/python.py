"""What shows of a piece of Python without running it: its names, its returns, its types."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from engine.check.types import ANY, Type, literal


def type_of(value: ast.expr) -> Type:
    """The type of a Python expression, as far as it shows without running it."""
    match value:
        case ast.Constant(value=None | bool() | int() | float() | str() as written):
            return literal(written)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return literal(-number)
        case ast.JoinedStr():
            return Type("text")
        case ast.List() | ast.ListComp():
            return Type("list", item=ANY)
        case ast.Dict() | ast.DictComp():
            return Type("dict")
        case ast.Compare():
            return Type("boolean")
    return ANY


def bound(tree: ast.Module) -> Iterator[str]:
    """Every name the block gives a value itself, wherever it does so."""
    for found in ast.walk(tree):
        match found:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.ExceptHandler(name=str() as name):
                yield name
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                yield name
            case ast.MatchMapping(rest=str() as name):
                yield name


def own_returns(body: list[ast.stmt]) -> Iterator[ast.Return]:
    """The `return`s of the block itself, not those of functions defined in it."""
    for statement in body:
        if isinstance(statement, ast.Return):
            yield statement
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = [
                child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)
            ]
            yield from own_returns(inner)
            for child in ast.iter_child_nodes(statement):
                if isinstance(child, ast.ExceptHandler | ast.match_case):
                    yield from own_returns(child.body)


def ends(body: list[ast.stmt]) -> bool:
    """Whether a list of statements always comes to a `return` or `raise`."""
    match body[-1] if body else None:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=then, orelse=otherwise):
            return ends(then) and ends(otherwise)
        case ast.With(body=inner):
            return ends(inner)
        case ast.Try(body=tried, handlers=handlers, orelse=otherwise, finalbody=last):
            caught = all(ends(handler.body) for handler in handlers)
            return ends(last) or (caught and ends(otherwise or tried))
        case ast.While(test=ast.Constant(value=True)) as loop:
            return not any(isinstance(found, ast.Break) for found in ast.walk(loop))
        case ast.Match(cases=cases):
            return _catches_all(cases[-1]) and all(ends(case.body) for case in cases)
    return False


def _catches_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and not case.pattern.pattern


def line_of(code: str, found: ast.stmt) -> str:
    """The line a statement begins on, cut when long."""
    line = code.split("\n")[found.lineno - 1].strip()
    return line if len(line) <= 40 else f"{line[:39]}…"
