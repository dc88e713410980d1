"""A transaction on SQLite that only reads."""

from __future__ import annotations

from typing import NoReturn

from engine.store.rows import read_only
from engine.store.sqlite_tx import SqliteTransaction


class SqliteReader(SqliteTransaction):
    """Every write is refused."""

    def _writable(self, table: str) -> NoReturn:
        read_only(table)
