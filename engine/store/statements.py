"""SQL for the rows of one table, each text made once so that statement caches hit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import NoReturn, TypeVar

from engine.model import Value
from engine.store.base import BadValue, Where
from engine.store.codec import TableCodec
from engine.store.values import shown

COMPARISONS = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
UNORDERED = frozenset({"boolean", "json"})
MOST_TEXTS = 512

K = TypeVar("K")

Term = tuple[str, str, int]
"""Column, operator, number of parameters: what of a condition decides its SQL text."""


def quoted(name: str) -> str:
    """A table or column name as SQL; `order` is a table here and a keyword there."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: int | str) -> str:
    """A number or text as SQL, for statements that people read before they run."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def list_of(values: Collection[Value]) -> tuple[str, dict[str, Value]]:
    """SQL for a list of these values, and its parameters. Padded, so that there are few texts."""
    listed = [*values]
    size = len(listed) if len(listed) <= 4 else -(len(listed) // -8) * 8
    listed += listed[-1:] * (size - len(listed))
    text, names = _marks(size)
    return text, dict(zip(names, listed, strict=True))


@lru_cache(32)
def _marks(size: int) -> tuple[str, list[str]]:
    names = [f"n{number}" for number in range(size)]
    return ", ".join(f":{name}" for name in names), names


class Statements:
    """The statements of one table, with `?` for each parameter."""

    def __init__(self, codec: TableCodec) -> None:
        table = codec.table
        self.codec = codec
        self.key = table.key
        self.hidden = tuple(c.name for c in table.columns.values() if c.internal)
        self.quoted_key = quoted(table.key)
        self.name = quoted(table.name)
        names = ", ".join(quoted(name) for name in codec.names)
        self.select = f"SELECT {names} FROM {self.name}"
        self.by_key = f" WHERE {quoted(table.key)} = ?"
        self.select_by_key = self.select + self.by_key
        self.delete_by_key = f"DELETE FROM {self.name}{self.by_key}"
        self.insert = self._insert(codec.names)
        self.insert_without_key = self._insert([n for n in codec.names if n != table.key])
        self._updates: dict[tuple[str, ...], str] = {}
        self._wheres: dict[tuple[Term, ...], str] = {}
        self._orders: dict[tuple[str, ...], str] = {}

    def _insert(self, names: Sequence[str]) -> str:
        columns = ", ".join(quoted(name) for name in names)
        marks = ", ".join("?" * len(names))
        return f"INSERT INTO {self.name} ({columns}) VALUES ({marks})"

    def update_by_key(self, names: tuple[str, ...]) -> str:
        """Set these columns, in this order, of the row with a key."""
        text = self._updates.get(names)
        if text is None:
            sets = ", ".join(f"{quoted(name)} = ?" for name in names)
            text = _kept(self._updates, names, f"UPDATE {self.name} SET {sets}{self.by_key}")
        return text

    def where(self, where: Where) -> tuple[str, list[Value]]:
        """The condition's SQL, ` WHERE …` or empty, and its parameters.

        Raises UnknownColumn, and BadValue for a value or a comparison that cannot be.
        """
        terms: list[Term] = []
        params: list[Value] = []
        for name, wanted in where.items():
            self._term(name, wanted, terms, params)
        shape = tuple(terms)
        text = self._wheres.get(shape)
        if text is None:
            conditions = " AND ".join(_condition(*term) for term in shape)
            text = _kept(self._wheres, shape, f" WHERE {conditions}" if shape else "")
        return text, params

    def order(self, order_by: Sequence[str]) -> str:
        """` ORDER BY …`; the key comes last so that the order is always the same."""
        given = tuple(order_by)
        text = self._orders.get(given)
        if text is None:
            parts = []
            for item in given:
                name = item.removeprefix("-")
                self.codec.column(name)
                parts.append(quoted(name) + (" DESC" if item != name else ""))
            if self.key not in {item.removeprefix("-") for item in given}:
                parts.append(quoted(self.key))
            text = _kept(self._orders, given, " ORDER BY " + ", ".join(parts))
        return text

    def _term(self, name: str, wanted: Value, terms: list[Term], params: list[Value]) -> None:
        column = self.codec.column(name)
        if wanted is None:
            terms.append((name, "null", 0))
            return
        if isinstance(wanted, dict):
            self._comparisons(name, wanted, terms, params)
            return
        if column.type == "json":
            self._refuse(name, wanted, "null or {not: null}", "compare other columns than json")
        encode = self.codec.encoders[name]
        if isinstance(wanted, list):
            found = [encode(item) for item in wanted if item is not None]
            terms.append((name, "in" if len(found) == len(wanted) else "in or null", len(found)))
            params += found
        else:
            terms.append((name, "=", 1))
            params.append(encode(wanted))

    def _comparisons(
        self, name: str, wanted: Mapping[str, Value], terms: list[Term], params: list[Value]
    ) -> None:
        encode, kind = self.codec.encoders[name], self.codec.types[name]
        if not wanted:
            self._refuse(
                name, wanted, "a comparison", "write one of not, above, at_least, below, at_most"
            )
        for operator, value in wanted.items():
            if operator == "not" and value is None:
                terms.append((name, "not null", 0))
            elif operator == "not" and kind != "json":
                values = value if isinstance(value, list) else [value]
                found = [encode(item) for item in values if item is not None]
                terms.append(
                    (name, "not in" if len(found) == len(values) else "not in or null", len(found))
                )
                params += found
            elif operator in COMPARISONS and kind not in UNORDERED and value is not None:
                terms.append((name, COMPARISONS[operator], 1))
                params.append(encode(value))
            else:
                self._refuse(
                    name,
                    {operator: value},
                    f"a comparison that a column of type {kind} knows",
                    "write one of not, above, at_least, below, at_most and a value; "
                    "boolean and json columns have no order, json columns only null",
                )

    def _refuse(self, name: str, found: Value, expected: str, mend: str) -> NoReturn:
        table = self.codec.table.name
        raise BadValue(
            f"{table}.{name}, in a condition: found {shown(found)}, expected {expected}; {mend}.",
            table=table,
            column=name,
            value=found,
        )


def _condition(name: str, operator: str, count: int) -> str:
    column = quoted(name)
    marks = ", ".join("?" * count)
    match operator:
        case "null":
            return f"{column} IS NULL"
        case "not null":
            return f"{column} IS NOT NULL"
        case "in":
            return f"{column} IN ({marks})" if count else "1 = 0"
        case "in or null":
            return f"({column} IN ({marks}) OR {column} IS NULL)" if count else f"{column} IS NULL"
        case "not in":  # null is not any of these, which SQL alone would not say
            return f"({column} NOT IN ({marks}) OR {column} IS NULL)" if count else "1 = 1"
        case "not in or null":
            return (
                f"({column} NOT IN ({marks}) AND {column} IS NOT NULL)"
                if count
                else f"{column} IS NOT NULL"
            )
        case _:
            return f"{column} {operator} ?"


def _kept(cache: dict[K, str], key: K, text: str) -> str:
    if len(cache) >= MOST_TEXTS:  # lists of ever new lengths must not fill the memory
        cache.clear()
    cache[key] = text
    return text
