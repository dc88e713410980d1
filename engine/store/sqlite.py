"""Opening SQLite stores: the project's database by its URL, or an empty one in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from engine.model import Table
from engine.store.base import Clock, StoreError
from engine.store.migrate import require_current
from engine.store.sqlite_schema import create_all
from engine.store.sqlite_store import SqliteStore

SCHEME = "sqlite:///"


def utc_now() -> str:
    """The time now as timestamp text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def open_store(
    url: str,
    tables: Mapping[str, Table],
    *,
    clock: Clock = utc_now,
    migrating: bool = False,
) -> SqliteStore:
    """The store at `sqlite:///relative/to/here.db` or `sqlite:////absolute.db`.

    Raises StoreError when there is no such file and DatabaseOutdated when `actionflow migrate` has
    to run first; `migrating` makes the file and looks at nothing.
    """
    if not url.startswith(SCHEME):
        raise StoreError(
            f"database '{url.partition('://')[0]}://…' is not known to this version; write "
            f"`database: {SCHEME}.actionflow/data.db` in project.yaml."
        )
    path = Path(url.removeprefix(SCHEME))
    if migrating:
        path.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(path, tables, clock=clock, create=migrating)
    if not migrating:
        try:
            require_current(store)
        except BaseException:
            store.close()
            raise
    return store


def memory(tables: Mapping[str, Table], *, clock: Clock = utc_now) -> SqliteStore:
    """An empty store in memory, with all tables made."""
    store = SqliteStore(None, tables, clock=clock)
    with store.exclusively():
        create_all(store.connection, tables)
    return store
