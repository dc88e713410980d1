"""Opening stores: the project's database by its URL, or an empty one in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from engine.model import Table
from engine.store.base import Clock, StoreError
from engine.store.current import require_current
from engine.store.sqlite_schema import create_all
from engine.store.sqlite_store import SqliteStore

SCHEME = "sqlite:///"


def utc_now() -> str:
    """The time now as timestamp text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def path_of(url: str, base: Path) -> Path:
    """The file of `sqlite:///relative/to/base.db` or `sqlite:////absolute.db`."""
    if not url.startswith(SCHEME):
        raise StoreError(
            f"database '{url.partition('://')[0]}://…' is not known to this version; write "
            f"`database: {SCHEME}.actionflow/data.db` in project.yaml."
        )
    return base / url.removeprefix(SCHEME)


def open_store(
    url: str, tables: Mapping[str, Table], base: Path, *, clock: Clock = utc_now
) -> SqliteStore:
    """The store at this URL; a relative file starts at `base`, the project's folder.

    Raises StoreError when there is no such file, and DatabaseOutdated when `actionflow migrate` has
    to run first.
    """
    store = SqliteStore(path_of(url, base), tables, clock=clock)
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
