"""Reading paths: `callback.orderId`, `order.lines[0].amount`. Keys and indexes, never attributes.

The common shapes (one or two keys behind a name) are one closure each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from engine.expressions import syntax
from engine.expressions.data import ABSENT, EXACT, exact, peek, why_absent
from engine.expressions.errors import MissingValue, Refused, Source, did_you_mean, listed
from engine.expressions.syntax import Attr, Const, Item, Name, Node, path_text
from engine.model import Path, Value

__all__ = ["ABSENT", "Closure", "PathNode", "exactly", "quick", "raw", "soft"]

Closure: TypeAlias = Callable[[Mapping[str, Value]], Value]
PathNode: TypeAlias = Name | Attr | Item
CompileNode: TypeAlias = Callable[[Node, Source], Closure]


def _name(node: Name, source: Source) -> Closure:
    name = node.name

    def run(values: Mapping[str, Value]) -> Value:
        try:
            return values[name]
        except KeyError:
            raise MissingValue(
                f"there is no '{name}' here; there are {listed(values)}",
                source=source.text,
                place=source.at(node.at),
                path=name,
                mend=did_you_mean(name, values)
                + "use the id of a node before this one, or a name every flow knows",
            ) from None

    return run


def soft(node: PathNode, source: Source, compile_node: CompileNode) -> Closure:
    """The path's value, or ABSENT where a step of it is not there; wrong types still fail."""
    if isinstance(node, Name):
        return _name(node, source)
    base, key = _base(node, source, compile_node, soft), _key(node, source, compile_node)

    def run(values: Mapping[str, Value]) -> Value:
        found = base(values)
        if found is ABSENT or found is None:
            return ABSENT
        try:
            return peek(found, key(values))
        except Refused as why:
            raise source.failed(node.at, why) from None

    return run


def raw(node: PathNode, source: Source, compile_node: CompileNode) -> Closure:
    """The path's value, which may be a number that only `exactly` refuses."""
    if isinstance(node, Name):
        return _name(node, source)
    base, key = _base(node, source, compile_node, raw), _key(node, source, compile_node)

    def run(values: Mapping[str, Value]) -> Value:
        inside = base(values)
        step = key(values)
        try:
            found = peek(inside, step)
        except Refused as why:
            raise source.failed(node.at, why) from None
        if found is not ABSENT:
            return found
        reason, mend = why_absent(inside, step)
        wanted = f"'{step}'" if isinstance(step, str) else f"item {step}"
        raise MissingValue(
            f"{path_text(node.value)} has no {wanted}: {reason}",
            source=source.text,
            place=source.at(node.at),
            path=path_text(node),
            mend=mend,
        )

    return run


def _base(
    node: Attr | Item,
    source: Source,
    compile_node: CompileNode,
    of_path: Callable[[PathNode, Source, CompileNode], Closure],
) -> Closure:
    if isinstance(node.value, (Name, Attr, Item)):
        return of_path(node.value, source, compile_node)
    return compile_node(node.value, source)


def _key(node: Attr | Item, source: Source, compile_node: CompileNode) -> Closure:
    if isinstance(node, Attr):
        key = node.key
        return lambda values: key
    return compile_node(node.index, source)


def quick(node: PathNode, source: Source, compile_node: CompileNode) -> Closure:
    """A path read for its value. Quick look-ups succeed on plain data only; all else (a text or
    null on the way, a missing key) is looked up again by the slow closure, which explains it."""
    slow = exactly(node, source, raw(node, source, compile_node))
    match node:
        case Attr(value=Name(name=name), key=key):

            def run(values: Mapping[str, Value]) -> Value:
                try:
                    found = values[name][key]
                except (LookupError, TypeError):
                    return slow(values)
                return found if type(found) in EXACT else slow(values)

            return run
    path = _fixed(node)
    if path is None:
        return slow
    first, *steps = path

    def run_many(values: Mapping[str, Value]) -> Value:
        try:
            found = values[first]  # type: ignore[index]
            for step in steps:
                # An index into anything but a list is left to the slow look-up.
                if type(step) is int and type(found) is not list:
                    return slow(values)
                found = found[step]
        except (LookupError, TypeError):
            return slow(values)
        return found if type(found) in EXACT else slow(values)

    return run_many


def exactly(node: Node, source: Source, inner: Closure) -> Closure:
    """`inner`, with a number that has a fraction, or anything else not plain, refused."""

    def run(values: Mapping[str, Value]) -> Value:
        found = inner(values)
        if type(found) in EXACT:
            return found
        try:
            return exact(found)
        except Refused as why:
            raise source.failed(syntax.start(node), why) from None

    return run


def _fixed(node: Node) -> Path | None:
    """The keys of a path that is fixed, its name first; None where it is computed."""
    match node:
        case Name():
            return (node.name,)
        case Attr() if (before := _fixed(node.value)) is not None:
            return (*before, node.key)
        case Item(index=Const(value=step)) if (before := _fixed(node.value)) is not None:
            return (*before, step)
        case _:
            return None
