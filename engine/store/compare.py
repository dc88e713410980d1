"""What has to change for a database to have the tables wanted, and what must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from engine.model import Column, Table, Value
from engine.store import evidence
from engine.store.codec import stored_type
from engine.store.evidence import Query
from engine.store.indexes import indexes
from engine.store.operations import (
    ActualTable,
    AddColumn,
    AddIndex,
    AlterTable,
    CreateTable,
    Keep,
    NumberKey,
    Operation,
)
from engine.store.statements import quoted


def remembered(tables: Mapping[str, Table]) -> dict[str, Value]:
    """What of the tables the database must know, as JSON data: to see later what has changed."""
    return {
        table.name: {
            "key": table.key,
            "columns": {
                column.name: {
                    "type": column.type,
                    "null": column.nullable,
                    "unique": column.unique,
                    "references": column.references,
                }
                for column in table.columns.values()
            },
        }
        for table in tables.values()
    }


@dataclass(slots=True)
class Comparison:
    """Collects operations and refusals. `past` is what `remembered` gave at the last migration."""

    tables: Mapping[str, Table]
    actual: Mapping[str, ActualTable]
    past: Mapping[str, Value]
    query: Query
    stored: Callable[[Table, Column], Value]
    """The column's default as the database keeps it."""
    kinds: Mapping[str, str]
    """The kind of column (ActualColumn) in which the database keeps a type."""
    operations: list[Operation] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._tables_gone()
        new = [table for table in self.tables.values() if table.name not in self.actual]
        self.operations += [CreateTable(table) for table in new]
        for table in self.tables.values():
            if table.name in self.actual:
                self._table(table, self.actual[table.name])
        self._indexes()

    def _tables_gone(self) -> None:
        for name, was in self.past.items():
            if name in self.tables or name not in self.actual:
                continue
            for table in self.tables.values():
                if table.name in self.actual or table.columns.keys() != was["columns"].keys():
                    continue
                if not evidence.has_rows(self.query, name):
                    continue
                self.reasons.append(
                    f"table '{table.name}' is new and has the columns of '{name}', which is gone "
                    "from the project file: is it the same table renamed? Then keep the old name, "
                    "or stop the server, rename it in the database "
                    f"(ALTER TABLE {quoted(name)} RENAME TO {quoted(table.name)}) and migrate "
                    "again. If it is another, take the old one out first, migrate, and then add "
                    "the new one."
                )
            self.operations.append(
                Keep(f"The table '{name}' is no longer in the project file; it is left in place.")
            )

    def _table(self, table: Table, actual: ActualTable) -> None:
        was = self.past.get(table.name, {"columns": {}})["columns"]
        if actual.key != (table.key,):
            self.reasons.append(
                f"table '{table.name}': its key is {_names(actual.key)} in the database and "
                f"'{table.key}' in the project file. A key cannot be changed, since other rows "
                "refer to rows by it; put the old key back, or make a new table."
            )
            return
        added = [column for column in table.columns.values() if column.name not in actual.columns]
        gone = [name for name in actual.columns if name not in table.columns]
        self._renamed(table, added, [name for name in gone if name in was], was)
        nullable: dict[str, bool] = {}
        references: dict[str, tuple[str, str]] = {}
        for column in added:
            self._added(table, column, nullable, references)
        for column in table.columns.values():
            if column.name in actual.columns:
                self._column(table, column, actual, was.get(column.name), nullable, references)
        for name in gone:
            old = actual.columns[name]
            if not old.nullable and not old.has_default and name not in actual.key:
                nullable[name] = True  # or no new row could be written any more
            if name in was or table.name not in self.past:
                self.operations.append(
                    Keep(
                        f"The column '{table.name}.{name}' is not in the project file; it is left "
                        "in place, with its data."
                    )
                )
        if nullable or references:
            self._copied(actual)
            self.operations.append(AlterTable(table.name, nullable, references))
        key = actual.columns[table.key]
        if table.columns[table.key].type == "integer" and not key.numbered:
            self._copied(actual)
            self.operations.append(NumberKey(table))

    def _copied(self, actual: ActualTable) -> None:
        if actual.triggers:
            reason = (
                f"table '{actual.name}' has to be copied for this change, and its triggers "
                f"({', '.join(actual.triggers)}) would be lost; drop them, migrate, and make "
                "them again."
            )
            if reason not in self.reasons:
                self.reasons.append(reason)

    def _renamed(
        self, table: Table, added: list[Column], gone: list[str], was: Mapping[str, Value]
    ) -> None:
        for column in added:
            for name in gone:
                if was[name]["type"] == column.type and evidence.has_rows(self.query, table.name):
                    self.reasons.append(
                        f"table '{table.name}': the column '{name}' is gone from the project file "
                        f"and '{column.name}' of the same type is new: is it the same column "
                        "renamed? Then keep the old name, or stop the server, rename it in the "
                        f"database (ALTER TABLE {quoted(table.name)} RENAME COLUMN {quoted(name)} "
                        f"TO {quoted(column.name)}) and migrate again. If it is another, take the "
                        "old one out first, migrate, and then add the new one."
                    )

    def _added(
        self,
        table: Table,
        column: Column,
        nullable: dict[str, bool],
        references: dict[str, tuple[str, str]],
    ) -> None:
        here = f"{table.name}.{column.name}"
        default = self.stored(table, column)
        if default is None and not column.nullable:
            if evidence.has_rows(self.query, table.name):
                self.reasons.append(
                    f"{here}: the new column is required and has no default, so the rows that are "
                    "there would have nothing; give it a `default`, or `optional: true`."
                )
                return
            nullable[column.name] = False
        if column.unique and default is not None and evidence.has_rows(self.query, table.name, 2):
            self.reasons.append(
                f"{here}: the new column is unique, but all rows that are there would get its "
                "default; write `optional: true` and no default."
            )
        if column.references and default is not None:
            references[column.name] = (column.references, self.tables[column.references].key)
        self.operations.append(AddColumn(table, column, default))

    def _column(
        self,
        table: Table,
        column: Column,
        actual: ActualTable,
        was: Mapping[str, Value] | None,
        nullable: dict[str, bool],
        references: dict[str, tuple[str, str]],
    ) -> None:
        here = f"{table.name}.{column.name}"
        there = actual.columns[column.name]
        wanted = stored_type(column, self.tables)
        kind = self.kinds[wanted]
        becomes_reference = column.type == "reference" and column.name not in actual.references
        changed = was is not None and was["type"] != column.type
        if there.kind != kind or (
            changed and not (becomes_reference and was and was["type"] == wanted)
        ):
            found = was["type"] if was is not None else there.kind
            self.reasons.append(
                f"{here}: its type is {found} in the database and {column.type} in the project "
                "file. A type cannot be changed, since the values that are there are of the old "
                "one; put it back, or add a column of the new type under another name."
            )
            return
        if was is None and self._refused(evidence.unfit(self.query, table, column, wanted)):
            return
        if column.references and actual.references.get(column.name, column.references) != (
            column.references
        ):
            self.reasons.append(
                f"{here}: it refers to '{actual.references[column.name]}' in the database and to "
                f"'{column.references}' in the project file; put it back, or add a new column."
            )
        elif column.references and becomes_reference:
            target = self.tables[column.references]
            known = target if target.name in self.actual else None
            self._refused(evidence.dangling(self.query, table, column, known))
            references[column.name] = (column.references, self.tables[column.references].key)
        if was is not None and was["unique"] and not column.unique:
            self.operations.append(
                Keep(
                    f"{here} is no longer unique in the project file; its rule is left in place "
                    "and still refuses a second row of the same value (DROP INDEX takes it away)."
                )
            )
        if column.name == table.key and kind == "integer":
            return  # never null, whatever the database says of it
        if there.nullable and not column.nullable:
            self._refused(evidence.nulls(self.query, table, column))
            nullable[column.name] = False
        elif column.nullable and not there.nullable:
            nullable[column.name] = True

    def _indexes(self) -> None:
        for index in indexes(self.tables):
            actual = self.actual.get(index.table)
            if actual is not None:
                single = index.columns[0] if len(index.columns) == 1 else None
                if index.name in actual.indexes or (index.unique and single in actual.unique):
                    continue
                if index.unique and single is not None and single in actual.columns:
                    table = self.tables[index.table]
                    self._refused(evidence.repeated(self.query, table, table.columns[single]))
            self.operations.append(AddIndex(index))

    def _refused(self, reason: str | None) -> bool:
        if reason is not None:
            self.reasons.append(reason)
        return reason is not None


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "missing"
