"""The library behind Python's sqlite3, told before it starts what it need not do."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import sys

MEMSTATUS = 9
"""SQLITE_CONFIG_MEMSTATUS (https://www.sqlite.org/c3ref/c_config_covering_index_scan.html)."""


def uncounted() -> bool:
    """Have SQLite keep no statistics of its memory, which nobody here reads: they cost two locks of a
    mutex for each piece it takes or gives back, some 3 % of an event's instructions.

    Only a library that has not started yet takes it, so this comes before the first `import sqlite3`
    of the process. Whether it was taken; where it was not, SQLite works as it does anyway.
    """
    # Elsewhere a C function of a varying number of arguments may want them in another place.
    found = importlib.util.find_spec("_sqlite3") if sys.platform == "linux" else None
    if found is None or found.origin is None or not found.has_location:
        return False
    with contextlib.suppress(OSError, AttributeError):  # linked in some other way: left alone
        # Loading the module's file does not start it; its symbols are those of the library it links.
        return int(ctypes.CDLL(found.origin).sqlite3_config(MEMSTATUS, 0)) == 0
    return False
