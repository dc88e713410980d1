"""A server on SQLite: a commit is told of after a sync of the log that began behind it, never before."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store.base import CommitUnknown, StoreLost
from engine.store.sqlite_checkpoint import move
from engine.store.sqlite_store import SqliteStore
from engine.store.sqlite_sync import LogSync
from tests.store.disk import Disk
from tests.store.support import SqliteConnector, project
from tests.store.test_faults import amounts, another_process, heard

AMOUNTS = 'SELECT amount FROM "order" ORDER BY id'


@contextlib.contextmanager
def serving(connector: SqliteConnector) -> Iterator[tuple[SqliteStore, Disk]]:
    """A server's store whose log is moved into the database by the test alone, and its disk."""
    store = connector.migrated(project())
    assert isinstance(store, SqliteStore)
    assert store.path is not None
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(store.path)
        patch.setattr("engine.store.sqlite_sync.sync_data", disk.sync)
        store.claim_server()
        assert store.checkpointer is not None
        store.checkpointer.stop()
        disk.syncs = 0
        yield store, disk
        store.close()
        disk.close()


@pytest.fixture
def served(sqlite: SqliteConnector) -> Iterator[tuple[SqliteStore, Disk]]:
    with serving(sqlite) as both:
        yield both


def fail() -> None:
    raise OSError(5, "Input/output error")


def other(store: SqliteStore) -> sqlite3.Connection:
    """Another connection to its database."""
    assert store.path is not None
    return sqlite3.connect(store.path, isolation_level=None)


def insert(store: SqliteStore, amount: int) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": amount})


def test_those_who_watch_and_listen_are_told_after_the_sync(
    served: tuple[SqliteStore, Disk],
) -> None:
    store, disk = served
    told: list[str] = []
    told_by_then: list[list[str]] = []
    store.watch(lambda: told.append("watching"))
    store.listen("channel", told.append)
    disk.before = lambda: told_by_then.append(list(told))
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        tx.notify("channel", "listening")
    assert told_by_then == [[]]
    assert told == ["watching", "listening"]
    assert disk.after_power_loss(AMOUNTS) == [(1,)]


def test_transactions_that_go_ahead_share_one_sync(served: tuple[SqliteStore, Disk]) -> None:
    store, disk = served
    told: list[str] = []
    store.watch(lambda: told.append("told"))
    pending = []
    for amount in (1, 2, 3):
        with store.transaction(ahead=True) as tx:
            tx.insert("order", {"amount": amount})
        pending.append(tx.pending)
    assert (disk.syncs, told) == (0, [])
    for number, settle in enumerate(pending, 1):
        assert settle is not None
        settle()
        assert (disk.syncs, told) == (1, ["told"] * number)
    assert disk.after_power_loss(AMOUNTS) == [(1,), (2,), (3,)]


def test_a_commit_beside_a_sync_waits_for_the_next_one(served: tuple[SqliteStore, Disk]) -> None:
    store, disk = served
    beside = []

    def commit_another() -> None:
        disk.before = lambda: None
        with store.transaction(ahead=True) as tx:
            tx.insert("order", {"amount": 2})
        beside.append(tx.pending)

    disk.before = commit_another
    insert(store, 1)
    assert disk.after_power_loss(AMOUNTS) == [(1,)]
    [settle] = beside
    assert settle is not None
    settle()
    assert disk.after_power_loss(AMOUNTS) == [(1,), (2,)]


def test_nothing_is_told_of_what_the_disk_did_not_take(
    served: tuple[SqliteStore, Disk], caplog: pytest.LogCaptureFixture
) -> None:
    store, disk = served
    told: list[str] = []
    store.watch(lambda: told.append("told"))
    with store.transaction(ahead=True) as ahead:
        ahead.insert("order", {"amount": 1})
    disk.before = fail
    with (
        caplog.at_level(logging.CRITICAL),
        pytest.raises(CommitUnknown, match="Look at the disk, then restart"),
    ):
        insert(store, 2)
    assert "Input/output error" in caplog.text
    disk.before = lambda: None  # a later sync would succeed, having nothing to do
    assert ahead.pending is not None
    with pytest.raises(StoreLost):
        ahead.pending()
    with pytest.raises(StoreLost), store.transaction():
        pass
    with pytest.raises(StoreLost), store.reader() as tx:
        tx.find("order", {})
    with pytest.raises(StoreLost):
        store.snapshot()
    assert (told, disk.syncs) == ([], 0)
    assert store.lost is not None
    assert "restart the server" in store.lost


def test_who_reads_waits_until_what_he_saw_is_safe(served: tuple[SqliteStore, Disk]) -> None:
    store, disk = served
    with store.transaction(ahead=True) as tx:
        tx.insert("order", {"amount": 1})
    assert amounts(store) == [1]
    assert disk.after_power_loss(AMOUNTS) == [(1,)]
    assert amounts(store) == [1]
    assert disk.syncs == 1  # nothing was new


def test_who_writes_nothing_waits_for_what_he_may_have_read(
    served: tuple[SqliteStore, Disk],
) -> None:
    store, disk = served
    with store.transaction(ahead=True) as tx:
        tx.insert("order", {"amount": 1})
    with store.transaction(ahead=True) as looking:
        assert looking.find("order", {"amount": 1})
    assert looking.pending is not None
    looking.pending()
    assert disk.after_power_loss(AMOUNTS) == [(1,)]
    with store.transaction():
        pass
    assert disk.syncs == 1


def test_what_a_killed_server_left_is_safe_before_the_next_one_serves(
    sqlite: SqliteConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.migrated(project())
    script = """
store.claim_server()
with store.transaction(ahead=True) as tx:
    tx.insert("order", {"amount": 1})
say("committed")
"""
    with another_process(sqlite, script) as process:
        assert heard(process) == "committed"
        process.kill()
    synced: list[int] = []
    monkeypatch.setattr("engine.store.sqlite_sync.sync_data", synced.append)
    store.claim_server()
    assert len(synced) == 1
    with contextlib.closing(
        sqlite3.connect(f"file:{sqlite.folder}/shop.db?immutable=1", uri=True)
    ) as file:
        assert file.execute(AMOUNTS).fetchall() == [(1,)]  # without the log


def test_a_server_starts_beside_somebody_who_reads_for_ever(sqlite: SqliteConnector) -> None:
    """As Litestream does; only at its start the server does not wait long for others."""
    store = sqlite.migrated(project())
    assert isinstance(store, SqliteStore)
    insert(store, 1)
    with contextlib.closing(other(store)) as reading:
        reading.execute("BEGIN")
        assert reading.execute(AMOUNTS).fetchall() == [(1,)]
        insert(store, 2)
        assert store.claim_server()
        assert store.connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)
        insert(store, 3)
        assert amounts(store) == [1, 2, 3]


def test_a_checkpoint_that_cannot_sync_loses_the_store(
    served: tuple[SqliteStore, Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = served
    assert store.checkpointer is not None

    def no_sync(_connection: sqlite3.Connection) -> tuple[int, int]:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    monkeypatch.setattr("engine.store.sqlite_checkpoint.move", no_sync)
    insert(store, 1)
    with contextlib.closing(other(store)) as one, pytest.raises(StoreLost):
        store.checkpointer.look(store.connection, one)
    with pytest.raises(StoreLost), store.transaction():
        pass
    with pytest.raises(StoreLost):
        amounts(store)


def test_a_database_that_cannot_be_synced_loses_the_store(
    served: tuple[SqliteStore, Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = served
    assert store.path is not None
    assert store.checkpointer is not None
    asked = []

    def no_sync(file: int) -> None:
        asked.append(os.fstat(file).st_ino)
        fail()

    monkeypatch.setattr("engine.store.sqlite_checkpoint.sync_data", no_sync)
    insert(store, 1)
    with (
        contextlib.closing(other(store)) as moving,
        contextlib.closing(other(store)) as reading,
        pytest.raises(StoreLost),
    ):
        store.checkpointer.look(moving, reading)
    assert asked == [store.path.stat().st_ino]
    with pytest.raises(StoreLost):
        insert(store, 2)


def test_a_long_log_is_begun_anew_and_a_short_one_is_not(
    served: tuple[SqliteStore, Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, disk = served
    assert store.path is not None
    monkeypatch.setattr("engine.store.sqlite_checkpoint.LONG", 100)
    monkeypatch.setattr("engine.store.sqlite_checkpoint.MANY", 1)
    log = store.path.with_name("shop.db-wal")
    checkpointer = store.checkpointer
    assert checkpointer is not None
    salts = b""
    ends = []
    pages = 0
    with contextlib.closing(other(store)) as moving, contextlib.closing(other(store)) as reading:
        for amount in range(300):
            insert(store, amount)
            with log.open("rb") as file:
                found = file.read(32)[16:24]  # new with each log
            if found != salts:
                ends.append(pages)
                salts = found
            checkpointer.look(moving, reading)
            pages = move(moving)[0]
        checkpointer.look(moving, reading)
        assert not reading.in_transaction  # nothing new: others may begin the log anew
    long = [
        end for end in ends if end > 8
    ]  # with nobody beside, the one after it is begun anew too
    assert len(long) > 3
    assert len(ends) <= 2 * len(long) + 1
    assert all(100 <= end <= 120 for end in long)
    assert disk.after_power_loss(AMOUNTS) == [(amount,) for amount in range(300)]
    assert log.stat().st_size < 150 * 4200


@pytest.mark.parametrize("all_was_moved", [False, True], ids=["some was", "all was"])
def test_a_log_is_never_begun_anew_while_it_is_moved(
    served: tuple[SqliteStore, Disk], monkeypatch: pytest.MonkeyPatch, all_was_moved: bool
) -> None:
    """SQLite before 3.51.3 would take frames of the new log for moved ones (its WAL-reset bug).

    A transaction that reads the log forbids the one, one that has no need of it forbids the other.
    """
    store, _ = served
    assert store.path is not None
    assert store.checkpointer is not None
    log = store.path.with_name("shop.db-wal")
    found = []

    def moving_while_written(connection: sqlite3.Connection) -> tuple[int, int]:
        before = log.read_bytes()[16:24]
        insert(store, 2)
        pages, left = move(connection)
        found.append((log.read_bytes()[16:24] != before, pages - left > 0))
        return pages, left

    monkeypatch.setattr("engine.store.sqlite_checkpoint.move", moving_while_written)
    insert(store, 1)
    if all_was_moved:  # by another process: Litestream does
        with contextlib.closing(other(store)) as another:
            assert move(another)[1] == 0
    with contextlib.closing(other(store)) as moving, contextlib.closing(other(store)) as reading:
        store.checkpointer.look(moving, reading)
    begun_anew, something_moved = found.pop()
    assert (begun_anew, something_moved) == (all_was_moved, not all_was_moved)
    assert amounts(store) == [1, 2]


def test_a_log_that_was_replaced_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(
        "engine.store.sqlite_sync.sync_data", lambda file: synced.append(os.fstat(file).st_ino)
    )
    log = tmp_path / "shop.db-wal"
    log.write_bytes(b"one")
    one = log.stat().st_ino
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        sync = LogSync(connection, tmp_path / "shop.db")
        sync.wait_for_all()
        (tmp_path / "another").write_bytes(b"two")
        (tmp_path / "another").replace(log)
        connection.execute("CREATE TABLE t (x)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        sync.wait(sync.commit())
        assert synced == [one, log.stat().st_ino]
        log.unlink()
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(StoreLost, match="No such file"):
            sync.wait(sync.commit())
        sync.close()


STEPS = st.lists(
    st.sampled_from(["ahead", "ahead", "settle", "write", "read", "move", "restart", "nothing"]),
    max_size=30,
)


@settings(max_examples=40)
@given(STEPS)
def test_whatever_was_told_outlives_a_loss_of_power(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        connector = SqliteConnector(Path(folder))
        with serving(connector) as (store, disk):
            waiting: list[tuple[int, object]] = []
            told: set[int] = set()
            for number, step in enumerate(steps):
                if step == "ahead":
                    with store.transaction(ahead=True) as tx:
                        tx.insert("order", {"amount": number, "note": "x" * 3000})
                    waiting.append((number, tx.pending))
                elif step == "settle" and waiting:
                    amount, settle = waiting.pop(0)
                    assert callable(settle)
                    settle()
                    told.add(amount)
                elif step == "write":
                    insert(store, number)
                    told.add(number)
                elif step == "read":
                    told.update(amounts(store))
                elif step == "move":
                    move(store.connection)
                elif step == "restart":  # the next commit writes over what is in the log
                    store.connection.execute("PRAGMA wal_checkpoint(RESTART)")
                elif step == "nothing":
                    with store.transaction():
                        pass
                assert told <= {amount for (amount,) in disk.after_power_loss(AMOUNTS)}
        connector.close()
