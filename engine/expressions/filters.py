"""The filters, `value | name(arguments)`: a registry of small pure functions over plain data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from engine.expressions.data import MAX_LIST, MAX_TEXT, as_text, capped, exact, joined, kind, show
from engine.expressions.errors import Refused, did_you_mean, listed
from engine.model import Value

Kind = Literal["null", "a boolean", "an integer", "text", "a list", "an object"]
ALL: tuple[Kind, ...] = ("null", "a boolean", "an integer", "text", "a list", "an object")


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """One filter. `takes` has the types of the value, `arguments` those of each argument.

    The last `optional` arguments may be left out. `gives` is the type of the result, where
    "item" is the type of the list's items and "same" that of the value.
    """

    name: str
    work: Callable[..., Value]
    takes: tuple[Kind, ...]
    gives: Kind | Literal["item", "same"]
    arguments: tuple[tuple[Kind, ...], ...] = ()
    optional: int = 0

    def __call__(self, value: Value, arguments: list[Value]) -> Value:
        """Check the types, do the work, hold the caps. Raises Refused."""
        _expect(f"| {self.name}", value, self.takes)
        for argument, takes in zip(arguments, self.arguments, strict=False):
            _expect(f"the argument of | {self.name}", argument, takes)
        return capped(self.work(value, *arguments))


FILTERS: dict[str, FilterSpec] = {}
_Work = Callable[..., Value]


def _filter(
    takes: tuple[Kind, ...],
    gives: Kind | Literal["item", "same"],
    arguments: tuple[tuple[Kind, ...], ...] = (),
    optional: int = 0,
) -> Callable[[_Work], _Work]:
    def register(work: _Work) -> _Work:
        name = work.__name__.strip("_")
        FILTERS[name] = FilterSpec(name, work, takes, gives, arguments, optional)
        return work

    return register


def _expect(what: str, value: Value, takes: tuple[Kind, ...]) -> None:
    if kind(value) not in takes:
        mend = "give a fallback before it with `| default(…)`" if value is None else ""
        raise Refused(f"{what} takes {' or '.join(takes)}, and {show(value)}", mend)


@_filter(("text", "a list", "an object"), "an integer")
def length(value: Any) -> int:
    """How many characters, items or keys."""
    return len(value)


@_filter(("text",), "text")
def lower(value: str) -> str:
    """The text in small letters."""
    return value.lower()


@_filter(("text",), "text")
def upper(value: str) -> str:
    """The text in capital letters."""
    return value.upper()


@_filter(("text",), "text")
def trim(value: str) -> str:
    """The text without white space around it."""
    return value.strip()


@_filter(("a boolean", "an integer", "text"), "text")
def text(value: Value) -> str:
    """The value as text: 42 as '42', true as 'true'."""
    return as_text(value)


@_filter(("a boolean", "an integer", "text"), "text")
def urlencode(value: Value) -> str:
    """The value as one part of a URL: 'a/b c' as 'a%2Fb%20c'."""
    return quote(as_text(value), safe="")


@_filter(("an integer", "text"), "an integer")
def int_(value: int | str) -> int:
    """The integer that a text of digits writes."""
    if isinstance(value, int):
        return value
    if not re.fullmatch(r"-?[0-9]{1,19}", value):
        mend = "there are no numbers with a fraction; use minor units" if "." in value else ""
        raise Refused(f"{show(value)}, but no integer of plain digits", mend)
    return int(value)


@_filter(("an integer",), "an integer")
def abs_(value: int) -> int:
    """The integer without its sign."""
    return abs(value)


@_filter(ALL, "text")
def json_(value: Value) -> str:
    """The value as JSON text."""
    parts: list[str] = []
    size = 0
    try:
        for part in json.JSONEncoder(ensure_ascii=False, allow_nan=False).iterencode(value):
            parts.append(part)
            size += len(part)
            if size > MAX_TEXT:
                raise Refused(f"the JSON would be longer than {MAX_TEXT} characters")
    except (TypeError, ValueError, RecursionError):
        raise Refused("the value is nested too deep for JSON, or is no plain data") from None
    return "".join(parts)


@_filter(("a list",), "text", (("text",),), optional=1)
def join(value: list[Value], separator: str = "") -> str:
    """The items as one text, with the separator between them."""
    parts: list[str] = []
    for item in value[: MAX_TEXT + 1]:
        parts += (separator, as_text(item)) if parts else ("", as_text(item))
    return joined(parts)


@_filter(("a list",), "an integer")
def sum_(value: list[Value]) -> int:
    """The sum of a list of integers; 0 for an empty one."""
    return sum(_items(value, "an integer"))


@_filter(("a list",), "item")
def min_(value: list[Value]) -> Value:
    """The least of a list of integers or of texts."""
    return min(_ordered(value, "min"))


@_filter(("a list",), "item")
def max_(value: list[Value]) -> Value:
    """The greatest of a list of integers or of texts."""
    return max(_ordered(value, "max"))


@_filter(("a list",), "same")
def sort(value: list[Value]) -> list[Value]:
    """The list of integers or of texts in rising order."""
    return sorted(_ordered(value, "sort")) if value else []


@_filter(("a list",), "same")
def unique(value: list[Value]) -> list[Value]:
    """The list of integers, texts or booleans without repeats, in its order."""
    for item in value:
        if kind(item) not in ("an integer", "text", "a boolean", "null"):
            raise Refused(f"| unique takes plain items, and one is {kind(item)}")
    return [item for _, item in dict.fromkeys((type(item), item) for item in value)]


@_filter(("a list",), "same")
def reverse(value: list[Value]) -> list[Value]:
    """The list from its end to its start."""
    return value[::-1]


@_filter(("a list",), "a list", (("text",),))
def pluck(value: list[Value], key: str) -> list[Value]:
    """The value under `key` of each object in the list."""
    found = []
    for index, item in enumerate(value[: MAX_LIST + 1]):
        if not isinstance(item, Mapping):
            raise Refused(f"| pluck takes a list of objects, and item {index} is {kind(item)}")
        if key not in item:
            raise Refused(
                f"item {index} has no '{key}'; it has {listed(item)}",
                did_you_mean(key, map(str, item)).strip(),
            )
        found.append(exact(item[key]))
    return found


def _items(value: list[Value], wanted: Kind) -> list[Any]:
    for item in value:
        if kind(item) != wanted:
            raise Refused(f"every item has to be {wanted}, and {show(item)}")
    return value


def _ordered(value: list[Value], name: str) -> list[Any]:
    if not value:
        raise Refused(f"| {name} of an empty list", "check `| length` before")
    first = kind(value[0])
    if first not in ("an integer", "text"):
        raise Refused(f"| {name} takes integers or texts, and {show(value[0])}")
    return _items(value, "text" if first == "text" else "an integer")


# These three are syntax nodes of their own, for they look at what may be absent.
_IN_SYNTAX = {"default": 1, "first": 0, "last": 0}
FILTER_NAMES = tuple(sorted([*FILTERS, *_IN_SYNTAX]))


class FilterFault(NamedTuple):
    """Why a filter cannot be used like this."""

    code: str
    message: str
    mend: str


def filter_fault(name: str, given: int) -> FilterFault | None:
    """What is wrong with using this filter with so many arguments, if anything."""
    if name not in FILTER_NAMES:
        mend = f"{did_you_mean(name, FILTER_NAMES)}there are {listed(FILTER_NAMES, 40)}"
        if name in ("round", "float"):
            mend = "there are no numbers with a fraction: count in minor units, divide with //"
        return FilterFault("filter", f"there is no filter '{name}'", mend)
    spec = FILTERS.get(name)
    most = len(spec.arguments) if spec else _IN_SYNTAX[name]
    least = most - spec.optional if spec else most
    if least <= given <= most:
        return None
    takes = str(most) if least == most else f"{least} to {most}"
    mend = f"give it {takes}"
    if name == "default":
        mend = "write x | default(0); it replaces null and absent, and keeps 0, false and ''"
    message = f"| {name} takes {takes} arguments, and {given} are given"
    return FilterFault("argument", message, mend)
