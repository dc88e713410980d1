"""What values are: their types in a builder's words, looking into them, text of them, caps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
