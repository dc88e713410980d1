"""What the database remembers of its project: texts by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.model import Row, Value

READ = "SELECT value FROM actionflow_meta WHERE key = :key"
WRITE = """
    INSERT INTO actionflow_meta (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""

WRITE_ONCE = """
    INSERT INTO actionflow_meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING
"""


class Executor(Protocol):
    """Anything that runs SQL: a transaction, or the editor of a migration."""

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]: ...


def read(tx: Executor, key: str) -> str | None:
    """The text kept under `key`, or None."""
    found = tx.execute(READ, {"key": key})
    return str(found[0]["value"]) if found else None


def write(tx: Executor, key: str, value: str) -> None:
    """Keep this text under `key`."""
    tx.execute(WRITE, {"key": key, "value": value})


def write_once(tx: Executor, key: str, value: str) -> str:
    """Keep this text unless there is one already; the text that is kept."""
    tx.execute(WRITE_ONCE, {"key": key, "value": value})
    return read(tx, key) or value
