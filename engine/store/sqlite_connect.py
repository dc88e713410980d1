"""Opening connections to SQLite: how each is set up, and where that is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engine.store.base import StoreError
from engine.store.sqlite_errors import translated

OLDEST = (3, 37, 0)  # STRICT tables; RETURNING came in 3.35
BUSY_SECONDS = 5.0
CACHED_STATEMENTS = 1024

# The module asks each value that is no number or text, null above all, how it would like to be bound
# and fails at it, which takes longer than all the rest of binding it. These are their answers.
sqlite3.register_adapter(type(None), {}.get)  # type: ignore[arg-type]  # gives null for null
sqlite3.register_adapter(bool, int)


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection to the file, which is made where it is not there; None is one in memory.

    Raises StoreError when it cannot be opened, is no database, or is on a disk that fits none.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreError(
            f"This Python has SQLite {sqlite3.sqlite_version}; Actionflow needs 3.37 or newer. "
            "Use a newer Python build (for example by `uv python install`)."
        )
    try:
        connection = sqlite3.connect(
            ":memory:" if path is None else path,
            isolation_level=None,  # BEGIN and COMMIT are ours
            timeout=BUSY_SECONDS,
            check_same_thread=False,  # the turn and the pool give it to one thread at a time
            cached_statements=CACHED_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise unopened(path, error) from error
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # Savepoints keep old pages in a temporary file otherwise, 24 writes for each event.
        connection.execute("PRAGMA temp_store = MEMORY")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.Error as error:
        connection.close()
        raise unopened(path, error) from error
    if path is not None and mode != "wal":
        connection.close()
        raise StoreError(
            f"{path}: SQLite cannot use a write-ahead log there (it says '{mode}'), so "
            "readers would stop the writer; put the file on a local disk."
        )
    return connection


def unopened(path: Path | None, error: sqlite3.Error) -> StoreError:
    """What SQLite says of a file that it cannot open, with the file's name."""
    refusal = translated(error)
    return type(refusal)(f"{path}: {refusal}")
