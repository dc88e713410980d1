"""Which names and paths an expression reads, for the checker and the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Place
from engine.expressions import syntax
from engine.expressions.errors import Source
from engine.expressions.syntax import Attr, Const, Item, Name, Node
from engine.model import Path


@dataclass(frozen=True, slots=True)
class Reference:
    """One path read: `('callback', 'orderId')`; it ends before the first computed key.

    `optional`: it stands under `| default(…)` or `is defined`, so steps behind the name may be
    absent.
    """

    path: Path
    place: Place
    optional: bool = False


def references(node: Node, source: Source, optional: bool = False) -> Iterator[Reference]:
    """Every path the node reads, from left to right, repeats included."""
    match node:
        case Name() | Attr() | Item():
            yield from _of_path(node, source, optional)
        case syntax.Default():
            yield from references(node.value, source, optional=True)
            yield from references(node.fallback, source)
        case syntax.IsDefined():
            yield from references(node.value, source, optional=True)
        case _:
            for child in syntax.children(node):
                yield from references(child, source)


def _of_path(node: Name | Attr | Item, source: Source, optional: bool) -> Iterator[Reference]:
    steps: list[Attr | Item] = []
    root: Node = node
    while isinstance(root, (Attr, Item)):
        steps.append(root)
        root = root.value
    steps.reverse()
    if isinstance(root, Name):
        path: list[str | int] = [root.name]
        for step in steps:
            if isinstance(step, Attr):
                path.append(step.key)
            elif isinstance(step.index, Const):
                path.append(step.index.value)
            else:
                break
        yield Reference(tuple(path), source.at(root.at), optional)
    else:
        yield from references(root, source)
    for step in steps:
        if isinstance(step, Item):
            yield from references(step.index, source)
