"""Moves what was committed from SQLite's write-ahead log into the database, beside the writer.

SQLite would do it inside of a commit, every thousand pages: some event has to wait for two syncs and a
dozen milliseconds. Here a thread of its own moves a little at a time, and has the disk take that at
once, so that no sync of a commit has much to wait for. The log grows meanwhile; once it is long the
writer moves the little that is left, and begins it anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path

from engine.store.base import StoreLost
from engine.store.sqlite_sync import LogSync, sync_data

EVERY = 0.05
"""Seconds between looks whether much was committed, while anything is."""
MANY = 8
"""Commits that are much."""
SELDOM = 0.5
"""Seconds after which it is done for fewer; also between looks while nothing is committed."""
STEP_BACK = 10
"""Added to the thread's nice value."""
LONG = 6_000
"""Pages of the log from which on it is begun anew. It is long because that costs the writer two syncs,
and because a file that does not grow is synced faster. 24 MB."""
MOST_PAGES = 3 * LONG
"""Pages of the log from which on each commit moves what it can: the thread gets no processor."""
DESCRIPTORS = Path("/proc/self/fd")


class Checkpointer:
    """The thread of one store. Start it, say `wrote` in each commit's turn, stop it."""

    def __init__(self, path: Path, sync: LogSync) -> None:
        self._path = path
        self._sync = sync
        self._commits = 0
        self._seen = 0
        self._at = 0.0
        self._busy = False
        self._ripe = False
        """Nearly all of a long log was moved: the writer does the rest."""
        self._database: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._work, name="actionflow-checkpoint", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def wrote(self, connection: sqlite3.Connection, number: int) -> None:
        """The commit of this number was made on this connection, and nobody else writes now."""
        self._commits = number
        if self._ripe:
            self._ripe = False
            self._move(connection)
            self._seen = self._commits

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # Linux knows threads' own priorities
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), STEP_BACK)
        with (
            contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as moving,
            contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as reading,
        ):
            for one in (moving, reading):
                with contextlib.suppress(sqlite3.Error):
                    _look_in(one)  # opens all its files
            while not self._stopping.wait(EVERY if self._busy else SELDOM):
                try:
                    self.look(moving, reading)
                except (sqlite3.Error, StoreLost):  # told by the writer, at its next commit
                    _let_go(reading)

    def look(self, moving: sqlite3.Connection, reading: sqlite3.Connection) -> None:
        """Move what there is, if it is much. Raises sqlite3.Error, StoreLost."""
        commits, now = self._commits, time.monotonic()
        new = commits - self._seen
        self._busy = new > 0
        if not new:
            _let_go(reading)
        if self._ripe or not new or (new < MANY and now < self._at + SELDOM):
            return
        self._seen = commits
        self._at = now
        # A log that somebody reads is not begun anew, which would cost the next commit a sync; before
        # 3.51.3 SQLite loses commits when it is while `moving` looks (docs/database.md).
        _let_go(reading)
        reading.execute("BEGIN")
        _look_in(reading)
        pages = self._move(moving)
        self._sync_database()
        if pages >= LONG:
            _let_go(reading)
            self._ripe = True

    def _move(self, connection: sqlite3.Connection) -> int:
        """Move what can be moved without waiting for anybody; the pages of the log."""
        try:
            return move(connection)[0]
        except sqlite3.Error as error:
            # After a failed sync the next would find nothing to do, and the log be begun anew.
            if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_FSYNC:
                self._sync.lose(error)
            raise

    def _sync_database(self) -> None:
        """Have the disk take what was moved. SQLite does so only at the end of the log; then it has
        to be little."""
        file = self._descriptor()
        if file is not None:
            try:
                sync_data(file)
            except OSError as error:
                self._sync.lose(error)

    def _descriptor(self) -> int | None:
        """SQLite's own of the database: closing one of ours would let go of all its locks. None where
        the system does not say."""
        if self._database is None or not _is(self._database, self._path):
            with contextlib.suppress(OSError):
                numbers = sorted(int(one.name) for one in DESCRIPTORS.iterdir())
                self._database = next((one for one in numbers if _is(one, self._path)), None)
        return self._database


def move(connection: sqlite3.Connection) -> tuple[int, int]:
    """Move what is there now, without waiting for anybody; how many pages the log has, and how many are
    in it only."""
    _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages), int(pages - moved)


def _look_in(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()


def _let_go(reading: sqlite3.Connection) -> None:
    if reading.in_transaction:
        reading.execute("ROLLBACK")


def _is(file: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file), path.stat())
    return False
