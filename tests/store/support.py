"""Tables, projects and connectors for the store's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.model import Column, ColumnType, ProjectFile, Table
from engine.store import migrate
from engine.store.base import Store, Transaction
from engine.store.connect import memory, open_store
from engine.store.schema import system_tables

NOW = "2026-03-01T12:00:00Z"


class Undo(Exception):
    """Takes back what a property test wrote."""


def column(name: str, type: ColumnType, **more: Any) -> Column:
    return Column(name, type, has_default="default" in more, **more)


def table(name: str, *columns: Column, key: str = "id") -> Table:
    return Table(name, {column.name: column for column in columns}, key)


ORDER = table(
    "order",
    column("id", "integer"),
    column("status", "text", default="new", one_of=("new", "paid", "failed")),
    column("amount", "amount"),
    column("note", "text", nullable=True),
    column("reference", "text", nullable=True, unique=True),
    column("created_at", "timestamp"),
    column("updated_at", "timestamp"),
)
EVERY_TYPE = table(
    "every_type",
    column("id", "text"),
    column("an_integer", "integer", nullable=True),
    column("an_amount", "amount", nullable=True),
    column("a_text", "text", nullable=True),
    column("a_boolean", "boolean", nullable=True),
    column("a_timestamp", "timestamp", nullable=True),
    column("a_json", "json", nullable=True),
    column("a_currency", "currency", nullable=True),
    column("a_reference", "reference", nullable=True, references="order"),
)


def project(
    *tables: Table,
    order: str = "order",
    name: str = "shop",
    database: str = "sqlite:///shop.db",
) -> ProjectFile:
    """A project with these tables (or just an order table) and the system tables."""
    own = {table.name: table for table in tables or (ORDER,)}
    system = system_tables(own[order]) if order in own else {}
    return ProjectFile(name, "project.yaml", database, {**own, **system}, order)


@contextlib.contextmanager
def undone(store: Store) -> Iterator[Transaction]:
    """A transaction whose writes are taken back at the end."""
    with contextlib.suppress(Undo), store.transaction() as tx:
        yield tx
        raise Undo


class SqliteConnector:
    """How the tests reach one kind of database; PostgreSQL gets a class of the same shape."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stores = contextlib.ExitStack()

    def url(self, name: str = "shop") -> str:
        return f"sqlite:///{name}.db"

    def open(self, file: ProjectFile) -> Store:
        """A store on the project's database, closed after the test."""
        store = open_store(file.database, file.tables, self.folder, clock=lambda: NOW)
        self._stores.callback(store.close)
        return store

    def migrated(self, file: ProjectFile) -> Store:
        """The same, with the migration done first."""
        migrate.apply(file, self.folder)
        return self.open(file)

    def memory(self, file: ProjectFile) -> Store:
        store = memory(file.tables, clock=lambda: NOW)
        self._stores.callback(store.close)
        return store

    def by_hand(self, sql: str) -> list[tuple[Any, ...]]:
        """What somebody does to the database behind the engine's back."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.folder / "shop.db")) as connection:
            rows = connection.execute(sql).fetchall()
            connection.commit()
            return rows

    def close(self) -> None:
        self._stores.close()


CONNECTORS = {"sqlite": SqliteConnector}


@contextlib.contextmanager
def connected(name: str, folder: Path) -> Iterator[SqliteConnector]:
    connector = CONNECTORS[name](folder)
    try:
        yield connector
    finally:
        connector.close()
