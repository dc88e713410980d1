"""What only SQLite has: a file, one writer, one server process, tables that are copied to be changed."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import replace

import pytest

from engine.store import migrate
from engine.store.base import (
    DatabaseOutdated,
    MigrationRefused,
    ServerAlreadyRunning,
    Store,
    StoreBusy,
    StoreError,
    UniqueViolation,
)
from engine.store.sqlite_checkpoint import move
from engine.store.sqlite_store import SqliteStore
from tests.store.support import NOW, ORDER, SqliteConnector, column, project
from tests.store.test_faults import amounts, another_process, heard
from tests.store.test_migrate import STATUS, go, refused, rows, start, with_columns


def test_a_writer_elsewhere_makes_it_busy_but_can_be_read_beside(
    sqlite: SqliteConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.sqlite_connect.BUSY_SECONDS", 0)
    store = sqlite.migrated(project())
    script = """
with store.transaction() as tx:
    tx.insert("order", {"amount": 1})
    say("writing")
say("done")
"""
    with another_process(sqlite, script) as process:
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


def test_a_second_server_is_refused_and_other_commands_are_not(sqlite: SqliteConnector) -> None:
    store = sqlite.migrated(project())
    with another_process(sqlite, 'store.claim_server(); say("serving")') as process:
        assert heard(process) == "serving"
        with pytest.raises(ServerAlreadyRunning, match=rf"process {process.pid}\b.*shop\.db"):
            store.claim_server()
        with store.transaction() as tx:
            tx.insert("order", {"amount": 1})
        assert amounts(store) == [1]
        process.kill()
        process.wait()
        store.claim_server()
    second = sqlite.open(project())
    with pytest.raises(ServerAlreadyRunning):
        second.claim_server()
    store.close()
    second.claim_server()


@pytest.fixture
def nearly_full(sqlite: SqliteConnector) -> SqliteStore:
    """A store whose disk has room for a few rows more."""
    store = sqlite.migrated(project())
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


def test_an_automatic_rollback_ends_the_transaction(sqlite: SqliteConnector) -> None:
    store = sqlite.memory(project())
    assert isinstance(store, SqliteStore)
    with pytest.raises(StoreBusy, match="rolled back as a whole"):
        go_on_after_a_rollback(store)
    assert amounts(store) == []


def test_a_store_is_not_opened_where_there_is_none(sqlite: SqliteConnector) -> None:
    with pytest.raises(
        StoreError, match=r"no database at .*shop\.db; make it with `actionflow mig"
    ):
        sqlite.open(project())
    assert list(sqlite.folder.iterdir()) == []


def test_a_file_that_is_no_database_is_said_to_be_none(sqlite: SqliteConnector) -> None:
    (sqlite.folder / "shop.db").write_bytes(b"not a database at all, only some text" * 100)
    with pytest.raises(StoreError, match=r"shop\.db.*no database"):
        sqlite.open(project())


def test_an_empty_database_is_outdated(sqlite: SqliteConnector) -> None:
    (sqlite.folder / "shop.db").touch()
    with pytest.raises(DatabaseOutdated, match="actionflow migrate"):
        sqlite.open(project())


def test_a_plan_makes_no_file(sqlite: SqliteConnector) -> None:
    steps = sqlite.plan(project())
    assert any("CREATE TABLE" in step.sql for step in steps)
    assert steps[-1].sentence.startswith("Binds the order table 'order'")
    assert list(sqlite.folder.iterdir()) == []


def test_a_folder_that_is_not_there_yet_is_made(sqlite: SqliteConnector) -> None:
    migrate.apply(project(ORDER, database="sqlite:///deep/down/shop.db"), sqlite.folder)
    assert (sqlite.folder / "deep/down/shop.db").exists()


EXISTING = """
    CREATE TABLE "order" (id INTEGER PRIMARY KEY, status TEXT NOT NULL, amount INTEGER NOT NULL,
        paid INTEGER NOT NULL DEFAULT 0, at TEXT, data TEXT, extra REAL)
"""
EXISTING_TABLE = with_columns(
    column("paid", "boolean", default=False),
    column("at", "timestamp", nullable=True),
    column("data", "json", nullable=True),
)


def test_a_table_that_was_there_before_is_taken_over(sqlite: SqliteConnector) -> None:
    sqlite.by_hand(EXISTING)
    sqlite.by_hand(
        "INSERT INTO \"order\" VALUES (1, 'new', 5, 1, '2026-01-01T00:00:00Z', '{\"a\": 1}', 0.5)"
    )
    steps = go(sqlite, EXISTING_TABLE)
    assert any("'order.extra' is not in the project file" in step.sentence for step in steps)
    assert rows(sqlite, project(EXISTING_TABLE)) == [
        {
            "id": 1,
            "status": "new",
            "amount": 5,
            "paid": True,
            "at": "2026-01-01T00:00:00Z",
            "data": {"a": 1},
        }
    ]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("1, 'new', 5.5, 0, NULL, NULL, NULL", "order.amount: row 1 (int) holds 5.5 (float)"),
        ("1, 'new', -5, 0, NULL, NULL, NULL", "order.amount: row 1 (int) holds -5 (int)"),
        ("1, 'new', 5, 2, NULL, NULL, NULL", "order.paid: row 1 (int) holds 2 (int), expected 0 "),
        ("1, 'new', 5, 0, '2026-01-01', NULL, NULL", "order.at: row 1 (int) holds '2026-01-01'"),
        (
            "1, 'new', 5, 0, '2026-01-01T01:00:00+01:00', NULL, NULL",
            "expected it as '2026-01-01T00:00:00Z'",
        ),
        ("1, 'new', 5, 0, NULL, '{', NULL", "order.data: row 1 (int) holds '{' (str)"),
    ],
)
def test_rows_that_would_be_misread_stop_the_taking_over(
    sqlite: SqliteConnector, values: str, reason: str
) -> None:
    sqlite.by_hand(EXISTING)
    sqlite.by_hand(f'INSERT INTO "order" VALUES ({values})')
    with pytest.raises(MigrationRefused) as found:
        sqlite.apply(project(EXISTING_TABLE))
    assert reason in str(found.value)
    assert sqlite.by_hand("SELECT name FROM sqlite_master") == [("order",)]


def test_triggers_are_not_lost_silently(sqlite: SqliteConnector) -> None:
    start(sqlite)
    sqlite.by_hand('CREATE TRIGGER loud AFTER UPDATE ON "order" BEGIN SELECT RAISE(IGNORE); END')
    reason = refused(sqlite, with_columns(replace(STATUS, nullable=True)))
    assert "triggers (loud) would be lost" in reason


def test_a_servers_log_is_moved_into_the_database_beside_the_writer(
    sqlite: SqliteConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = threading.Event()

    def telling(connection: sqlite3.Connection) -> tuple[int, int]:
        pages, left = move(connection)
        if left == 0:
            moved.set()
        return pages, left

    monkeypatch.setattr("engine.store.sqlite_checkpoint.move", telling)
    monkeypatch.setattr("engine.store.sqlite_checkpoint.EVERY", 0.01)
    store = sqlite.migrated(project())
    assert isinstance(store, SqliteStore)
    store.claim_server()
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
    assert moved.wait(30)
    with store.transaction() as tx:  # the writer goes on meanwhile
        tx.insert("order", {"amount": 2})
    assert amounts(store) == [1, 2]
    store.close()
    assert not [one for one in threading.enumerate() if one.name == "actionflow-checkpoint"]


SPARSE = ("charge_id", "transaction_id", "checkout_session_id", "invoice_id")


def test_payments_without_an_id_are_in_no_index_of_it(sqlite: SqliteConnector) -> None:
    store = sqlite.migrated(project())
    with store.transaction() as tx, tx.system_writes():
        order = tx.insert("order", {"amount": 1})["id"]
        row = {"order_id": order, "amount": 1, "currency": "usd"}
        tx.insert("payment", row)
        tx.insert("payment", {**row, "transaction_id": "pi_1"})
        with pytest.raises(UniqueViolation, match=r"payment\.transaction_id: a row with 'pi_1'"):
            tx.insert("payment", {**row, "transaction_id": "pi_1"})
    for column_name in SPARSE:
        for asked in ("= 'x'", "IN ('x', 'y')"):
            plan = sqlite.plan_of(f"SELECT id FROM payment WHERE {column_name} {asked}")
            assert "INDEX" in plan, plan
    made = sqlite.by_hand(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'payment' AND type = 'index'"
    )
    assert sum("IS NOT NULL" in sql for (sql,) in made) == len(SPARSE) + 1  # recurring_payment_id
    assert sum("IS NOT NULL" not in sql for (sql,) in made) == 1  # order_id


def test_a_database_whose_indexes_hold_null_stays_as_it_is(sqlite: SqliteConnector) -> None:
    file = project()
    sqlite.migrated(file)
    for name in ("uniq_payment__transaction_id", "idx_payment__charge_id"):
        [(sql,)] = sqlite.by_hand(f"SELECT sql FROM sqlite_master WHERE name = '{name}'")
        sqlite.by_hand(f"DROP INDEX {name}")
        sqlite.by_hand(sql.partition(" WHERE ")[0])
    assert sqlite.plan(file) == []
    store = sqlite.open(file)
    with store.transaction() as tx, tx.system_writes():
        order = tx.insert("order", {"amount": 1})["id"]
        row = {"order_id": order, "amount": 1, "currency": "usd", "transaction_id": "pi_1"}
        tx.insert("payment", row)
        with pytest.raises(UniqueViolation, match=r"payment\.transaction_id"):
            tx.insert("payment", row)
