"""What the operators do with values. Integers only, no silent conversion, results capped."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from engine.expressions.data import MAX_LIST, capped, joined, kind, show
from engine.expressions.errors import Refused
from engine.model import Value


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
        if type(value) is int and -(2**63) <= value < 2**63:
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


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal, where true is not 1 at any depth."""
    try:
        return _same(left, right)
    except RecursionError:
        raise Refused("the values are nested too deep to compare") from None


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def equal(left: Value, right: Value) -> bool:
    if type(left) is type(right) or left is None or right is None or kind(left) == kind(right):
        return same(left, right)
    mend = "compare two values of one type"
    if {kind(left), kind(right)} == {"text", "an integer"}:
        # The other way round fails for every text that is no number.
        mend = "turn the integer into text with `| text`"
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
        return any(same(item, one) for one in alike)
    if isinstance(container, (str, Mapping)):
        if not isinstance(item, str):
            raise Refused(f"`in` looks for text here, and {show(item)}")
        return item in container
    raise Refused(f"`in` looks in a list, a text or an object, and {show(container)}")
