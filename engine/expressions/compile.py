"""From syntax nodes to nested Python closures over the values a run knows.

A comparison with a constant, the most common condition, is one closure over that of its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.expressions import syntax
from engine.expressions.data import as_text, joined
from engine.expressions.errors import Refused, Source
from engine.expressions.filters import FILTERS
from engine.expressions.operators import ARITHMETIC, COMPARISONS, boolean, contains, negative
from engine.expressions.paths import ABSENT, Closure, PathNode, exactly, quick, raw, soft
from engine.expressions.syntax import Attr, Const, Item, Name, Node
from engine.model import Value


def compile_node(node: Node, source: Source) -> Closure:
    """The node as a function of the values. It raises MissingValue and ExpressionFailed only."""
    return _COMPILE[type(node)](node, source)


def _const(node: Const, source: Source) -> Closure:
    value = node.value
    return lambda values: value


def _path(node: PathNode, source: Source) -> Closure:
    return quick(node, source, compile_node)


def _compare(node: syntax.Compare, source: Source) -> Closure:
    left, right = compile_node(node.left, source), compile_node(node.right, source)
    compare = COMPARISONS[node.operator]

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return compare(left(values), right(values))
        except Refused as why:
            raise source.failed(node.at, why) from None

    plain = isinstance(node.right, Const) and not isinstance(node.right.value, (list, dict))
    if isinstance(node.right, Const) and plain and node.operator in ("==", "!="):
        return _compare_with(node.right.value, left, node.operator == "==", run)
    return run


def _compare_with(constant: Value, left: Closure, same: bool, slow: Closure) -> Closure:
    wanted = type(constant)

    def equals(values: Mapping[str, Value]) -> Value:
        found = left(values)
        if type(found) is wanted:
            return found == constant
        return slow(values)

    def differs(values: Mapping[str, Value]) -> Value:
        found = left(values)
        if type(found) is wanted:
            return found != constant
        return slow(values)

    return equals if same else differs


def _in(node: syntax.In, source: Source) -> Closure:
    item, container = compile_node(node.item, source), compile_node(node.container, source)
    negated = node.negated

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return contains(item(values), container(values)) is not negated
        except Refused as why:
            raise source.failed(node.at, why) from None

    return run


def _test(node: Node, source: Source, word: str) -> Callable[[Mapping[str, Value]], bool]:
    """The node as an operand of `and`, `or`, `not` or `if`: a boolean or an error."""
    inner = compile_node(node, source)

    def run(values: Mapping[str, Value]) -> bool:
        found = inner(values)
        if found is True or found is False:
            return found
        try:
            return boolean(found, f"`{word}`")
        except Refused as why:
            raise source.failed(syntax.start(node), why) from None

    return run


def _and(node: syntax.And, source: Source) -> Closure:
    tests = [_test(operand, source, "and") for operand in node.operands]

    def run(values: Mapping[str, Value]) -> Value:
        for test in tests:  # noqa: SIM110 - a generator would cost more than the tests
            if not test(values):
                return False
        return True

    return run


def _or(node: syntax.Or, source: Source) -> Closure:
    tests = [_test(operand, source, "or") for operand in node.operands]

    def run(values: Mapping[str, Value]) -> Value:
        for test in tests:  # noqa: SIM110 - as above
            if test(values):
                return True
        return False

    return run


def _not(node: syntax.Not, source: Source) -> Closure:
    test = _test(node.value, source, "not")
    return lambda values: not test(values)


def _arith(node: syntax.Arith, source: Source) -> Closure:
    left, right = compile_node(node.left, source), compile_node(node.right, source)
    work = ARITHMETIC[node.operator]

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return work(left(values), right(values))
        except Refused as why:
            raise source.failed(node.at, why) from None

    return run


def _negative(node: syntax.Negative, source: Source) -> Closure:
    inner = compile_node(node.value, source)

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return negative(inner(values))
        except Refused as why:
            raise source.failed(node.at, why) from None

    return run


def _concat(node: syntax.Concat, source: Source) -> Closure:
    parts = [compile_node(part, source) for part in node.parts]

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return joined([as_text(part(values)) for part in parts])
        except Refused as why:
            raise source.failed(node.at, why) from None

    return run


def _if_else(node: syntax.IfElse, source: Source) -> Closure:
    test = _test(node.test, source, "if")
    then, otherwise = compile_node(node.then, source), compile_node(node.otherwise, source)
    return lambda values: then(values) if test(values) else otherwise(values)


def _list_of(node: syntax.ListOf, source: Source) -> Closure:
    items = [compile_node(item, source) for item in node.items]
    return lambda values: [item(values) for item in items]


def _dict_of(node: syntax.DictOf, source: Source) -> Closure:
    items = [(key, compile_node(value, source)) for key, value in node.items]
    return lambda values: {key: value(values) for key, value in items}


def _filter(node: syntax.Filter, source: Source) -> Closure:
    work = FILTERS[node.name]
    value = compile_node(node.value, source)
    arguments = [compile_node(argument, source) for argument in node.arguments]

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return work(value(values), [argument(values) for argument in arguments])
        except Refused as why:
            raise source.failed(node.at, why) from None

    return run


def _default(node: syntax.Default, source: Source) -> Closure:
    value = (
        soft(node.value, source, compile_node)
        if isinstance(node.value, (Name, Attr, Item))
        else compile_node(node.value, source)
    )
    fallback = compile_node(node.fallback, source)

    def run(values: Mapping[str, Value]) -> Value:
        found = value(values)
        return fallback(values) if found is None or found is ABSENT else found

    return exactly(node, source, run)


def _is_none(node: syntax.IsNone, source: Source) -> Closure:
    # Read without `exactly`: whether something is null can be asked of any value.
    value = (
        raw(node.value, source, compile_node)
        if isinstance(node.value, (Name, Attr, Item))
        else compile_node(node.value, source)
    )
    return lambda values: value(values) is None


def _is_defined(node: syntax.IsDefined, source: Source) -> Closure:
    value = soft(node.value, source, compile_node)
    return lambda values: value(values) is not ABSENT


_COMPILE: dict[type, Callable[[Any, Source], Closure]] = {
    Const: _const,
    Name: _path,
    Attr: _path,
    Item: _path,
    syntax.Compare: _compare,
    syntax.In: _in,
    syntax.And: _and,
    syntax.Or: _or,
    syntax.Not: _not,
    syntax.Arith: _arith,
    syntax.Negative: _negative,
    syntax.Concat: _concat,
    syntax.IfElse: _if_else,
    syntax.ListOf: _list_of,
    syntax.DictOf: _dict_of,
    syntax.Filter: _filter,
    syntax.Default: _default,
    syntax.IsNone: _is_none,
    syntax.IsDefined: _is_defined,
}
