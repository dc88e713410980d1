"""Which values each column type takes: one check per type, that returns the value as it is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson

from engine.errors import ActionflowError
from engine.model import Value

Check = Callable[[Value], Value]

LOWEST, HIGHEST = -(2**63), 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIXED_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
NUL = "\\u0000"
"""As JSON writes it; PostgreSQL's jsonb cannot keep it."""
BACKSLASH = "\\\\"
SCALARS = frozenset({str, int, bool, type(None)})
CANONICAL = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class Unfit(ActionflowError):
    """The value is not of the type; says what was expected and what to do."""

    def __init__(self, expected: str, mend: str) -> None:
        super().__init__(f"expected {expected}; {mend}")
        self.expected = expected
        self.mend = mend


def shown(value: Value) -> str:
    """A value and its type, short enough for a message."""
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + "…"
    return f"{text} ({'null' if value is None else type(value).__name__})"


def integer(value: Value) -> int:
    """A whole number of 64 bits; True and 1.0 are not numbers here."""
    if type(value) is int and LOWEST <= value <= HIGHEST:
        return value
    raise Unfit("a whole number of 64 bits", "give an integer, without quotes or decimal point")


def amount(value: Value) -> int:
    """An amount of money in the currency's minor unit, not negative."""
    if type(value) is int and 0 <= value <= HIGHEST:
        return value
    raise Unfit(
        "an amount: a whole number of the currency's minor unit, 0 or more (100 USD is 10000)",
        "convert it to minor units before it is stored, never by way of a float",
    )


def text(value: Value) -> str:
    """Text that every database can keep: no NUL character, no half of a surrogate pair."""
    if isinstance(value, str):
        if "\0" in value:
            raise Unfit("text without NUL characters", "take the NUL character out")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise Unfit(
                    "text that is valid Unicode", "take the lone surrogate character out"
                ) from None
        return value
    raise Unfit("text", "turn it into text, in a flow with \"{{ value ~ '' }}\"")


def boolean(value: Value) -> bool:
    """True or False; 1 and 'true' are not."""
    if type(value) is bool:
        return value
    raise Unfit("true or false", 'give a boolean, in a flow by a comparison such as "{{ a == b }}"')


def timestamp(value: Value) -> str:
    """A moment as `YYYY-MM-DDTHH:MM:SSZ`, from ISO 8601 with an offset or Unix seconds.

    Parts of a second are cut off. Stripe gives all its times as Unix seconds.
    """
    try:
        if type(value) is int:
            return _utc_text(EPOCH + timedelta(seconds=value))
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            if FIXED_TIME.fullmatch(value):
                return value
            if moment.tzinfo is None:
                raise Unfit(
                    "a time with its offset, as in 2026-01-31T12:00:00Z or …+02:00",
                    "say which time zone it is in: put Z behind it when it is UTC",
                )
            return _utc_text(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise Unfit(
        "a time: ISO 8601 text with its offset (2026-01-31T12:00:00Z), or whole Unix seconds",
        "give it in one of these forms",
    )


def _utc_text(moment: datetime) -> str:
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def currency(value: Value) -> str:
    """A currency's three-letter code, in lower case as Stripe writes it."""
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha():
        return value.lower()
    raise Unfit("a currency code of three letters", "give the ISO 4217 code, for example usd")


def json(value: Value) -> str:
    """JSON data as canonical text (keys sorted); no floats, no NUL, and lists rather than tuples."""
    if type(value) not in SCALARS:
        left = [value]
        while left:
            item = left.pop()
            kind = type(item)
            if kind is dict:
                item = item.values()
            elif kind is not list:
                raise Unfit(
                    f"JSON data: objects, lists, text, integers, booleans, null; not {kind.__name__}",
                    "write a fraction as text, and turn other objects into plain data first",
                )
            # Only what holds other values is looked at again: most are scalars.
            left += [inner for inner in item if type(inner) not in SCALARS]
    try:
        kept = orjson.dumps(value, option=CANONICAL).decode()
    except (TypeError, ValueError) as error:  # 64-bit overflow, keys not text, surrogates, nesting
        raise Unfit("data that can be written as JSON", f"mend it ({error})") from None
    if NUL in kept and NUL in kept.replace(BACKSLASH, ""):
        raise Unfit("JSON data without NUL characters", "take the NUL character out")
    return kept


CHECKS: dict[str, Check] = {
    "integer": integer,
    "amount": amount,
    "text": text,
    "boolean": boolean,
    "timestamp": timestamp,
    "currency": currency,
    "json": json,
}
"""By column type; a `reference` takes what its target's key takes."""
