"""What SQLite is told before it starts; each case in a process of its own, since it starts but once."""

from __future__ import annotations

import subprocess
import sys

import pytest

USED = """
import ctypes, sqlite3, _sqlite3
connection = sqlite3.connect(":memory:")
connection.execute("CREATE TABLE bill (no TEXT)")
connection.executemany("INSERT INTO bill VALUES (?)", [("A" * 500,)] * 100)
print(connection.execute("SELECT count(*) FROM bill").fetchone()[0])
print(ctypes.CDLL(_sqlite3.__file__).sqlite3_memory_used())
"""
TOLD = "from engine.store.sqlite_library import uncounted\nprint(uncounted())\n"


def said(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere SQLite is left as it is")
def test_a_library_told_in_time_counts_no_memory() -> None:
    assert said(TOLD + USED) == ["True", "100", "0"]
    rows, used = said(USED)
    assert (rows, int(used) > 50_000) == ("100", True)


def test_one_that_has_started_goes_on_as_it_is() -> None:
    told, rows, used = said("import sqlite3\n" + TOLD + USED)
    assert (told, rows, int(used) > 50_000) == ("False", "100", True)


def test_a_server_is_in_time() -> None:
    """Neither the command line nor the command itself loads SQLite before `serve` has told it."""
    program = """
import sys
from engine.cli import main, serve
from engine.store import sqlite_library
def told():
    print("sqlite3" in sys.modules)
    raise SystemExit
sqlite_library.uncounted = told
main.main(["serve", "--port", "0"])
"""
    assert said(program) == ["False"]
