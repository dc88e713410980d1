"""The types of operators, comparisons and filters: what each takes, and what it gives."""

from __future__ import annotations

from engine.check.near import did_you_mean
from engine.check.codes import (
    CHOICE,
    COMPARE,
    CURRENCY,
    NULL_USED,
    OPERAND,
    REFERENCE,
)
from engine.check.infer import Reading, types
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
    plural,
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
}


def group(found: Type) -> str:
    """The type as expressions know it at run time; "" where nothing is known."""
    return _GROUPS.get(found.kind, "")


def plain_part(reading: Reading, node: ir.Node, facts: Facts, where: str) -> None:
    """A value that becomes a piece of text: text, an integer or a boolean, never null."""
    found = reading.type(node, facts)
    if group(found) in ("a list", "an object"):
        reading.say(
            OPERAND,
            node,
            f"{words(found)} cannot stand {where} ({ir.path_text(node)}).",
            "Name one of its parts, or write | json.",
            reading.root(node),
        )
    elif found.nullable:
        _null(reading, node, f"stands {where}", "''")


def _null(reading: Reading, node: ir.Node, use: str, fallback: str) -> Type:
    shown = ir.path_text(node)
    return reading.say(
        NULL_USED,
        node,
        f"'{shown}' may be null, and it {use}.",
        f"Check it before ({shown} is not none), or give a fallback: {shown} | default({fallback}).",
        reading.root(node),
    )


@types(ir.Compare)
def _compare(reading: Reading, node: ir.Compare, facts: Facts) -> Type:
    left, right = reading.type(node.left, facts), reading.type(node.right, facts)
    if node.operator not in ("==", "!="):
        return _order(reading, node, left, right)
    if left.literal is not NOTHING and right.literal is not NOTHING:
        return Type("boolean", literal=(left.literal == right.literal) == (node.operator == "=="))
    if "null" in (left.kind, right.kind) or not (left.known and right.known):
        return BOOLEAN
    if group(left) != group(right):
        return _unlike(reading, node, left, right)
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
            _null(reading, side, f"is compared by size ({node.operator})", "0")
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
    if {group(left), group(right)} == {"text", "an integer"}:
        written = left if left.literal is not NOTHING else right
        mend = (
            "Write the number without quotes."
            if written.kind == "text"
            else ("Put quotes around it, or turn the text into an integer with | int.")
        )
        if written.literal is NOTHING:
            mend = "Turn the text into an integer with | int."
    reading.say(
        COMPARE,
        node,
        f"{words(left)} ({ir.path_text(node.left)}) is compared with {words(right)} "
        f"({ir.path_text(node.right)}); they are never equal.",
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
        _null(reading, node.container, "is looked in (in)", "[]")
        return BOOLEAN
    if container.known and group(container) not in ("a list", "text", "an object"):
        reading.say(
            OPERAND,
            node,
            f"`in` looks in a list or a text; {ir.path_text(node.container)} is {words(container)}.",
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
        if group(item) != group(inside):
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
    if sign == "+" and groups in (("text", "text"), ("a list", "a list")):
        if not (left.nullable or right.nullable):
            return TEXT if groups[0] == "text" else Type("list", item=_joined_items(left, right))
    for side, found in ((node.left, left), (node.right, right)):
        if found.nullable:
            return _null(reading, side, f"is an operand of {sign}", "0")
        if not found.known or found.kind in WHOLE:
            continue
        mend = (
            "Turn it into an integer with | int."
            if group(found) == "text"
            else ("Use an integer here.")
        )
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
        return _null(reading, node.value, "is an operand of -", "0")
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
            return _null(reading, side, f"is what {what} works on", "''")
        if group(found) not in takes:
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
