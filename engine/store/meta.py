"""What the database remembers of its project: texts by key."""

from __future__ import annotations

from engine.store.base import Transaction

READ = "SELECT value FROM actionflow_meta WHERE key = :key"
WRITE = """
    INSERT INTO actionflow_meta (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""


def read(tx: Transaction, key: str) -> str | None:
    """The text kept under `key`, or None."""
    found = tx.execute(READ, {"key": key})
    return found[0]["value"] if found else None


def write(tx: Transaction, key: str, value: str) -> None:
    """Keep this text under `key`."""
    tx.execute(WRITE, {"key": key, "value": value})
