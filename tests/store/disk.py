"""A disk that loses whatever was not synced: what a database would hold after a loss of power."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path


class Disk:
    """Stands in for the sync of a database's log; what was in its files when the last sync began is safe.

    SQLite's own syncs are not seen: checkpoints must not run while a sync does.
    """

    def __init__(self, database: Path) -> None:
        self.syncs = 0
        self.before: Callable[[], None] = lambda: None
        """Called in each sync, before it is done; may raise OSError."""
        self._log = database.with_name(database.name + "-wal")
        # Kept open: closing it would let go of this process's locks on the database.
        self._file = os.open(database, os.O_RDONLY)
        self._safe: tuple[bytes, bytes] | None = None

    def sync(self, _file: int) -> None:
        now = os.pread(self._file, os.fstat(self._file).st_size, 0), self._log.read_bytes()
        self.before()
        self._safe = now
        self.syncs += 1

    def after_power_loss(self, sql: str) -> list[tuple[object, ...]]:
        """The answer of the database as it would be found."""
        if self._safe is None:
            return []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "found.db"
            path.write_bytes(self._safe[0])
            path.with_name("found.db-wal").write_bytes(self._safe[1])
            with contextlib.closing(sqlite3.connect(path)) as found:
                assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                return found.execute(sql).fetchall()

    def close(self) -> None:
        os.close(self._file)
