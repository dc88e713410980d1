"""Values to the database and back, by the columns of one table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NoReturn

from engine.errors import did_you_mean
from engine.model import Column, Row, Table, Value
from engine.store.base import BadValue, StoreError, UnknownColumn, UnknownTable
from engine.store.encoders import encoder
from engine.store.values import Check

MOST_SHAPES = 200
"""Sets of columns that are remembered as enough to make a row."""
STAMPS = ("created_at", "updated_at")


class TableCodec:
    """Checks and converts the values of one table.

    `wire` says how a type is kept where the database has no such type, `unwire` turns it back; both
    by column type. Raises UnknownTable for a reference to no table, BadValue for a default that
    does not fit its column.
    """

    def __init__(
        self,
        table: Table,
        tables: Mapping[str, Table],
        wire: Mapping[str, Check],
        unwire: Mapping[str, Callable[[Value], Value]],
    ) -> None:
        self.table = table
        self.names = tuple(table.columns)
        types = {name: stored_type(column, tables) for name, column in table.columns.items()}
        self.encoders: dict[str, Check] = {
            name: encoder(table.name, column, types[name], wire.get(types[name]))
            for name, column in table.columns.items()
        }
        self.internal = frozenset(c.name for c in table.columns.values() if c.internal)
        self.decoders = [
            (name, unwire[types[name]]) for name in self.names if types[name] in unwire
        ]
        self.wired = frozenset(name for name in self.names if types[name] in wire)
        """Columns that the database keeps in another type."""
        self.types = types
        self.auto_key = types[table.key] == "integer"
        stamps = [name for name in STAMPS if name in table.columns and types[name] == "timestamp"]
        self.stamps = tuple(stamps)
        self.touched = "updated_at" in stamps
        self.blank: Row = {}
        required = []
        for name, column in table.columns.items():
            self.blank[name] = self.encoders[name](column.default) if column.has_default else None
            optional = column.has_default or column.nullable or name in stamps
            if not optional and not (name == table.key and self.auto_key):
                required.append(name)
        self.required = frozenset(required)
        self._enough: set[tuple[str, ...]] = set()
        """Sets of columns that are known to make a row."""

    def encode(self, values: Mapping[str, Value]) -> Row:
        """These values as the database keeps them. Raises UnknownColumn, BadValue."""
        encoders = self.encoders
        try:
            return {name: encoders[name](value) for name, value in values.items()}
        except KeyError:
            for name in values:
                self.column(name)
            raise

    def new_values(self, values: Mapping[str, Value], now: str) -> Row:
        """What an update writes, as the database keeps it; `updated_at` follows unless it is given.

        Raises UnknownColumn, BadValue, and StoreError for an update without values.
        """
        new = self.encode(values)
        if not new:
            name = self.table.name
            raise StoreError(f"table '{name}': an update without values; say which to set.")
        if self.touched and "updated_at" not in new:
            new["updated_at"] = now
        return new

    def new_row(self, values: Mapping[str, Value], now: str) -> Row:
        """A whole row in column order, defaults and times filled in; the key may still be None."""
        encoders = self.encoders
        self.require(tuple(values))
        row = self.blank.copy()
        for name, value in values.items():
            row[name] = encoders[name](value)
        for name in self.stamps:
            if name not in values:
                row[name] = now
        if row[self.table.key] is None and not self.auto_key:
            self.missing(values)
        return row

    def decode(self, row: Row) -> Row:
        """The row as the engine sees it; changes `row` itself and returns it."""
        for name, decoder in self.decoders:
            value = row[name]
            if value is not None:
                row[name] = decoder(value)
        return row

    def as_read(self, kept: Row, given: Mapping[str, Value]) -> Row:
        """Columns just encoded as the engine sees them; changes `kept` and returns it.

        `given` is what they were made of: the engine's own columns hold the same data as before.
        """
        for name, decoder in self.decoders:
            value = kept.get(name)
            if value is not None:
                own = name in self.internal and name in given
                kept[name] = given[name] if own else decoder(value)
        return kept

    def column(self, name: str) -> Column:
        """The column of this name. Raises UnknownColumn, with the nearest names."""
        column = self.table.columns.get(name)
        if column is None:
            known = [column.name for column in self.table.visible]
            raise UnknownColumn(
                f"table '{self.table.name}' has no column '{name}'; it has {_listed(known)}."
                f"{did_you_mean(name, known)}"
            )
        return column

    def require(self, names: tuple[str, ...]) -> None:
        """Raises UnknownColumn or BadValue unless these columns make a row."""
        if names in self._enough:
            return
        for name in names:
            self.column(name)
        if not self.required.issubset(names):
            self.missing(names)
        if len(self._enough) < MOST_SHAPES:
            self._enough.add(names)

    def missing(self, given: Collection[str]) -> NoReturn:
        """Raises BadValue: these columns make no row."""
        missing = [name for name in self.names if name in self.required and name not in given]
        name = missing[0] if missing else self.table.key
        raise BadValue(
            f"{self.table.name}.{name}: no value was given, and the column is required and has no "
            f"default; expected {self.table.columns[name].type}. Give it a value"
            + (f", and also {_listed(missing[1:])}." if missing[1:] else "."),
            table=self.table.name,
            column=name,
        )


def stored_type(column: Column, tables: Mapping[str, Table]) -> str:
    """The type a column is kept as: for a reference the type of its target's key."""
    seen = []
    while column.type == "reference":
        target = column.references or ""
        if target not in tables:
            raise UnknownTable(
                f"column '{column.name}' refers to table '{target}', which the project does not "
                f"have; it has {_listed(tables)}.{did_you_mean(target, tables)}"
            )
        if target in seen:
            raise UnknownTable(
                f"column '{column.name}' refers to '{target}', whose key refers back to itself; "
                "give one of these tables a key of its own type."
            )
        seen.append(target)
        column = tables[target].columns[tables[target].key]
    return column.type


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
