"""Moves what was committed from SQLite's write-ahead log into the database, beside the writer.

SQLite would do it inside of a commit, every thousand pages: a dozen milliseconds and a second fsync
that some event has to wait for. Here it is done by a thread of its own, which neither stops the
writer nor readers, and steps back where processors are scarce.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from pathlib import Path

from engine.store.base import StoreLost
from engine.store.sqlite_sync import LogSync

EVERY = 0.5
"""Seconds between looks whether something was committed."""
STEP_BACK = 10
"""Added to the thread's nice value."""
MOST_PAGES = 8_000
"""Pages of the log from which on the writer does the rest itself: under full load the thread alone
never reaches its end, and it would not begin anew. 32 MB."""


class Checkpointer:
    """The thread of one store. Start it, say `wrote` after each commit, stop it."""

    def __init__(self, path: Path, sync: LogSync) -> None:
        self._path = path
        self._sync = sync
        self._wrote = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._work, name="actionflow-checkpoint", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def wrote(self) -> None:
        """Something was committed."""
        self._wrote = True

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # Linux knows threads' own priorities
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), STEP_BACK)
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            while not self._stopping.wait(EVERY):
                if self._wrote:
                    self._wrote = False
                    self.look(connection)

    def look(self, connection: sqlite3.Connection) -> None:
        """Move what there is."""
        try:
            move(connection)
        except sqlite3.Error as error:
            # A full disk is told by the writer, at its next commit. But after a failed sync the next
            # would find nothing to do, and what was in the log only would be written over.
            if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_FSYNC:
                with contextlib.suppress(StoreLost):
                    self._sync.lose(error)


def move(connection: sqlite3.Connection) -> int:
    """Move what is there now, without waiting for anybody; how many pages are still in the log only."""
    _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages - moved)
