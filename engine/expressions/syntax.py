"""What an expression is made of. Plain data: the compiler, the references and the checker walk it.

Every node has `at`: the offset in the source text of the spot to point at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.model import Value

CompareOperator = Literal["==", "!=", "<", "<=", ">", ">="]
ArithOperator = Literal["+", "-", "*", "//", "%"]


@dataclass(frozen=True, slots=True)
class Const:
    """A literal, or a part that was folded: null, boolean, integer, text, list or object."""

    value: Value
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name a run knows: `callback`, `event`, …"""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Attr:
    """`value.key` and `value['key']`; always a key, never an attribute of Python."""

    value: Node
    key: str
    at: int


@dataclass(frozen=True, slots=True)
class Item:
    """`value[index]` with an integer or a computed key; `| first` and `| last` are [0] and [-1]."""

    value: Node
    index: Node
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`left == right`; both of one type, or one of them null (for == and != only)."""

    operator: CompareOperator
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class In:
    """`item in container`, also negated: a list, a text or the keys of an object."""

    item: Node
    container: Node
    negated: bool
    at: int


@dataclass(frozen=True, slots=True)
class And:
    """All of `operands` (two or more), from left to right, up to the first that is false."""

    operands: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Or:
    """Any of `operands` (two or more), from left to right, up to the first that is true."""

    operands: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """`not value`; also `is not none` and `is not defined`."""

    value: Node
    at: int


@dataclass(frozen=True, slots=True)
class Arith:
    """Two integers; `+` also joins two texts or two lists."""

    operator: ArithOperator
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Negative:
    """`-value`, an integer."""

    value: Node
    at: int


@dataclass(frozen=True, slots=True)
class Concat:
    """`a ~ b`: texts, integers and booleans joined to one text."""

    parts: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class IfElse:
    """`then if test else otherwise`; only one side is evaluated."""

    test: Node
    then: Node
    otherwise: Node
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`"""

    items: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class DictOf:
    """`{'key': value}`; keys are literal texts."""

    items: tuple[tuple[str, Node], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Filter:
    """`value | name(arguments)`; see `filters.FILTERS`."""

    name: str
    value: Node
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Default:
    """`value | default(fallback)`: the fallback where the value is null or absent."""

    value: Node
    fallback: Node
    at: int


@dataclass(frozen=True, slots=True)
class IsNone:
    """`value is none`: whether it is null. Absent is an error."""

    value: Node
    at: int


@dataclass(frozen=True, slots=True)
class IsDefined:
    """`value.key is defined`: whether the key is there, null or not."""

    value: Attr | Item
    at: int


Node: TypeAlias = (
    Const | Name | Attr | Item | Compare | In | And | Or | Not | Arith | Negative | Concat
    | IfElse | ListOf | DictOf | Filter | Default | IsNone | IsDefined
)  # fmt: skip


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside, in the order they are written."""
    match node:
        case Const() | Name():
            return ()
        case Item():
            return (node.value, node.index)
        case Compare() | Arith():
            return (node.left, node.right)
        case In():
            return (node.item, node.container)
        case And() | Or():
            return node.operands
        case Concat():
            return node.parts
        case IfElse():
            return (node.then, node.test, node.otherwise)
        case ListOf():
            return node.items
        case DictOf():
            return tuple(value for _, value in node.items)
        case Filter():
            return (node.value, *node.arguments)
        case Default():
            return (node.value, node.fallback)
        case _:
            return (node.value,)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything inside it."""
    yield node
    for child in children(node):
        yield from walk(child)


def start(node: Node) -> int:
    """The offset at which the node's text begins."""
    inside = [start(child) for child in children(node)]
    return min(node.at, *inside) if inside else node.at


def path_text(node: Node) -> str:
    """The node as a path a person knows: `callback.orderId`, `order.lines[0]`."""
    match node:
        case Name():
            return node.name
        case Attr() if node.key.isidentifier():
            return f"{path_text(node.value)}.{node.key}"
        case Attr():
            return f"{path_text(node.value)}[{node.key!r}]"
        case Item(index=Const(value=value)):
            return f"{path_text(node.value)}[{value!r}]"
        case Item():
            return f"{path_text(node.value)}[{path_text(node.index)}]"
        case Const():
            return repr(node.value)
        case _:
            return "(…)"
