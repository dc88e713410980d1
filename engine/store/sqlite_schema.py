"""Tables as SQLite's SQL, written by sqlite-utils."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.model import Table
from engine.store.codec import stored_type
from engine.store.own import OWN_TABLES, indexes

if TYPE_CHECKING:
    from sqlite_utils import Database

PYTHON_TYPES = {"integer": int, "amount": int, "boolean": int}  # the others are text


def database(connection: sqlite3.Connection) -> Database:
    """sqlite-utils on this connection; imported late, since it takes 70 ms and few need it."""
    from sqlite_utils import Database

    return Database(connection, recursive_triggers=False, execute_plugins=False)


def with_own(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The project's tables and the engine's."""
    return {**tables, **OWN_TABLES}


def create_statements(tables: Mapping[str, Table]) -> dict[str, str]:
    """CREATE TABLE for each table, by name; STRICT, so that each column holds its type only."""
    scratch = database(sqlite3.connect(":memory:"))
    try:
        # sqlite-utils wants the target of a reference to be there, SQLite does not (tables may
        # refer to each other in a circle): stand-ins with nothing but the key satisfy it.
        for table in tables.values():
            scratch.create_table(
                table.name, {table.key: _python_type(table, table.key, tables)}, pk=table.key
            )
        return {
            table.name: scratch.create_table_sql(
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
            )
            .strip()
            .rstrip(";")
            for table in tables.values()
        }
    finally:
        scratch.close()


def create_all(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
    """Make all tables, the engine's own too, in an empty database."""
    everything = with_own(tables)
    for sql in create_statements(everything).values():
        connection.execute(sql)
    for index in indexes(everything):
        connection.execute(index.sql)


def _python_type(table: Table, name: str, tables: Mapping[str, Table]) -> type:
    return PYTHON_TYPES.get(stored_type(table.columns[name], tables), str)
