"""What a condition tells about the values it looks at: `is none`, `==`, `in`, and / or / not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.check.scope import Facts, merge
from engine.check.types import NULL, Type, present
from engine.expressions.syntax import (
    And,
    Attr,
    Compare,
    Const,
    Filter,
    In,
    IsNone,
    Item,
    ListOf,
    Name,
    Node,
    Not,
    Or,
)
from engine.model import Path, Value

TypeOf = Callable[[Node, Facts], Type]
"""The type of an expression under facts, without reporting anything."""


def path_of(node: Node) -> Path | None:
    """The path an expression reads, when it is nothing but a path."""
    match node:
        case Name():
            return (node.name,)
        case Attr():
            base = path_of(node.value)
            return (*base, node.key) if base else None
        case Item(index=Const(value=str() | int() as index)):
            base = path_of(node.value)
            return (*base, index) if base else None
    return None


def narrow(node: Node, facts: Facts, truth: bool, type_of: TypeOf) -> Facts:
    """The facts where the condition has come out as `truth`."""
    match node:
        case Not():
            return narrow(node.value, facts, not truth, type_of)
        case And() | Or():
            return _many(node.operands, facts, truth, isinstance(node, And), type_of)
        case IsNone():
            return _null(node.value, facts, truth, type_of)
        case Compare(left=Filter(name="length", value=listed), right=Const(value=int() as size)):
            return _filled(listed, node.operator, size, facts, truth, type_of)
        case Compare(operator="==" | "!=" as operator):
            same = truth == (operator == "==")
            facts = _compared(node.left, node.right, facts, same, type_of)
            return _compared(node.right, node.left, facts, same, type_of)
        case In():
            values = _constants(node.container)
            if values is not None:
                return _among(node.item, values, facts, truth != node.negated, type_of)
    return facts


def _many(
    operands: tuple[Node, ...], facts: Facts, truth: bool, all_of: bool, type_of: TypeOf
) -> Facts:
    """`and` that holds, or `or` that does not: each operand tells. Else: one of them decided."""
    ways = []
    for operand in operands:
        ways.append(narrow(operand, facts, not all_of, type_of))
        facts = narrow(operand, facts, all_of, type_of)
    return facts if truth == all_of else merge(ways)


def _null(value: Node, facts: Facts, truth: bool, type_of: TypeOf) -> Facts:
    path = path_of(value)
    if path is None:
        return facts
    return {**facts, path: NULL if truth else present(type_of(value, facts))}


def _filled(
    listed: Node, operator: str, size: int, facts: Facts, truth: bool, type_of: TypeOf
) -> Facts:
    """`rows | length` compared with a number: whether there is a first row."""
    path = path_of(listed)
    if path is None:
        return facts
    some = (
        (operator in (">", "!=") and size == 0)
        or (operator in (">", ">=", "==") and size > 0)
    )  # fmt: skip
    none = (operator in ("==", "<=") and size == 0) or (operator == "<" and size == 1)
    if some if truth else none:
        return {**facts, path: replace(type_of(listed, facts), filled=True)}
    return facts


def _compared(left: Node, right: Node, facts: Facts, same: bool, type_of: TypeOf) -> Facts:
    """`left` is (or is not) the same as `right`: what that tells of `left`."""
    path = path_of(left)
    if path is None:
        return facts
    if isinstance(right, Const):
        if right.value is None:
            return _null(left, facts, same, type_of)
        if right.value == [] and not same:
            return {**facts, path: replace(type_of(left, facts), filled=True)}
        return _among(left, [right.value], facts, same, type_of)
    if same and not type_of(right, facts).nullable:
        return {**facts, path: present(type_of(left, facts))}
    return facts


def _among(value: Node, values: list[Value], facts: Facts, same: bool, type_of: TypeOf) -> Facts:
    path = path_of(value)
    if path is None:
        return facts
    found = type_of(value, facts)
    texts = tuple(one for one in values if isinstance(one, str))
    if same:
        narrowed = found if None in values else present(found)
        if len(texts) == len(values) and found.kind == "text":
            kept = tuple(one for one in found.one_of if one in texts) if found.one_of else texts
            narrowed = replace(narrowed, one_of=kept or texts)
        return {**facts, path: narrowed}
    left = tuple(one for one in found.one_of if one not in texts)
    if left and len(left) < len(found.one_of):
        found = replace(found, one_of=left)
    return {**facts, path: present(found) if None in values else found}


def _constants(container: Node) -> list[Value] | None:
    match container:
        case Const(value=list() as values):
            return values
        case ListOf(items=items) if all(isinstance(item, Const) for item in items):
            return [item.value for item in items if isinstance(item, Const)]
    return None
