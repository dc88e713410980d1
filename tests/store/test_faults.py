"""What is lost and what is not when processes die, disks fill and others hold the database."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.base import (
    DatabaseOutdated,
    ServerAlreadyRunning,
    Store,
    StoreBusy,
    StoreError,
)
from engine.store.sqlite_store import SqliteStore
from tests.store.support import NOW, Connector, project

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
    assert connector.by_hand("PRAGMA integrity_check") == [("ok",)]


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


def test_a_writer_elsewhere_makes_it_busy_but_can_be_read_beside(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.sqlite_store.BUSY_SECONDS", 0)
    store = connector.migrated(project())
    script = """
with store.transaction() as tx:
    tx.insert("order", {"amount": 1})
    say("writing")
say("done")
"""
    with another_process(connector, script) as process:
        assert heard(process) == "writing"
        with pytest.raises(StoreBusy, match="another process is writing"), store.transaction():
            pass
        assert amounts(store) == []
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert heard(process) == "done"
        with store.transaction() as tx:
            tx.insert("order", {"amount": 2})
    assert amounts(store) == [1, 2]


def test_a_second_server_is_refused_and_other_commands_are_not(connector: Connector) -> None:
    store = connector.migrated(project())
    with another_process(connector, 'store.claim_server(); say("serving")') as process:
        assert heard(process) == "serving"
        with pytest.raises(ServerAlreadyRunning, match=rf"process {process.pid}\b.*shop\.db"):
            store.claim_server()
        with store.transaction() as tx:
            tx.insert("order", {"amount": 1})
        assert amounts(store) == [1]
        process.kill()
        process.wait()
        store.claim_server()
    second = connector.open(project())
    with pytest.raises(ServerAlreadyRunning):
        second.claim_server()
    store.close()
    second.claim_server()


@pytest.fixture
def nearly_full(connector: Connector) -> SqliteStore:
    """A store whose disk has room for a few rows more."""
    store = connector.migrated(project())
    assert isinstance(store, SqliteStore)
    with store.transaction() as tx:
        tx.insert("order", {"amount": 0})
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages + 8}")
    return store


def fill(store: Store) -> None:
    with store.transaction() as tx:
        for amount in range(1, 10_000):
            with tx.savepoint():
                tx.insert("order", {"amount": amount, "note": "x" * 1000})


def test_a_full_disk_leaves_no_part_of_a_transaction(nearly_full: SqliteStore) -> None:
    with pytest.raises(StoreBusy, match="full"):
        fill(nearly_full)
    assert amounts(nearly_full) == [0]
    nearly_full.connection.execute("PRAGMA max_page_count = 100000")
    with nearly_full.transaction() as tx:
        tx.insert("order", {"amount": 1})
    assert amounts(nearly_full) == [0, 1]


def test_a_transaction_that_the_database_took_back_cannot_go_on_as_if_nothing_were(
    nearly_full: SqliteStore,
) -> None:
    """A writer that sets one event's error aside and takes the next must not commit by accident."""
    kept = go_on_after_errors(nearly_full)
    assert amounts(nearly_full) in ([0], [0, *kept])


def go_on_after_errors(store: SqliteStore) -> list[int]:
    kept = []
    with contextlib.suppress(StoreBusy), store.transaction() as tx:
        for amount in range(1, 400):
            with contextlib.suppress(StoreBusy), tx.savepoint():
                tx.insert("order", {"amount": amount, "note": "x" * (1000 if amount % 5 else 1)})
                kept.append(amount)
    return kept


def go_on_after_a_rollback(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        with contextlib.suppress(StoreError), tx.savepoint():
            # As SQLite does by itself on a full disk, an I/O error or lack of memory.
            tx.execute(
                'INSERT OR ROLLBACK INTO "order" (id, status, amount, created_at, updated_at) '
                "VALUES (1, 'new', 2, :now, :now)",
                {"now": NOW},
            )
        with pytest.raises(StoreBusy, match="rolled back as a whole"):
            tx.insert("order", {"amount": 3})


def test_an_automatic_rollback_ends_the_transaction(connector: Connector) -> None:
    store = connector.memory(project())
    assert isinstance(store, SqliteStore)
    with pytest.raises(StoreBusy, match="rolled back as a whole"):
        go_on_after_a_rollback(store)
    assert amounts(store) == []


def test_a_store_is_not_opened_where_there_is_none(connector: Connector) -> None:
    with pytest.raises(
        StoreError, match=r"no database at .*shop\.db; make it with `actionflow mig"
    ):
        connector.open(project())
    assert list(connector.folder.iterdir()) == []


def test_a_file_that_is_no_database_is_said_to_be_none(connector: Connector) -> None:
    (connector.folder / "shop.db").write_bytes(b"not a database at all, only some text" * 100)
    with pytest.raises(StoreError, match=r"shop\.db.*no database"):
        connector.open(project())


def test_an_empty_database_is_outdated(connector: Connector) -> None:
    (connector.folder / "shop.db").touch()
    with pytest.raises(DatabaseOutdated, match="actionflow migrate"):
        connector.open(project())


@pytest.mark.parametrize("url", ["postgresql://user:secret@host/db", "mysql://x", "shop.db"])
def test_another_kind_of_database_is_refused_without_showing_its_password(
    connector: Connector, url: str
) -> None:
    with pytest.raises(StoreError, match="sqlite:///") as refused:
        connector.open(project(database=url))
    assert "secret" not in str(refused.value)
