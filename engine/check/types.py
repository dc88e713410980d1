"""The types values have before any value is there: column types, null, rows, lists, and unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from engine.catalogue import Output
from engine.model import Column, Table, Value


class _None(Enum):
    NOTHING = "no literal"


NOTHING = _None.NOTHING
Kind = Literal[
    "any", "null", "boolean", "integer", "amount", "float", "text", "timestamp", "currency",
    "list", "dict", "row", "none", "mixed",
]  # fmt: skip
"""`any` is what nobody can know beforehand (event data, json); `none` is no output at all; `mixed`
is one of several kinds (`options`)."""
WHOLE = frozenset({"integer", "amount"})
TEXTS = frozenset({"text", "timestamp", "currency"})


@dataclass(frozen=True, slots=True)
class Type:
    """What a value will be. `fields` of a dict or row are complete; None means not known."""

    kind: Kind
    nullable: bool = False
    one_of: tuple[str, ...] = ()
    literal: Value = NOTHING
    """The value itself, where it is written down."""
    fields: Mapping[str, Type] | None = None
    item: Type | None = None
    name: str = ""
    """Of a row, its table; of a key or reference, the table whose row it names."""
    options: tuple[Type, ...] = ()
    filled: bool = False
    """Of a list: it has at least one item."""
    never: bool = False
    """Of a comparison: it cannot hold, because an earlier condition has taken that value."""

    @property
    def known(self) -> bool:
        return self.kind != "any"


ANY = Type("any")
NULL = Type("null", nullable=True, literal=None)
BOOLEAN = Type("boolean")
INTEGER = Type("integer")
TEXT = Type("text")
TIMESTAMP = Type("timestamp")
NO_OUTPUT = Type("none")


def literal(value: Value) -> Type:
    """The type of a value written down."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Type("boolean", literal=value)
    if isinstance(value, int):
        return Type("integer", literal=value)
    if isinstance(value, float):
        return Type("float", literal=value)
    if isinstance(value, str):
        return Type("text", one_of=(value,), literal=value)
    if isinstance(value, list):
        items = [literal(item) for item in value]
        return Type("list", item=join(*items) if items else ANY, literal=value, filled=bool(items))
    if isinstance(value, dict):
        return Type("dict", fields={str(key): literal(one) for key, one in value.items()})
    return ANY


def of_column(column: Column, tables: Mapping[str, Table]) -> Type:
    """The type of a column's values."""
    kind: Kind = "any"
    name = column.references or ""
    if column.type == "reference":
        target = tables.get(name)
        key = target.columns.get(target.key) if target else None
        if key is not None and key.type in ("integer", "text"):
            kind = "integer" if key.type == "integer" else "text"
    elif column.type != "json":
        kind = column.type
    return Type(kind, column.nullable, column.one_of, name=name)


def of_row(table: Table, tables: Mapping[str, Table]) -> Type:
    """The type of a row of a table, with what a builder may see of it."""
    fields = {column.name: of_column(column, tables) for column in table.visible}
    if table.key in fields:
        fields[table.key] = replace(fields[table.key], name=table.name)
    return Type("row", fields=fields, name=table.name)


def of_output(output: Output, order: Table | None) -> Type:
    """The type of an output as the catalogue or the builder declares it."""
    kind: Kind = "any"
    name = ""
    if output.type == "key":
        if order is not None and order.key in order.columns:
            kind = "integer" if order.columns[order.key].type == "integer" else "text"
            name = order.name
    elif output.type != "json":
        kind = output.type  # type: ignore[assignment]
    return Type(kind, output.nullable, output.one_of, name=name)


def maybe(found: Type) -> Type:
    """The same, or null."""
    return replace(found, nullable=True, literal=NOTHING)


def present(found: Type) -> Type:
    """The same, but not null."""
    return replace(found, nullable=False) if found.nullable and found.kind != "null" else found


def plain(found: Type) -> Type:
    """The same without what is known of its value."""
    return replace(found, literal=NOTHING, one_of=(), never=False)


def join(*types: Type) -> Type:
    """The type of a value that is one of these."""
    nullable = any(one.nullable for one in types)
    some = [part for one in types if one.kind != "null" for part in one.options or (one,)]
    if not some:
        return NULL
    if any(one.kind == "any" for one in some):
        return Type("any", nullable)
    alike: dict[str, list[Type]] = {}
    for one in some:
        alike.setdefault(_family(one), []).append(one)
    joined = [_alike(ones) for ones in alike.values()]
    if len(joined) > 1:
        return Type("mixed", nullable, options=tuple(present(one) for one in joined))
    return maybe(joined[0]) if nullable else joined[0]


def _family(one: Type) -> str:
    if one.kind in WHOLE:
        return "integer"
    return "text" if one.kind in TEXTS else one.kind


def _alike(some: list[Type]) -> Type:
    """Types of one family joined."""
    first = some[0]
    if all(one == first for one in some):
        return first
    names = {one.name for one in some}
    one_of: tuple[str, ...] = ()
    if all(one.one_of for one in some):
        one_of = tuple(dict.fromkeys(value for one in some for value in one.one_of))
    return Type(
        first.kind if len({one.kind for one in some}) == 1 else _family(first),  # type: ignore[arg-type]
        any(one.nullable for one in some),
        one_of,
        fields=_fields(some),
        item=_item(some),
        name=names.pop() if len(names) == 1 else "",
        filled=all(one.filled for one in some),
    )


def _fields(types: list[Type]) -> Mapping[str, Type] | None:
    maps = [one.fields for one in types if one.fields is not None]
    if len(maps) < len(types) or any(set(fields) != set(maps[0]) for fields in maps):
        return None
    return {name: join(*(fields[name] for fields in maps)) for name in maps[0]}


def _item(types: list[Type]) -> Type | None:
    items = [one.item for one in types if one.item is not None]
    return join(*items) if items and len(items) == len(types) else None


_WORDS: dict[str, str] = {
    "any": "a value of unknown type",
    "null": "null",
    "boolean": "true or false",
    "integer": "an integer",
    "amount": "an amount",
    "float": "a number with a fraction",
    "text": "text",
    "timestamp": "a timestamp",
    "currency": "a currency code",
    "list": "a list",
    "dict": "named values",
    "row": "a row",
    "none": "nothing",
}


_PLURALS = {
    "boolean": "booleans",
    "integer": "integers",
    "amount": "amounts",
    "text": "texts",
    "timestamp": "timestamps",
    "currency": "currency codes",
    "list": "lists",
    "dict": "named values",
    "row": "rows",
}


def plural(found: Type) -> str:
    """Several values of a type in words."""
    if found.kind == "row" and found.name:
        return f"rows of '{found.name}'"
    return _PLURALS.get(found.kind, "values")


def words(found: Type) -> str:
    """A type in words, for messages."""
    said = _WORDS.get(found.kind) or " or ".join(words(one) for one in found.options)
    if found.kind == "row" and found.name:
        said = f"a row of '{found.name}'"
    if found.kind == "list" and found.item is not None:
        said = f"a list of {plural(found.item)}"
    return f"{said} or null" if found.nullable and found.kind != "null" else said
