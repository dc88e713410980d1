"""A transaction on SQLite that only reads."""

from __future__ import annotations

from engine.store.rows import read_only
from engine.store.sqlite_tx import SqliteTransaction


class SqliteReader(SqliteTransaction):
    """Every write is refused."""

    _writable = read_only
