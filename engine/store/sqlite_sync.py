"""Makes commits durable: one sync of SQLite's write-ahead log for all that were made before it.

A server's connection commits without a sync (`synchronous=NORMAL`), so that the next transaction can
run while the disk works. docs/database.md says why that is as safe as SQLite's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, NoReturn

from engine.store.base import StoreLost

log = logging.getLogger("actionflow.store")

LOST = (
    "The disk failed to keep what was committed last ({error}). What was acknowledged before is safe; "
    "nothing is acknowledged any more. Look at the disk, then restart the server."
)


def sync_data(file: int) -> None:
    """Bring what this file holds to the disk, as SQLite does for a commit with `synchronous=FULL`.
    Raises OSError."""
    getattr(os, "fdatasync", os.fsync)(file)


def begin_to_sync(file: int) -> None:
    """Have the disk begin with what this file holds, where the system can, and wait for nothing. A
    fault is told by the sync that follows."""
    if _start is not None:
        _start(file, 0, 0, 2)  # SYNC_FILE_RANGE_WRITE, of the whole file


_start: Any = None
with contextlib.suppress(AttributeError, OSError, TypeError):  # sync_file_range(2) is Linux's
    _start = ctypes.CDLL(None).sync_file_range
    _start.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]


class LogSync:
    """The log of one database file that this process writes to through one connection.

    `commit` is called by one thread at a time, everything else by any.
    """

    def __init__(self, connection: sqlite3.Connection, database: Path) -> None:
        self._connection = connection
        self._path = database.with_name(database.name + "-wal")
        self._file = -1
        self._inode: tuple[int, int] | None = None
        self._syncing = threading.Lock()
        self._changed = connection.total_changes
        # Commits are numbered. The first is what others have left, perhaps killed before their sync.
        self._begun = 1
        self._written = 1
        self._durable = 0
        self._why: str | None = None

    @property
    def lost(self) -> str | None:
        """Why nothing can be made durable any more. For good: after a failed sync nobody knows what
        is on the disk, and the next one would succeed all the same."""
        return self._why

    def commit(self) -> int:
        """COMMIT; the number to `wait` for. Raises sqlite3.Error."""
        changed = self._connection.total_changes
        if changed != self._changed:
            self._changed = changed
            # Counted before others can see it, so that who reads it waits for it.
            self._begun += 1
        number = self._begun
        try:
            self._connection.execute("COMMIT")
        finally:
            self._written = number
        if self._file >= 0:  # if it is no longer the log, nothing is lost
            begin_to_sync(self._file)
        return number

    def has(self, number: int) -> bool:
        """Whether this commit is durable: one that changed nothing may have nothing to wait for."""
        return self._durable >= number

    def wait(self, number: int) -> None:
        """Return once this commit, and all before it, are durable. Raises StoreLost."""
        if self.has(number):
            return
        with self._syncing:
            self.check()
            if self._durable >= number:  # the sync that this one waited for
                return
            written = self._written
            try:
                sync_data(self._current())
            except OSError as error:
                self.lose(error)
            self._durable = written

    def wait_for_all(self) -> None:
        """Return once everything that could be read until now is durable. Raises StoreLost."""
        self.check()
        self.wait(self._begun)

    def check(self) -> None:
        """Raises StoreLost once a sync has failed."""
        if self._why is not None:
            raise StoreLost(self._why)

    def lose(self, error: Exception) -> NoReturn:
        """A sync has failed. Raises StoreLost."""
        if self._why is None:
            self._why = LOST.format(error=error)
            log.critical("%s", self._why)
        raise StoreLost(self._why) from error

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._inode = None

    def _current(self) -> int:
        """A descriptor of the log that is there now. SQLite's locks are on other files: closing this
        one lets none of them go."""
        found = os.stat(self._path)
        inode = (found.st_dev, found.st_ino)
        if inode != self._inode:
            self.close()
            self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            self._inode = inode
            _sync_folder(self._path.parent)
        return self._file


def _sync_folder(folder: Path) -> None:
    """That a new file is there is written in its folder."""
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
