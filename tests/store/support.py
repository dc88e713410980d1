"""Tables, projects and connectors for the store's tests."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.model import Column, ColumnType, ProjectFile, Table
from engine.store import migrate
from engine.store.base import Store, Transaction
from engine.store.connect import memory, open_store
from engine.store.schema import system_tables
from tests.store.postgres import ADVICE, shared_url

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


class Connector:
    """How the tests reach one kind of database, empty at first; a subclass for each kind."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stores = contextlib.ExitStack()

    def url(self) -> str:
        """The database's URL for project.yaml."""
        raise NotImplementedError

    def by_hand(self, sql: str) -> list[tuple[Any, ...]]:
        """What somebody does to the database behind the engine's back."""
        raise NotImplementedError

    def schema(self) -> list[tuple[Any, ...]]:
        """Everything the database says of its tables."""
        raise NotImplementedError

    def plan_of(self, sql: str) -> str:
        """How the database would run a query, had its tables many rows."""
        raise NotImplementedError

    def sound(self) -> bool:
        """Whether the database finds nothing wrong with itself."""
        return True

    def memory(self, file: ProjectFile) -> Store:
        """A database for this project alone."""
        raise NotImplementedError

    def put(self, file: ProjectFile) -> ProjectFile:
        """The project on this connector's database."""
        return dataclasses.replace(file, database=self.url())

    def plan(self, file: ProjectFile) -> list[migrate.Step]:
        return migrate.plan(self.put(file), self.folder)

    def apply(self, file: ProjectFile) -> list[migrate.Step]:
        return migrate.apply(self.put(file), self.folder)

    def open(self, file: ProjectFile) -> Store:
        """A store on the project's database, closed after the test."""
        store = open_store(self.url(), file.tables, self.folder, clock=lambda: NOW, name="test")
        self._stores.callback(store.close)
        return store

    def migrated(self, file: ProjectFile) -> Store:
        """The same, with the migration done first."""
        self.apply(file)
        return self.open(file)

    def close(self) -> None:
        self._stores.close()


class SqliteConnector(Connector):
    name = "sqlite"

    def url(self) -> str:
        return "sqlite:///shop.db"

    def memory(self, file: ProjectFile) -> Store:
        store = memory(file.tables, clock=lambda: NOW)
        self._stores.callback(store.close)
        return store

    def by_hand(self, sql: str) -> list[tuple[Any, ...]]:
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.folder / "shop.db")) as connection:
            rows = connection.execute(sql).fetchall()
            connection.commit()
            return rows

    def schema(self) -> list[tuple[Any, ...]]:
        return self.by_hand("SELECT name, sql FROM sqlite_master ORDER BY name")

    def sound(self) -> bool:
        return self.by_hand("PRAGMA integrity_check") == [("ok",)]

    def plan_of(self, sql: str) -> str:
        return " ".join(str(row[3]) for row in self.by_hand(f"EXPLAIN QUERY PLAN {sql}"))


class PostgresConnector(Connector):
    """A schema of the shared server, named by the folder: other processes find it by that."""

    name = "postgresql"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.namespace = "t_" + hashlib.blake2b(str(folder).encode(), digest_size=8).hexdigest()
        server = shared_url()
        assert server is not None
        self._server = server
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self.namespace}")

    def url(self) -> str:
        mark = "&" if "?" in self._server else "?"
        return f"{self._server}{mark}options=-csearch_path%3D{self.namespace}"

    def memory(self, file: ProjectFile) -> Store:
        return self.migrated(file)

    def by_hand(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            done = connection.execute(sql)
            return done.fetchall() if done.description else []

    def schema(self) -> list[tuple[Any, ...]]:
        here = f"'{self.namespace}'"
        return [
            *self.by_hand(
                "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity "
                f"FROM information_schema.columns WHERE table_schema = {here} ORDER BY 1, 2"
            ),
            *self.by_hand(f"SELECT indexdef FROM pg_indexes WHERE schemaname = {here} ORDER BY 1"),
            *self.by_hand(
                "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
                f"WHERE connamespace = {here}::regnamespace ORDER BY 1, 2"
            ),
        ]

    def plan_of(self, sql: str) -> str:
        with psycopg.connect(self.url()) as connection:
            connection.execute("SET enable_seqscan = off")
            connection.execute("SET enable_sort = off")
            return " ".join(row[0] for row in connection.execute(f"EXPLAIN {sql}"))


CONNECTORS: dict[str, type[Connector]] = {
    "sqlite": SqliteConnector,
    "postgresql": PostgresConnector,
}


@contextlib.contextmanager
def connected(name: str, folder: Path) -> Iterator[Connector]:
    """A connector for one test; skips the test where there is no such database."""
    if name == "postgresql" and shared_url() is None:
        pytest.skip(ADVICE)
    connector = CONNECTORS[name](folder)
    try:
        yield connector
    finally:
        connector.close()
