"""From jinja2's syntax tree to our own, through a list of what is allowed.

The tree's `lineno` is the offset of the token (see tokens.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from jinja2 import nodes

from engine.expressions import syntax
from engine.expressions.compile import compile_node
from engine.expressions.data import show
from engine.expressions.errors import ExpressionFailed, ExpressionProblem, Source
from engine.expressions.filters import FILTER_NAMES, filter_fault
from engine.expressions.syntax import Const, Node

MAX_DEPTH = 60
_WORDS = frozenset({"and", "or", "not", "if", "else", "in", "is"})


def _refuse(code: str, message: str, mend: str) -> Callable[[Converter, Any, int], Node]:
    def refuse(self: Converter, tree: nodes.Expr, depth: int) -> Node:
        raise self.problem(code, tree.lineno, message, mend)

    return refuse


class Converter:
    def __init__(self, source: Source, too_deep: ExpressionProblem) -> None:
        self.source = source
        self.too_deep = too_deep

    def node(self, tree: nodes.Node, depth: int) -> Node:
        """Our node for jinja2's; a part without names is folded, and its errors are found now."""
        if depth > MAX_DEPTH:
            raise self.too_deep
        convert = _CONVERT.get(type(tree), _refuse_other)
        node = convert(self, tree, depth + 1)
        inside = syntax.children(node)
        if inside and all(isinstance(child, Const) for child in inside):
            return self.folded(node)
        return node

    def folded(self, node: Node) -> Const:
        try:
            return Const(compile_node(node, self.source)({}), syntax.start(node))
        except ExpressionFailed as failed:
            raise self.problem(
                "constant",
                node.at,
                f"this can never work: {failed.message}",
                failed.mend or "correct the values",
            ) from None

    def problem(self, code: str, at: int, message: str, mend: str) -> ExpressionProblem:
        return self.source.problem(code, at, message, mend)

    def const(self, tree: nodes.Const, depth: int) -> Node:
        return Const(tree.value, tree.lineno)

    def name(self, tree: nodes.Name, depth: int) -> Node:
        if tree.name in _WORDS:
            raise self.problem(
                "syntax",
                tree.lineno,
                f"found '{tree.name}' where a value is expected",
                "complete it",
            )
        if tree.name == "loop":
            raise self.problem(
                "name", tree.lineno, "there is no 'loop'", "name the item in the for_each node"
            )
        return syntax.Name(tree.name, tree.lineno)

    def attr(self, tree: nodes.Getattr, depth: int) -> Node:
        return syntax.Attr(self.node(tree.node, depth), tree.attr, tree.lineno + 1)

    def item(self, tree: nodes.Getitem, depth: int) -> Node:
        index = self.node(tree.arg, depth)
        value = self.node(tree.node, depth)
        if isinstance(index, Const) and isinstance(index.value, str):
            return syntax.Attr(value, index.value, tree.lineno + 1)
        if isinstance(index, Const) and type(index.value) is not int:
            raise self.problem(
                "index", index.at, "an item is read by an integer or a text", "write [0] or ['key']"
            )
        return syntax.Item(value, index, tree.lineno + 1)

    def compare(self, tree: nodes.Compare, depth: int) -> Node:
        if len(tree.ops) > 1:
            raise self.problem(
                "chain", tree.expr.lineno, "found a chain of comparisons", "write a < b and b < c"
            )
        [operand] = tree.ops
        left, right = self.node(tree.expr, depth), self.node(operand.expr, depth)
        at = syntax.start(left)
        if operand.op in ("in", "notin"):
            return syntax.In(left, right, operand.op == "notin", at)
        return syntax.Compare(_COMPARE[operand.op], left, right, at)

    def both(self, tree: nodes.And | nodes.Or, depth: int) -> Node:
        """`a and b and c` as one node, though jinja2 nests it to the left."""
        kind, word = (syntax.And, "and") if isinstance(tree, nodes.And) else (syntax.Or, "or")
        trees: list[nodes.Expr] = []
        left: nodes.Expr = tree
        while type(left) is type(tree):
            trees.append(left.right)
            left = left.left
        trees.append(left)
        operands = tuple(self.boolean(one, word, depth) for one in reversed(trees))
        return kind(operands, syntax.start(operands[0]))

    def boolean(self, tree: nodes.Expr, word: str, depth: int) -> Node:
        """A node that `and`, `or`, `not` or `if` takes; a constant that is none is refused now."""
        node = self.node(tree, depth)
        if isinstance(node, Const) and not isinstance(node.value, bool):
            mend = "compare it, as in `x == 0`; for a fallback write `x | default(…)`"
            message = f"`{word}` takes booleans, and {show(node.value)}"
            raise self.problem("boolean", node.at, message, mend)
        return node

    def negated(self, tree: nodes.Not, depth: int) -> Node:
        return syntax.Not(self.boolean(tree.node, "not", depth), tree.lineno)

    def arith(self, tree: nodes.BinExpr, depth: int) -> Node:
        left, right = self.node(tree.left, depth), self.node(tree.right, depth)
        return syntax.Arith(_ARITH[type(tree)], left, right, syntax.start(left))

    def negative(self, tree: nodes.Neg, depth: int) -> Node:
        return syntax.Negative(self.node(tree.node, depth), tree.lineno)

    def concat(self, tree: nodes.Concat, depth: int) -> Node:
        parts = tuple(self.node(one, depth) for one in tree.nodes)
        return syntax.Concat(parts, syntax.start(parts[0]))

    def if_else(self, tree: nodes.CondExpr, depth: int) -> Node:
        if tree.expr2 is None:
            raise self.problem(
                "else", tree.lineno, "found an `if` without `else`", "write a if b else c"
            )
        then = self.node(tree.expr1, depth)
        test = self.boolean(tree.test, "if", depth)
        return syntax.IfElse(test, then, self.node(tree.expr2, depth), syntax.start(then))

    def list_of(self, tree: nodes.List, depth: int) -> Node:
        items = tuple(self.node(one, depth) for one in tree.items)
        return syntax.ListOf(items, tree.lineno) if items else Const([], tree.lineno)

    def dict_of(self, tree: nodes.Dict, depth: int) -> Node:
        items: dict[str, Node] = {}
        for pair in tree.items:
            key = self.node(pair.key, depth)
            if not (isinstance(key, Const) and isinstance(key.value, str)):
                raise self.problem(
                    "key", key.at, "the keys of an object are texts", "write {'key': value}"
                )
            if key.value in items:
                message = f"the key '{key.value}' is written twice"
                raise self.problem("key", key.at, message, "remove one")
            items[key.value] = self.node(pair.value, depth)
        return syntax.DictOf(tuple(items.items()), tree.lineno) if items else Const({}, tree.lineno)

    def filter(self, tree: nodes.Filter, depth: int) -> Node:
        if tree.node is None or tree.kwargs or tree.dyn_args or tree.dyn_kwargs:
            mend = f"write | {tree.name}(value)"
            raise self.problem("argument", tree.lineno, "a filter takes plain arguments", mend)
        if fault := filter_fault(tree.name, len(tree.args)):
            raise self.problem(fault.code, tree.lineno, fault.message, fault.mend)
        value = self.node(tree.node, depth)
        arguments = tuple(self.node(one, depth) for one in tree.args)
        if tree.name == "default":
            return syntax.Default(value, arguments[0], tree.lineno)
        if tree.name in ("first", "last"):
            index = Const(0 if tree.name == "first" else -1, tree.lineno)
            return syntax.Item(value, index, tree.lineno)
        return syntax.Filter(tree.name, value, arguments, tree.lineno)

    def test(self, tree: nodes.Test, depth: int) -> Node:
        if tree.name not in ("none", "defined"):
            mend = "there are `is none` and `is defined`, each also with `not`; compare with =="
            raise self.problem("test", tree.lineno, f"there is no test `is {tree.name}`", mend)
        if tree.args or tree.kwargs or tree.dyn_args or tree.dyn_kwargs:
            message, mend = f"found something behind `is {tree.name}`", f"write (x is {tree.name})"
            raise self.problem("test", tree.lineno, message, mend)
        value = self.node(tree.node, depth)
        if tree.name == "none":
            return syntax.IsNone(value, tree.lineno)
        if not isinstance(value, (syntax.Attr, syntax.Item)):
            mend = "a name is always there: write `is not none`, or name a key, as in `x.y`"
            message = "`is defined` asks for a key inside of something"
            raise self.problem("test", tree.lineno, message, mend)
        return syntax.IsDefined(value, tree.lineno)

    def call(self, tree: nodes.Call, depth: int) -> Node:
        name = getattr(tree.node, "name", None) or getattr(tree.node, "attr", None)
        mend = f"write value | {name}" if name in FILTER_NAMES else "use a filter, or a code node"
        message = f"found a call of {name or 'a value'}(…); nothing is called here"
        raise self.problem("call", tree.lineno, message, mend)


_refuse_other = _refuse("syntax", "found something that an expression cannot hold", "remove it")
_COMPARE: dict[str, syntax.CompareOperator] = dict(
    zip(("eq", "ne", "lt", "lteq", "gt", "gteq"), get_args(syntax.CompareOperator), strict=True)
)
_ARITH: dict[type[nodes.BinExpr], syntax.ArithOperator] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}
_CONVERT: dict[type[nodes.Node], Callable[[Converter, Any, int], Node]] = {
    nodes.Const: Converter.const,
    nodes.Name: Converter.name,
    nodes.Getattr: Converter.attr,
    nodes.Getitem: Converter.item,
    nodes.Compare: Converter.compare,
    nodes.And: Converter.both,
    nodes.Or: Converter.both,
    nodes.Not: Converter.negated,
    **dict.fromkeys(_ARITH, Converter.arith),
    nodes.Neg: Converter.negative,
    nodes.Concat: Converter.concat,
    nodes.CondExpr: Converter.if_else,
    nodes.List: Converter.list_of,
    nodes.Dict: Converter.dict_of,
    nodes.Filter: Converter.filter,
    nodes.Test: Converter.test,
    nodes.Call: Converter.call,
    nodes.Div: _refuse(
        "divide",
        "found /, which would give a fraction",
        "write // for a whole number, rounded down",
    ),
    nodes.Pow: _refuse("power", "found **", "multiply, or use a code node"),
    nodes.Pos: _refuse("syntax", "found + before a value", "remove it"),
    nodes.Tuple: _refuse("tuple", "found values with commas in ( )", "write a list: [a, b]"),
    nodes.Slice: _refuse("slice", "found a slice", "use `| first`, `| last` or an index"),
}
