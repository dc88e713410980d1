"""The type of an expression, worked out from its syntax; what is wrong on the way is reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.check.codes import (
    COLUMN,
    INPUT,
    NO_OUTPUT,
    NULL_ITEM,
    NULL_READ,
    OUTPUT,
    PART,
    SETTING,
)
from engine.check.near import did_you_mean
from engine.check.reading import Reading
from engine.check.scope import Facts
from engine.check.types import (
    ANY,
    Type,
    join,
    literal,
    maybe,
    present,
    words,
)
from engine.expressions import syntax as ir

TYPES: dict[type, Callable[[Reading, Any, Facts], Type]] = {}


def type_of(reading: Reading, node: ir.Node, facts: Facts) -> Type:
    """The type of a syntax node."""
    return TYPES[type(node)](reading, node, facts)


def types(*kinds: type) -> Callable[[Callable[[Reading, Any, Facts], Type]], Any]:
    """Register the function that works out the type of these syntax nodes."""

    def register(read: Callable[[Reading, Any, Facts], Type]) -> Any:
        for kind in kinds:
            TYPES[kind] = read
        return read

    return register


@types(ir.Const)
def _const(reading: Reading, node: ir.Const, facts: Facts) -> Type:
    return literal(node.value)


@types(ir.Name)
def _name(reading: Reading, node: ir.Name, facts: Facts) -> Type:
    found = reading.name(node.name, reading.at(node.at), reading.report)
    if found.kind != "none":
        return found
    return reading.say(
        NO_OUTPUT,
        node,
        f"'{node.name}' gives nothing that could be read.",
        "Read from another node; `set` names values for the nodes below it.",
        reading.root(node),
    )


@types(ir.Attr)
def _attr(reading: Reading, node: ir.Attr, facts: Facts) -> Type:
    base = reading.type(node.value, facts)
    shown = ir.path_text(node.value)
    if base.kind == "any":
        return ANY
    if base.kind in ("row", "dict"):
        return _field(reading, node, base, shown)
    if base.kind == "null":
        return reading.say(
            NULL_READ,
            node,
            f"'{shown}' is null here, and '{node.key}' is read from it.",
            f"Read it where {shown} is not none: in another case, or behind a stop.",
            reading.root(node),
        )
    if base.kind == "list":
        message = f"'{shown}' is {words(base)}, and '{node.key}' is read from it as from one row."
        mend = "Go through it with for_each, or take one: | first. Without `many` it is one row."
    else:
        message = f"'{shown}' is {words(base)}, which has no '{node.key}' inside."
        mend = f"Write {shown} alone."
    return reading.say(PART, node, message, mend, reading.root(node))


def _field(reading: Reading, node: ir.Attr, base: Type, shown: str) -> Type:
    related = reading.root(node)
    if base.fields is None:
        return ANY
    if node.key not in base.fields:
        return _no_field(reading, node, base, shown)
    found = base.fields[node.key]
    if not base.nullable:
        return found
    if reading.lenient:
        return maybe(found)
    reading.say(
        NULL_READ,
        node,
        f"'{shown}' may be null, and '{node.key}' is read from it.",
        f"Check it before ({shown} is not none), write `expect: one` in the node that finds it, or "
        f"give a fallback: {ir.path_text(node)} | default(…).",
        related,
    )
    return found


def _no_field(reading: Reading, node: ir.Attr, base: Type, shown: str) -> Type:
    assert base.fields is not None
    its_key = next((one for one, found in base.fields.items() if found.name == base.name), "id")
    key = (base.name, its_key) if base.kind == "row" else None
    near = did_you_mean(node.key, base.fields, key=key)
    known = ", ".join(base.fields) or "nothing"
    name = node.key
    if base.kind == "row":
        return reading.say(
            COLUMN,
            node,
            f"'{shown}' is a row of '{base.name}', which has no column '{name}'.{near}",
            f"Columns of '{base.name}': {known}.",
            reading.root(node),
        )
    if shown == "config":
        return reading.say(
            SETTING,
            node,
            f"there is no config value '{name}'.{near}",
            f"Add it under `config` in project.yaml. There are: {known}.",
        )
    if shown == "input":
        return reading.say(
            INPUT,
            node,
            f"the flow has no input '{name}'.{near}",
            f"Declare it in the flow's trigger (of an action: under `input`). There are: {known}.",
        )
    return reading.say(
        OUTPUT,
        node,
        f"'{shown}' has no output '{name}'.{near}",
        f"It gives: {known}.",
        reading.root(node),
    )


@types(ir.Item)
def _item(reading: Reading, node: ir.Item, facts: Facts) -> Type:
    base = reading.type(node.value, facts)
    reading.type(node.index, facts)
    if base.kind == "list":
        return _of_list(reading, node, base)
    if base.kind in ("any", "dict", "row"):
        return ANY
    return reading.say(
        PART,
        node,
        f"'{ir.path_text(node.value)}' is {words(base)}, which has no items.",
        "Items are taken from a list only.",
        reading.root(node),
    )


def _of_list(reading: Reading, node: ir.Item, base: Type) -> Type:
    item = base.item or ANY
    match node.index:
        case ir.Const(value=0 | -1) if base.filled and not base.nullable:
            return item
        case ir.Const(value=int() as index) if isinstance(base.literal, list):
            if -len(base.literal) <= index < len(base.literal):
                return item
    if reading.lenient:
        return maybe(item)
    shown = ir.path_text(node.value)
    what = "may be null" if base.nullable else "may be empty, or too short"
    check = f"{shown} is not none" if base.nullable else f"{shown} | length > 0"
    reading.say(
        NULL_ITEM,
        node,
        f"the list '{shown}' {what}, and one item of it is read.",
        f"Check it before ({check}), or give a fallback behind it with | default(…).",
        reading.root(node),
    )
    return item


@types(ir.IfElse)
def _if_else(reading: Reading, node: ir.IfElse, facts: Facts) -> Type:
    reading.boolean(node.test, facts, "the condition of this if-else")
    then = reading.type(node.then, reading.narrowed(node.test, facts, True))
    otherwise = reading.type(node.otherwise, reading.narrowed(node.test, facts, False))
    return join(then, otherwise)


@types(ir.ListOf)
def _list(reading: Reading, node: ir.ListOf, facts: Facts) -> Type:
    items = [reading.type(item, facts) for item in node.items]
    return Type("list", item=join(*items) if items else ANY, filled=bool(items))


@types(ir.DictOf)
def _dict(reading: Reading, node: ir.DictOf, facts: Facts) -> Type:
    return Type("dict", fields={key: reading.type(value, facts) for key, value in node.items})


@types(ir.Default)
def _default(reading: Reading, node: ir.Default, facts: Facts) -> Type:
    value = reading.softly().type(node.value, facts)
    fallback = reading.type(node.fallback, facts)
    if value.kind == "null":
        return fallback
    return join(present(value), fallback) if value.nullable or not value.known else value
