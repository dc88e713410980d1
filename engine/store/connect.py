"""Opening stores: the project's database by its URL, or an empty one in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from engine.clock import timestamp
from engine.model import ProjectFile, Row, Table, Value
from engine.store.base import Clock, Store
from engine.store.current import require_current
from engine.store.operations import ActualTable, Operation
from engine.store.sqlite_schema import create_all
from engine.store.sqlite_store import SqliteStore
from engine.store.url import resolved, sqlite_file
from engine.store.values import Check


class Editor(Protocol):
    """What a migration asks of a database, inside one transaction."""

    kinds: Mapping[str, str]
    """By column type, the kind of column (ActualColumn) it is kept in."""
    wire: Mapping[str, Check]
    """How a type is kept where the database has no such type."""

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]: ...
    def check_references(self, table: str) -> None: ...
    def inspect(self) -> dict[str, ActualTable]: ...
    def render(
        self, operations: list[Operation], tables: Mapping[str, Table]
    ) -> list[tuple[str, ...]]: ...


def utc_now() -> str:
    """The time now as timestamp text."""
    return timestamp(time.time())


def open_store(
    url: str, tables: Mapping[str, Table], base: Path, *, clock: Clock = utc_now, name: str = ""
) -> Store:
    """The store at this URL; a relative file starts at `base`, the project's folder. `name` is what
    a server's administrator sees of it.

    Raises StoreError when there is no such database, StoreBusy when it is not to be had, and
    DatabaseOutdated when `actionflow migrate` has to run first.
    """
    path = sqlite_file(url, base)
    store: Store
    if path is not None:
        store = SqliteStore(path, tables, clock=clock)
    else:
        from engine.store.postgres_store import PostgresStore  # only those who use it need psycopg

        store = PostgresStore(resolved(url), tables, clock=clock, name=name)
    try:
        require_current(store)
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def editing(project: ProjectFile, base: Path, *, write: bool) -> Iterator[Editor]:
    """The project's database, current or not, for a migration; `write` makes an SQLite file."""
    path = sqlite_file(project.database, base)
    if path is None:
        from engine.store.postgres_store import PostgresStore

        url = resolved(project.database)
        server = PostgresStore(url, project.tables, clock=utc_now, name=project.name)
        try:
            with server.editor(write=write) as editor:
                yield editor
        finally:
            server.close()
        return
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
    there = path if write or path.exists() else None
    store = SqliteStore(there, project.tables, clock=utc_now, create=write)
    try:
        with store.editor(write=write) as file_editor:
            yield file_editor
    finally:
        store.close()


def memory(tables: Mapping[str, Table], *, clock: Clock = utc_now) -> SqliteStore:
    """An empty store in memory, with all tables made."""
    store = SqliteStore(None, tables, clock=clock)
    with store.exclusively():
        create_all(store.connection, tables)
    return store
