"""One column's check: a function from a value to what the database keeps, or BadValue.

What is nearly always given is taken by a look at its type; all else goes to the check that explains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import orjson

from engine.model import Column, Value
from engine.store.base import BadValue
from engine.store.values import CANONICAL, CHECKS, HIGHEST, LOWEST, Check, Unfit, shown


def encoder(table: str, column: Column, kind: str, wire: Check | None) -> Check:
    """The check of a column kept as `kind`; `wire` turns a value into what the database has for it."""
    slow = _explaining(table, column, kind, wire)
    choices = frozenset(column.one_of)
    quick = _QUICK.get(kind)
    if kind == "text" and choices:
        return _choice(choices, slow)
    if kind == "json" and column.internal:
        return _own_json(slow)
    if quick is None or choices or (wire is not None and kind != "boolean"):
        return slow
    return quick(slow, wire)


def as_it_is(column: Column, kind: str, wired: bool, value: str) -> str:
    """Python text of a condition under which the encoder gives `value` (a name) back as it is; empty
    where nothing can be said. `wired`: the database has another type for this kind."""
    choices = column.one_of
    if kind == "text" and choices:
        test = f"type({value}) is str and {value} in {{{', '.join(map(repr, choices))}}}"
    elif choices or wired or kind not in _AS_IT_IS:
        test = ""
    else:
        test = _AS_IT_IS[kind].replace("VALUE", value)
    if not column.nullable:
        return test
    return f"{value} is None or {test}" if test else f"{value} is None"


_AS_IT_IS = {
    "text": 'type(VALUE) is str and VALUE.isascii() and "\\0" not in VALUE',
    "integer": f"type(VALUE) is int and {LOWEST} <= VALUE <= {HIGHEST}",
    "amount": f"type(VALUE) is int and 0 <= VALUE <= {HIGHEST}",
    "boolean": "type(VALUE) is bool",
    "currency": "type(VALUE) is str and len(VALUE) == 3 and VALUE.isascii()"
    " and VALUE.isalpha() and VALUE.islower()",
}
"""For each kind the usual case, by what its check in engine/store/values.py lets through unchanged."""


def _explaining(table: str, column: Column, kind: str, wire: Check | None) -> Check:
    check = CHECKS[kind]
    nullable, choices = column.nullable, frozenset(column.one_of)

    def refuse(value: Value, expected: str, mend: str) -> NoReturn:
        raise BadValue(
            f"{table}.{column.name}: found {shown(value)}, expected {expected}; {mend}.",
            table=table,
            column=column.name,
            value=value,
        )

    def encode(value: Value) -> Value:
        if value is None:
            if nullable:
                return None
            refuse(
                value, f"a value of type {column.type}", "the column takes no null, give a value"
            )
        try:
            kept = check(value)
        except Unfit as unfit:
            refuse(value, unfit.expected, unfit.mend)
        if choices and kept not in choices:
            listed = ", ".join(f"'{name}'" for name in column.one_of)
            refuse(value, f"one of {listed}", "give one of these")
        return kept if wire is None else wire(kept)

    return encode


def _text(slow: Check, wire: Check | None) -> Check:
    def encode(value: Value) -> Value:
        if type(value) is str and value.isascii() and "\0" not in value:
            return value
        return slow(value)

    return encode


def _choice(choices: frozenset[str], slow: Check) -> Check:
    def encode(value: Value) -> Value:
        return value if type(value) is str and value in choices else slow(value)

    return encode


def _number(lowest: int) -> Callable[[Check, Check | None], Check]:
    def quick(slow: Check, wire: Check | None) -> Check:
        def encode(value: Value) -> Value:
            return value if type(value) is int and lowest <= value <= HIGHEST else slow(value)

        return encode

    return quick


def _boolean(slow: Check, wire: Check | None) -> Check:
    yes, no = (True, False) if wire is None else (wire(True), wire(False))

    def encode(value: Value) -> Value:
        return yes if value is True else no if value is False else slow(value)

    return encode


def _own_json(slow: Check) -> Check:
    """Of the engine's own data only what orjson itself refuses is looked at."""

    def encode(value: Value) -> Value:
        if type(value) is dict:
            try:
                kept = orjson.dumps(value, option=CANONICAL)
            except (TypeError, ValueError):
                return slow(value)
            # Text of others, a failure's message say, may hold what a database cannot keep.
            return kept.decode() if b"\\u0000" not in kept else slow(value)
        return slow(value)

    return encode


_QUICK: dict[str, Callable[[Check, Check | None], Check]] = {
    "text": _text,
    "integer": _number(LOWEST),
    "amount": _number(0),
    "boolean": _boolean,
}
