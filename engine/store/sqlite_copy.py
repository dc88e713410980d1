"""The online backup of an SQLite file."""

from __future__ import annotations

import os
import pathlib
import sqlite3

from engine.store.base import StoreError
from engine.store.sqlite_errors import translated


def copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy a database that may be in use: one moment of it, checked, and on the disk.

    A reader's snapshot is copied in one step: the writer goes on meanwhile, and nothing is begun
    anew when it commits. Raises StoreError.
    """
    if not source.exists():
        raise StoreError(f"There is no database at {source}; make it with `actionflow migrate`.")
    target.unlink(missing_ok=True)
    try:
        here = sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)
        there = sqlite3.connect(target)
        try:
            here.backup(there)
            # One file, without a log beside it, so that it can be moved about.
            there.execute("PRAGMA journal_mode = DELETE")
            [(said,)] = there.execute("PRAGMA quick_check(1)").fetchall()
        finally:
            there.close()
            here.close()
    except sqlite3.Error as error:
        raise translated(error) from error
    if said != "ok":
        raise StoreError(f"The copy of {source} is damaged: {said}. Look at the disk.")
    with open(target, "rb") as file:
        os.fsync(file.fileno())
