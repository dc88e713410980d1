"""A lock file that one process holds while it lives; the system lets go of it when it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from engine.store.base import ServerAlreadyRunning


class FileLock:
    """An exclusive lock on a file of its own (never on a database file: SQLite locks those)."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def taken(cls, path: Path, what: str) -> FileLock:
        """Take the lock. Raises ServerAlreadyRunning, naming the process that holds it."""
        file = open(path, "a+b")  # noqa: SIM115 - held open as long as the lock
        if not _lock(file):
            file.seek(0)
            holder = file.read(20).decode("ascii", "replace").strip() or "unknown"
            file.close()
            raise ServerAlreadyRunning(
                f"Another server (process {holder}) already serves {what}. Stop that one first, or "
                "use a PostgreSQL database for several."
            )
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        return cls(file)

    def release(self) -> None:
        """Let go; closing the file does it."""
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    FAR = 2**30  # a byte past the process id, which others must be able to read

    def _lock(file: IO[bytes]) -> bool:
        file.seek(FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
