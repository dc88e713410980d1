"""What is lost and what is not when processes die, disks fill and others hold the database."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.store.base import (
    Store,
)
from tests.store.support import Connector, project

ROOT = Path(__file__).resolve().parents[2]
OTHER = """
import sys
from pathlib import Path
from tests.store.support import CONNECTORS, project
connector = CONNECTORS[sys.argv[1]](Path(sys.argv[2]))
store = connector.open(project())

def say(word):
    print(word, flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def another_process(connector: Connector, script: str) -> Iterator[subprocess.Popen[str]]:
    """A second process on the same database; `say(word)` there waits until it is let go."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER + script, connector.name, str(connector.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def amounts(store: Store) -> list[int]:
    with store.reader() as tx:
        return [row["amount"] for row in tx.find("order", {})]


def test_a_process_killed_in_a_transaction_leaves_nothing_of_it(connector: Connector) -> None:
    store = connector.migrated(project())
    script = """
with store.transaction() as tx:
    tx.insert("order", {"amount": 1})
with store.transaction() as tx:
    for _ in range(2000):  # more than one page of the log
        tx.insert("order", {"amount": 2, "note": "x" * 500})
    say("written")
"""
    with another_process(connector, script) as process:
        assert heard(process) == "written"
        process.kill()
    assert amounts(store) == [1]
    with store.transaction() as tx:
        tx.insert("order", {"amount": 3})
    assert amounts(store) == [1, 3]
    assert connector.sound()


def test_a_process_killed_after_its_transaction_loses_nothing(connector: Connector) -> None:
    store = connector.migrated(project())
    script = """
for amount in range(20):
    with store.transaction() as tx:
        tx.insert("order", {"amount": amount})
say("committed")
"""
    with another_process(connector, script) as process:
        assert heard(process) == "committed"
        process.kill()
    assert amounts(store) == list(range(20))
