"""SQLite's tables: made, looked at and changed by sqlite-utils."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.model import Row, Table, Value
from engine.store.base import ConstraintViolation, StoreError
from engine.store.codec import stored_type
from engine.store.indexes import Index, indexes
from engine.store.operations import (
    ActualColumn,
    ActualTable,
    AddColumn,
    AddIndex,
    AlterTable,
    CreateTable,
    Keep,
    NumberKey,
    Operation,
)
from engine.store.own import with_own
from engine.store.sqlite_errors import translated
from engine.store.statements import literal, quoted
from engine.store.values import Check

if TYPE_CHECKING:
    from sqlite_utils import Database

WIRE: Mapping[str, Check] = {"boolean": int}
"""How a type is kept where SQLite has no such type."""
INTEGERS = frozenset({"integer", "amount", "boolean"})
KINDS = {"INTEGER": "integer", "INT": "integer", "BIGINT": "integer", "TEXT": "text"}


def create_all(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
    """Make all tables, the engine's own too, in an empty database."""
    everything = with_own(tables)
    for sql in _create_statements(everything).values():
        connection.execute(sql)
    for index in indexes(everything):
        connection.execute(_index_sql(index))


class SqliteEditor:
    """Looks at the schema of a database, and writes the SQL that changes it."""

    kinds: Mapping[str, str] = {
        **dict.fromkeys(("integer", "amount", "boolean"), "integer"),
        **dict.fromkeys(("text", "timestamp", "json", "currency"), "text"),
    }
    wire = WIRE

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Run one statement; the rows of a SELECT."""
        try:
            cursor = self._connection.execute(sql, params or {})
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, found, strict=True)) for found in cursor]
        except sqlite3.Error as error:
            raise translated(error) from error

    def check_references(self, table: str) -> None:
        """Raises ConstraintViolation when a row of this table refers to no row."""
        broken = self.execute(f"PRAGMA foreign_key_check({quoted(table)})")
        if broken:
            raise ConstraintViolation(
                f"table '{table}': rows refer to rows of '{broken[0]['parent']}' that are not "
                f"there ({len(broken)} in all); correct these rows first.",
                table=table,
            )

    def inspect(self) -> dict[str, ActualTable]:
        """All tables of the database, by name."""
        found = _database(self._connection)
        return {name: _actual(found, name) for name in found.table_names()}

    def render(
        self, operations: Iterable[Operation], tables: Mapping[str, Table]
    ) -> list[tuple[str, ...]]:
        """The SQL of each operation, in this order.

        sqlite-utils does them on an empty copy of the schema, and what it ran there is the answer.
        """
        ran: list[str] = []
        creates = _create_statements(tables)
        copy = self._empty_copy()
        try:
            rendered = []
            for operation in operations:
                ran.clear()
                with copy.tracer(lambda sql, _: ran.append(sql.strip().rstrip(";"))):
                    _do(copy, operation, creates, tables)
                rendered.append(tuple(sql for sql in ran if _changes_something(sql)))
            return rendered
        finally:
            copy.close()

    def _empty_copy(self) -> Database:
        copy = sqlite3.connect(":memory:", isolation_level=None)
        plain = {row["name"] for row in self.execute("PRAGMA table_list") if row["type"] == "table"}
        for row in self.execute(
            "SELECT tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'index') "
            "AND sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY type DESC"
        ):
            if row["tbl_name"] in plain:
                try:
                    copy.execute(row["sql"])
                except sqlite3.Error as error:
                    raise StoreError(
                        f"table '{row['tbl_name']}' cannot be copied to try the change on "
                        f"({error}): take away what SQLite alone does not know in {row['sql']!r}."
                    ) from error
        if "sqlite_sequence" in plain:  # or a table that is copied would forget its last number
            for row in self.execute("SELECT name, seq FROM sqlite_sequence"):
                copy.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)", row)
        return _database(copy)


def _database(connection: sqlite3.Connection) -> Database:
    from sqlite_utils import Database  # takes 70 ms, and only schema work needs it

    return Database(connection, recursive_triggers=False, execute_plugins=False)


def _create_statements(tables: Mapping[str, Table]) -> dict[str, str]:
    """CREATE TABLE for each table, by name; STRICT, so that each column holds its type only."""
    scratch = _database(sqlite3.connect(":memory:"))
    try:
        # sqlite-utils wants the target of a reference to be there, SQLite does not (tables may
        # refer to each other in a circle): stand-ins with nothing but the key satisfy it.
        for table in tables.values():
            key_type = _python_type(table, table.key, tables)
            scratch.create_table(table.name, {table.key: key_type}, pk=table.key)
        return {
            table.name: _counting(
                table,
                scratch.create_table_sql(
                    table.name,
                    {name: _python_type(table, name, tables) for name in table.columns},
                    pk=table.key,
                    foreign_keys=[
                        (column.name, column.references, tables[column.references].key)
                        for column in table.columns.values()
                        if column.references
                    ],
                    not_null={c.name for c in table.columns.values() if not c.nullable},
                    strict=True,
                ),
            )
            .strip()
            .rstrip(";")
            for table in tables.values()
        }
    finally:
        scratch.close()


def _index_sql(index: Index) -> str:
    if index.sparse:
        index = replace(index, where=f"{quoted(index.columns[0])} IS NOT NULL")
    return index.sql


def _counting(table: Table, create: str) -> str:
    """Numbers are never given twice, whatever became of the row: Stripe's metadata keeps them."""
    if table.columns[table.key].type != "integer":
        return create
    return create.replace(" INTEGER PRIMARY KEY", " INTEGER PRIMARY KEY AUTOINCREMENT", 1)


def _do(
    copy: Database,
    operation: Operation,
    creates: Mapping[str, str],
    tables: Mapping[str, Table],
) -> None:
    match operation:
        case CreateTable(table):
            copy.execute(creates[table.name])
        case AddColumn(table, column, default):
            # Not sqlite-utils: it copies the whole table for a reference, which SQLite need not.
            kind = "INTEGER" if _python_type(table, column.name, tables) is int else "TEXT"
            parts = [f"ALTER TABLE {quoted(table.name)} ADD COLUMN {quoted(column.name)} {kind}"]
            if default is not None:
                parts.append(
                    ("" if column.nullable else "NOT NULL ") + f"DEFAULT {literal(default)}"
                )
            elif column.references:
                target = tables[column.references]
                parts.append(f"REFERENCES {quoted(target.name)} ({quoted(target.key)})")
            copy.execute(" ".join(parts))
        case AlterTable(table_name, nullable, references):
            copy.table(table_name).transform(
                not_null={name: not null for name, null in nullable.items()} or None,
                add_foreign_keys=[(name, *target) for name, target in references.items()] or None,
            )
        case NumberKey(table):
            for sql in copy.table(table.name).transform_sql():
                copy.execute(_counting(table, sql))
        case AddIndex(index):
            copy.execute(_index_sql(index))
        case Keep():
            pass


def _changes_something(sql: str) -> bool:
    first = sql.lstrip().split(maxsplit=1)[0].upper()
    return first in {"CREATE", "ALTER", "INSERT", "UPDATE", "DROP"} or "legacy_alter_table=" in sql


def _actual(found: Database, name: str) -> ActualTable:
    table = found.table(name)
    return ActualTable(
        name=name,
        columns={
            column.name: ActualColumn(
                column.name,
                KINDS.get(column.type.upper(), column.type or "untyped"),
                nullable=not column.notnull,
                has_default=column.default_value is not None,
                numbered=bool(column.is_pk) and "AUTOINCREMENT" in table.schema.upper(),
            )
            for column in table.columns
        },
        key=tuple(table.pks),
        references={
            key.column: key.other_table for key in table.foreign_keys if key.column is not None
        },
        unique=frozenset(
            index.columns[0]
            for index in table.indexes
            if index.unique and len(index.columns) == 1 and not index.partial
        ),
        indexes=frozenset(index.name for index in table.indexes),
        triggers=tuple(trigger.name for trigger in table.triggers),
    )


def _python_type(table: Table, name: str, tables: Mapping[str, Table]) -> type:
    return int if stored_type(table.columns[name], tables) in INTEGERS else str
