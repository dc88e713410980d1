"""Opening stores: the project's database by its URL, or an empty one in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from engine.clock import timestamp
from engine.model import ProjectFile, Row, Table, Value
from engine.store.base import Clock, Store, StoreError
from engine.store.current import require_current
from engine.store.operations import ActualTable, Operation
from engine.store.sqlite_schema import create_all
from engine.store.sqlite_store import SqliteStore
from engine.store.values import Check

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
VARIABLE = "env:"


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


def resolved(url: str) -> str:
    """The URL itself; `env:NAME` stands for what that environment variable holds.

    Raises StoreError when it holds nothing, or the URL is of no kind that is known.
    """
    if url.startswith(VARIABLE):
        name = url.removeprefix(VARIABLE)
        url = os.environ.get(name, "").strip()
        if not url:
            raise StoreError(
                f"The environment variable {name}, which project.yaml names as the database, is not "
                "set. Set it to postgresql://user:password@host:5432/name."
            )
    if not url.startswith((SQLITE, *POSTGRES)):
        raise StoreError(
            f"database '{url.partition('://')[0]}://…' is not known to this version; write "
            f"`database: {SQLITE}.actionflow/data.db`, `postgresql://user@host/name` or "
            "`env:DATABASE_URL` in project.yaml."
        )
    return url


def sqlite_file(url: str, base: Path) -> Path | None:
    """The file of `sqlite:///relative/to/base.db` or `sqlite:////absolute.db`; None for a server."""
    return base / url.removeprefix(SQLITE) if url.startswith(SQLITE) else None


def open_store(
    url: str, tables: Mapping[str, Table], base: Path, *, clock: Clock = utc_now, name: str = ""
) -> Store:
    """The store at this URL; a relative file starts at `base`, the project's folder. `name` is what
    a server's administrator sees of it.

    Raises StoreError when there is no such database, StoreBusy when it is not to be had, and
    DatabaseOutdated when `actionflow migrate` has to run first.
    """
    url = resolved(url)
    path = sqlite_file(url, base)
    store: Store
    if path is not None:
        store = SqliteStore(path, tables, clock=clock)
    else:
        from engine.store.postgres_store import PostgresStore  # only those who use it need psycopg

        store = PostgresStore(url, tables, clock=clock, name=name)
    try:
        require_current(store)
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def editing(project: ProjectFile, base: Path, *, write: bool) -> Iterator[Editor]:
    """The project's database, current or not, for a migration; `write` makes an SQLite file."""
    url = resolved(project.database)
    path = sqlite_file(url, base)
    if path is None:
        from engine.store.postgres_store import PostgresStore

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
