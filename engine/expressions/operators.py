"""What the operators do with values. Integers only, no silent conversion, results capped."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.expressions.errors import Refused, did_you_mean, listed, shorten
from engine.model import Value

MAX_TEXT = 100_000
MAX_LIST = 10_000
_LIMIT = 2**63
ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "ABSENT", "__slots__": ()})()
"""What `peek` gives where there is nothing; it never leaves the package."""

EXACT = frozenset({type(None), bool, int, str, list, dict})
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    str: "text",
    list: "a list",
    dict: "an object",
    float: "a number with a fraction",
    Decimal: "a number with a fraction",
}


def kind(value: Value) -> str:
    """The value's type in a builder's words."""
    for known in type(value).__mro__:
        if known in _KINDS:
            return _KINDS[known]
    return "an object" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def show(value: Value) -> str:
    """The value with its type, short: `'42' is text`."""
    if isinstance(value, bool):
        return f"{'true' if value else 'false'} is a boolean"
    if isinstance(value, int):
        return f"{value if abs(value) < 2**63 else 'a huge number'} is an integer"
    if isinstance(value, str):
        return f"'{shorten(value, 40)}' is text"
    return f"the value is {kind(value)}"


def exact(value: Value) -> Value:
    """The value, unless it is one that a flow cannot hold without rounding."""
    if isinstance(value, (float, Decimal)):
        raise Refused(
            "the value is a number with a fraction, which a flow does not compute with or store",
            "use the field that holds minor units (Stripe has one beside each decimal)",
        )
    if value is None or isinstance(value, (int, str, list, Mapping)):
        return value
    raise Refused(f"the value is {kind(value)}, which is no plain data")


def peek(base: Value, key: Value) -> Value:
    """What stands in `base` under a key or index, or ABSENT. Keys only: no attribute of Python."""
    if base is None:
        return ABSENT
    if isinstance(base, Mapping):
        if not isinstance(key, str):
            raise Refused(f"the keys of an object are text, and {show(key)}")
        return base.get(key, ABSENT)
    if isinstance(base, list):
        if type(key) is not int:
            named = f"it has no '{key}'" if isinstance(key, str) else show(key)
            raise Refused(
                f"the value is a list and its items are numbered from 0: {named}",
                "write [0], `| first`, `| last` or `| length`, or go through it with for_each",
            )
        return base[key] if -len(base) <= key < len(base) else ABSENT
    raise Refused(f"{show(base)}, which has nothing inside to look up ({shorten(repr(key), 40)})")


def why_absent(base: Value, key: Value) -> tuple[str, str]:
    """(what is the matter, mend) for a key that `peek` did not find in `base`."""
    if base is None:
        return (
            "it is null",
            "check it before, with `is not none`, or give a fallback with `| default(…)`",
        )
    if isinstance(base, Mapping):
        mend = "give a fallback with `| default(…)` if it may be absent"
        return f"it has {listed(base)}", did_you_mean(key, map(str, base)) + mend
    return f"the list has {len(base)} items", "give a fallback with `| default(…)`"


def as_text(value: Value) -> str:
    """The value inside of text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(capped(value))
    mends = {
        "null": "give a fallback with `| default('')`",
        "a list": "join it with `| join(', ')`, or use `| json`",
        "an object": "name one of its keys, or use `| json`",
    }
    raise Refused(
        f"{kind(value)} cannot stand inside of text",
        mends.get(kind(value), "name a text, an integer or a boolean"),
    )


def joined(parts: Sequence[str]) -> str:
    """The texts as one, within MAX_TEXT; checked before the memory is taken."""
    if sum(map(len, parts)) > MAX_TEXT:
        raise Refused(f"the text would be longer than {MAX_TEXT} characters")
    return "".join(parts)


def capped(value: Value) -> Value:
    """The value, unless it is larger than a column or a trace should hold."""
    if isinstance(value, int) and not -_LIMIT <= value < _LIMIT:
        raise Refused("the result has more than 64 bits")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise Refused(f"the text would be longer than {MAX_TEXT} characters")
    if isinstance(value, list) and len(value) > MAX_LIST:
        raise Refused(f"the list would have more than {MAX_LIST} items")
    return value


def boolean(value: Value, what: str) -> bool:
    """The value, which has to be a boolean; `what` names its role."""
    if value is True or value is False:
        return value
    raise Refused(
        f"{what} takes booleans, and {show(value)}",
        "compare it, as in `x == 0` or `x is not none`; for a fallback write `x | default(…)`",
    )


def _integers(sign: str, left: Value, right: Value) -> None:
    for value in (left, right):
        if type(value) is int and -_LIMIT <= value < _LIMIT:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            mend = "turn it into an integer with `| int`" if isinstance(value, str) else ""
            if value is None:
                mend = "give a fallback with `| default(0)`, or check it before"
            raise Refused(f"{sign} takes integers, and {show(value)}", mend)
        capped(value)


def add(left: Value, right: Value) -> Value:
    if isinstance(left, str) and isinstance(right, str):
        return joined((left, right))
    if isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > MAX_LIST:
            raise Refused(f"the list would have more than {MAX_LIST} items")
        return left + right
    if isinstance(left, str) or isinstance(right, str):
        raise Refused(
            f"+ takes two values of one type: {show(left)}, {show(right)}",
            "to join text write ~, to add numbers turn the text into one with `| int`",
        )
    _integers("+", left, right)
    return capped(left + right)


def _integer_operator(sign: str, work: Callable[[int, int], int]) -> Callable[[Value, Value], int]:
    def run(left: Value, right: Value) -> int:
        _integers(sign, left, right)
        if right == 0 and sign in ("//", "%"):
            raise Refused(f"{sign} by zero", "check the divisor before")
        result: int = capped(work(left, right))
        return result

    return run


ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": _integer_operator("-", operator.sub),
    "*": _integer_operator("*", operator.mul),
    "//": _integer_operator("//", operator.floordiv),
    "%": _integer_operator("%", operator.mod),
}


def negative(value: Value) -> int:
    _integers("-", value, 0)
    result: int = capped(-value)
    return result


def equal(left: Value, right: Value) -> bool:
    if type(left) is type(right) or left is None or right is None or kind(left) == kind(right):
        return bool(left == right)
    numbers = {kind(left), kind(right)} == {"text", "an integer"}
    text = left if isinstance(left, str) else right
    mend = "compare two values of one type"
    if numbers:
        digits = isinstance(text, str) and text.strip().lstrip("-").isdigit()
        mend = "turn the text into an integer with `| int`" if digits else "compare text with text"
    raise Refused(f"the two are never equal: {show(left)}, {show(right)}", mend)


def unequal(left: Value, right: Value) -> bool:
    return not equal(left, right)


def _order(sign: str, compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def run(left: Value, right: Value) -> bool:
        if type(left) is type(right) and type(left) in (int, str):
            return compare(left, right)
        mend = "compare two integers or two texts"
        if left is None or right is None:
            mend = "check it before, with `is not none and …`"
        raise Refused(f"{sign} cannot compare these: {show(left)}, {show(right)}", mend)

    return run


COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "==": equal,
    "!=": unequal,
    "<": _order("<", operator.lt),
    "<=": _order("<=", operator.le),
    ">": _order(">", operator.gt),
    ">=": _order(">=", operator.ge),
}


def contains(item: Value, container: Value) -> bool:
    if isinstance(container, list):
        alike = [one for one in container if kind(one) == kind(item)]
        if container and not alike and item is not None:
            raise Refused(
                f"`in` cannot find it: {show(item)}, and the list has no such items",
                "compare values of one type",
            )
        return item in alike
    if isinstance(container, (str, Mapping)):
        if not isinstance(item, str):
            raise Refused(f"`in` looks for text here, and {show(item)}")
        return item in container
    raise Refused(f"`in` looks in a list, a text or an object, and {show(container)}")
