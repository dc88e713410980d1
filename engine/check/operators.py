"""The types of operators and filters: what each takes, and what it gives."""

from __future__ import annotations

from engine.check.codes import NULL_USED, OPERAND
from engine.check.infer import types
from engine.check.reading import Reading
from engine.check.scope import Facts
from engine.check.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NOTHING,
    TEXT,
    TEXTS,
    WHOLE,
    Type,
    join,
    plain,
    words,
)
from engine.expressions import syntax as ir
from engine.expressions.filters import FILTERS

_GROUPS = {
    **dict.fromkeys(WHOLE, "an integer"),
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(("dict", "row"), "an object"),
    "boolean": "a boolean",
    "list": "a list",
    "null": "null",
    "float": "a number with a fraction",
    "none": "null",
    "mixed": "several kinds",
}


def group(found: Type) -> str:
    """The type as expressions know it at run time; "" where nothing is known."""
    return _GROUPS.get(found.kind, "")


def groups(found: Type) -> frozenset[str]:
    """All kinds the value can have; none where nothing is known."""
    kinds = {group(one) for one in found.options or (found,)}
    return frozenset(kinds - {""})


def plain_part(reading: Reading, node: ir.Node, facts: Facts, where: str) -> None:
    """A value that becomes a piece of text: text, an integer or a boolean, never null."""
    found = reading.type(node, facts)
    if groups(found) & {"a list", "an object"}:
        reading.say(
            OPERAND,
            node,
            f"{words(found)} cannot stand {where} ({ir.path_text(node)}).",
            "Name one of its parts, or write | json.",
            reading.root(node),
        )
    elif found.nullable:
        may_be_null(reading, node, f"stands {where}", "''")


def may_be_null(reading: Reading, node: ir.Node, use: str, fallback: str) -> Type:
    """Report a value that may be null where that cannot be."""
    shown = ir.path_text(node)
    return reading.say(
        NULL_USED,
        node,
        f"'{shown}' may be null, and it {use}.",
        f"Check it before ({shown} is not none), or give a fallback: {shown} | "
        f"default({fallback}).",
        reading.root(node),
    )


@types(ir.And, ir.Or)
def _and_or(reading: Reading, node: ir.And | ir.Or, facts: Facts) -> Type:
    every = isinstance(node, ir.And)
    word = "and" if every else "or"
    found = []
    for operand in node.operands:
        found.append(reading.boolean(operand, facts, f"an operand of `{word}`"))
        facts = reading.narrowed(operand, facts, every)
    decided = not every
    if any(one.literal is decided for one in found):
        return Type("boolean", literal=decided)
    if all(one.literal is every for one in found):
        return Type("boolean", literal=every)
    never = any(one.never for one in found) if every else all(one.never for one in found)
    return Type("boolean", never=never)


@types(ir.Not)
def _not(reading: Reading, node: ir.Not, facts: Facts) -> Type:
    found = reading.boolean(node.value, facts, "what `not` turns round")
    return Type("boolean", literal=not found.literal) if found.literal in (True, False) else BOOLEAN


@types(ir.IsNone)
def _is_none(reading: Reading, node: ir.IsNone, facts: Facts) -> Type:
    found = reading.type(node.value, facts)
    if found.literal is not NOTHING and found.kind != "null":
        return Type("boolean", literal=False)
    return BOOLEAN


@types(ir.IsDefined)
def _is_defined(reading: Reading, node: ir.IsDefined, facts: Facts) -> Type:
    reading.softly().type(node.value, facts)
    return BOOLEAN


@types(ir.Arith)
def _arith(reading: Reading, node: ir.Arith, facts: Facts) -> Type:
    left, right = reading.type(node.left, facts), reading.type(node.right, facts)
    sign = node.operator
    groups = (group(left), group(right))
    some = not (left.nullable or right.nullable)
    if sign == "+" and some and groups in (("text", "text"), ("a list", "a list")):
        return TEXT if groups[0] == "text" else Type("list", item=_joined_items(left, right))
    for side, found in ((node.left, left), (node.right, right)):
        if found.nullable:
            return may_be_null(reading, side, f"is an operand of {sign}", "0")
        if not found.known or found.kind in WHOLE:
            continue
        mend = "Use an integer here."
        if group(found) == "text":
            mend = "Turn it into an integer with | int."
        if sign == "+" and "text" in groups:
            mend = "To join text write ~; to add numbers turn the text into one with | int."
        return reading.say(
            OPERAND,
            node,
            f"{sign} takes integers; {ir.path_text(side)} is {words(found)}.",
            mend,
            reading.root(side),
        )
    if not (left.known and right.known):
        return ANY if sign == "+" else INTEGER
    both = left.kind == right.kind == "amount"
    return Type("amount") if both and sign == "+" else INTEGER


def _joined_items(left: Type, right: Type) -> Type:
    return join(left.item, right.item) if left.item and right.item else ANY


@types(ir.Negative)
def _negative(reading: Reading, node: ir.Negative, facts: Facts) -> Type:
    found = reading.type(node.value, facts)
    if found.nullable:
        return may_be_null(reading, node.value, "is an operand of -", "0")
    if found.known and found.kind not in WHOLE:
        return reading.say(
            OPERAND,
            node,
            f"- takes an integer; {ir.path_text(node.value)} is {words(found)}.",
            "Use an integer here.",
            reading.root(node.value),
        )
    return INTEGER


@types(ir.Concat)
def _concat(reading: Reading, node: ir.Concat, facts: Facts) -> Type:
    for part in node.parts:
        plain_part(reading, part, facts, "as an operand of ~")
    return TEXT


@types(ir.Filter)
def _filter(reading: Reading, node: ir.Filter, facts: Facts) -> Type:
    spec = FILTERS[node.name]
    value = reading.type(node.value, facts)
    given = [(node.value, value, spec.takes, f"| {node.name}")]
    for argument, takes in zip(node.arguments, spec.arguments, strict=False):
        found = reading.type(argument, facts)
        given.append((argument, found, takes, f"the argument of | {node.name}"))
    for side, found, takes, what in given:
        if not found.known:
            continue
        if found.nullable and "null" not in takes:
            return may_be_null(reading, side, f"is what {what} works on", "''")
        if not groups(found) <= set(takes):
            return reading.say(
                OPERAND,
                node,
                f"{what} takes {' or '.join(takes)}; {ir.path_text(side)} is {words(found)}.",
                "Use another filter, or another value.",
                reading.root(side),
            )
    return _given(spec.gives, value)


def _given(gives: str, value: Type) -> Type:
    if gives == "same":
        return plain(value)
    if gives == "item":
        return value.item or ANY
    kinds = {"text": TEXT, "an integer": INTEGER, "a boolean": BOOLEAN}
    return kinds.get(gives) or (Type("list", item=ANY) if gives == "a list" else ANY)
