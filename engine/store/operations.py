"""A table as the database has it, and the operations that change a database's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import Column, Table, Value
from engine.store.indexes import Index
from engine.store.values import shown


@dataclass(frozen=True, slots=True)
class ActualColumn:
    """A column as the database has it. `kind` is `integer`, `text`, or its own name for another."""

    name: str
    kind: str
    nullable: bool
    has_default: bool
    numbered: bool = False
    """The database gives new rows a number, and none that a row had before."""


@dataclass(frozen=True, slots=True)
class ActualTable:
    """A table as the database has it; `references` by column, `unique` the columns that are."""

    name: str
    columns: Mapping[str, ActualColumn]
    key: tuple[str, ...]
    references: Mapping[str, str]
    unique: frozenset[str]
    indexes: frozenset[str]
    triggers: tuple[str, ...] = ()
    """Those that a change could lose, because it copies the table."""


@dataclass(frozen=True, slots=True)
class CreateTable:
    table: Table

    @property
    def sentence(self) -> str:
        return f"Makes the table '{self.table.name}' ({', '.join(self.table.columns)})."


@dataclass(frozen=True, slots=True)
class AddColumn:
    """Adds a column; the rows that are there get `default` (as the database keeps it)."""

    table: Table
    column: Column
    default: Value

    @property
    def sentence(self) -> str:
        gets = "null" if self.default is None else shown(self.column.default)
        return (
            f"Adds the column '{self.table.name}.{self.column.name}' ({self.column.type}); rows "
            f"that are there get {gets}."
        )


@dataclass(frozen=True, slots=True)
class AlterTable:
    """Makes columns nullable or required, and adds references; the rows stay as they are."""

    table: str
    nullable: Mapping[str, bool]
    references: Mapping[str, tuple[str, str]]

    @property
    def sentence(self) -> str:
        said = [
            f"lets '{name}' be null" if null else f"makes '{name}' required"
            for name, null in self.nullable.items()
        ]
        said += [f"makes '{name}' refer to '{to[0]}'" for name, to in self.references.items()]
        return f"In '{self.table}': {', '.join(said)}. All rows are kept."


@dataclass(frozen=True, slots=True)
class NumberKey:
    """Has the database number new rows itself, and never give a deleted row's number again."""

    table: Table

    @property
    def sentence(self) -> str:
        return (
            f"Has the database number new rows of '{self.table.name}', never with the number of a "
            "row that was deleted. All rows are kept."
        )


@dataclass(frozen=True, slots=True)
class AddIndex:
    index: Index

    @property
    def sentence(self) -> str:
        what = "a rule that each value comes once" if self.index.unique else "an index"
        return f"Adds {what} on '{self.index.table}' ({', '.join(self.index.columns)})."


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing is done: the project file no longer names it, and its data may still be wanted."""

    sentence: str


Operation = CreateTable | AddColumn | AlterTable | NumberKey | AddIndex | Keep
