"""The types of comparisons: what can be equal, what has an order, and which choices there are."""

from __future__ import annotations

from engine.check.codes import CHOICE, COMPARE, CURRENCY, OPERAND, REFERENCE
from engine.check.infer import types
from engine.check.near import did_you_mean
from engine.check.operators import group, groups, may_be_null
from engine.check.reading import Reading
from engine.check.scope import Facts
from engine.check.types import ANY, BOOLEAN, NOTHING, Type, plural, words
from engine.expressions import syntax as ir


@types(ir.Compare)
def _compare(reading: Reading, node: ir.Compare, facts: Facts) -> Type:
    left, right = reading.type(node.left, facts), reading.type(node.right, facts)
    if node.operator not in ("==", "!="):
        return _order(reading, node, left, right)
    if "null" in (left.kind, right.kind) or not (left.known and right.known):
        return BOOLEAN
    if group(left) != group(right) or left.kind == "mixed":
        return _unlike(reading, node, left, right)
    if left.literal is not NOTHING and right.literal is not NOTHING:
        return Type("boolean", literal=(left.literal == right.literal) == (node.operator == "=="))
    if left.name and right.name and left.name != right.name:
        reading.say(
            REFERENCE,
            node,
            f"a key of '{left.name}' ({ir.path_text(node.left)}) is compared with a key of "
            f"'{right.name}' ({ir.path_text(node.right)}).",
            "Compare keys of one table.",
        )
        return BOOLEAN
    one = _choice(reading, node.left, left, node.right, right, facts)
    two = _choice(reading, node.right, right, node.left, left, facts)
    return Type("boolean", never=node.operator == "==" and (one or two))


def _order(reading: Reading, node: ir.Compare, left: Type, right: Type) -> Type:
    for side, found in ((node.left, left), (node.right, right)):
        if found.nullable:
            may_be_null(reading, side, f"is compared by size ({node.operator})", "0")
            return BOOLEAN
        if found.known and group(found) not in ("an integer", "text"):
            reading.say(
                COMPARE,
                node,
                f"{node.operator} compares two integers or two texts; {ir.path_text(side)} is "
                f"{words(found)}.",
                "Compare values that have an order.",
                reading.root(side),
            )
            return BOOLEAN
    if left.known and right.known and group(left) != group(right):
        return _unlike(reading, node, left, right)
    return BOOLEAN


def _unlike(reading: Reading, node: ir.Compare, left: Type, right: Type) -> Type:
    mend = "Compare two values of one type."
    why = "they are never equal"
    if "mixed" in (left.kind, right.kind):
        why = "they may be of two types"
    if {group(left), group(right)} == {"text", "an integer"}:
        written = left if left.literal is not NOTHING else right
        if written.literal is not NOTHING:
            mend = f"Put quotes around it: '{written.literal}'."
            if written.kind == "text":
                mend = "An integer is compared with a number without quotes."
        elif node.operator in ("==", "!="):
            # | int fails for a text that is no number, as a caller's id may be.
            one, two = (
                f"{ir.path_text(side)} | text"
                if group(found) == "an integer"
                else ir.path_text(side)
                for side, found in ((node.left, left), (node.right, right))
            )
            mend = f"Turn the integer into text: {one} {node.operator} {two}."
        else:
            mend = "Turn the text into an integer with | int."
    reading.say(
        COMPARE,
        node,
        f"{words(left)} ({ir.path_text(node.left)}) is compared with {words(right)} "
        f"({ir.path_text(node.right)}); {why}.",
        mend,
        reading.root(node.left) or reading.root(node.right),
    )
    return BOOLEAN


def _choice(
    reading: Reading, node: ir.Node, found: Type, other: ir.Node, text: Type, facts: Facts
) -> bool:
    """A literal against a value with choices. True when an earlier condition took that choice."""
    word = text.literal
    if not isinstance(word, str):
        return False
    if found.kind == "currency" and word != word.lower():
        reading.say(
            CURRENCY,
            other,
            f"the currency {ir.path_text(node)} is compared with '{word}'; currency codes are in "
            "small letters, so they are never equal.",
            f"Write '{word.lower()}'.",
        )
        return False
    declared = reading.silently().type(node, {})
    if not declared.one_of or found.literal is not NOTHING:
        return False
    if word not in declared.one_of:
        reading.say(
            CHOICE,
            other,
            f"'{ir.path_text(node)}' is never '{word}'.{did_you_mean(word, list(declared.one_of))}",
            f"It is one of: {', '.join(declared.one_of)}.",
            reading.root(node),
        )
        return False
    return bool(found.one_of) and word not in found.one_of


@types(ir.In)
def _in(reading: Reading, node: ir.In, facts: Facts) -> Type:
    item, container = reading.type(node.item, facts), reading.type(node.container, facts)
    if container.nullable:
        may_be_null(reading, node.container, "is looked in (in)", "[]")
        return BOOLEAN
    if container.known and group(container) not in ("a list", "text", "an object"):
        reading.say(
            OPERAND,
            node,
            f"`in` looks in a list or text; {ir.path_text(node.container)} is {words(container)}.",
            "Write a list, as in x in ['a', 'b'].",
            reading.root(node.container),
        )
        return BOOLEAN
    if group(container) == "a list":
        _items(reading, node, item, container, facts)
    elif container.known and item.known and (item.nullable or group(item) != "text"):
        reading.say(
            OPERAND,
            node,
            f"`in` looks for text here; {ir.path_text(node.item)} is {words(item)}.",
            "Look for text.",
            reading.root(node.item),
        )
    return BOOLEAN


def _items(reading: Reading, node: ir.In, item: Type, container: Type, facts: Facts) -> None:
    inside = container.item or ANY
    if item.known and inside.known and item.kind != "null" and inside.kind != "null":
        if not groups(item) & groups(inside):
            reading.say(
                COMPARE,
                node,
                f"`in` looks for {words(item)} ({ir.path_text(node.item)}) among {plural(inside)}; "
                "it is never found.",
                "Compare values of one type.",
                reading.root(node.item),
            )
            return
        match node.container:
            case ir.ListOf(items=items):
                for one in items:
                    _choice(
                        reading, node.item, item, one, reading.silently().type(one, facts), facts
                    )
            case ir.Const(value=list() as values, at=at):
                for value in values:
                    one = ir.Const(value, at)
                    _choice(reading, node.item, item, one, reading.type(one, facts), facts)
