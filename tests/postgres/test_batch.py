"""What a batch reads at once it knows, also after a rollback; and it never outlives the truth."""

from __future__ import annotations

import contextlib
import threading

import pytest

from engine.store import inbox
from engine.store.again import committed
from engine.store.base import Store, StoreConflict, Transaction, UniqueViolation
from engine.store.postgres_link import Link
from engine.store.postgres_tx import PostgresTransaction
from tests.store.support import ORDER, PostgresConnector, project, table
from tests.store.support import column as a_column

ITEM = table(
    "item",
    a_column("id", "integer"),
    a_column("code", "text", nullable=True, unique=True),
    a_column("belongs_to", "reference", references="order", nullable=True),
)
FILE = project(ORDER, ITEM)
ODD = ['a"b', "a\\b", "a,b", "{}", " a ", "NULL", "", "ä€😀", "a'b", "a\nb"]


class TakenBack(Exception):
    """Ends a savepoint without a trace."""


@pytest.fixture
def store(database: PostgresConnector) -> Store:
    return database.migrated(FILE)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements whose answers were waited for."""
    found: list[str] = []
    ask = Link.ask

    def asked(link: Link, sql: str, values: object = ()) -> object:
        found.append(sql)
        return ask(link, sql, values)  # type: ignore[arg-type]

    monkeypatch.setattr(Link, "ask", asked)
    return found


def expecting(tx: Transaction, codes: list[str]) -> PostgresTransaction:
    assert isinstance(tx, PostgresTransaction)
    tx.expect("item", "code", codes)
    return tx


def codes(store: Store) -> list[str]:
    with store.reader() as tx:
        return sorted(row["code"] for row in tx.find("item", {}))


def test_a_batch_waits_no_oftener_for_many_events_than_for_few(
    store: Store, waits: list[str]
) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
    waits.clear()
    wanted = [f"c{number}" for number in range(40)]
    with store.transaction() as tx:
        expecting(tx, wanted).expect("order", "id", [1])
        for code in wanted:
            with tx.savepoint():
                assert tx.find("item", {"code": code}, limit=1, lock=True) == []
                made = tx.insert("item", {"code": code, "belongs_to": 1})
                assert tx.find("item", {"code": [code]}) == [made]
                assert tx.get("item", made["id"]) == made
                order = tx.get("order", 1)
                assert order is not None
                tx.update("order", {"id": 1}, {"amount": order["amount"] + 1})
    assert len(waits) == 3, "the items, the order, and the numbers of the new items"
    assert codes(store) == sorted(wanted)
    with store.reader() as tx:
        assert tx.find("order", {})[0]["amount"] == 41


@pytest.mark.parametrize("ahead", [True, False])
def test_a_rollback_takes_back_what_was_known(store: Store, ahead: bool) -> None:
    with store.transaction() as tx:
        if ahead:
            expecting(tx, ["a", "b"])
        with contextlib.suppress(TakenBack), tx.savepoint():
            tx.insert("item", {"code": "a"})
            assert len(tx.find("item", {"code": "a"})) == 1
            raise TakenBack
        assert tx.find("item", {"code": "a"}) == []
        kept = tx.insert("item", {"code": "a"})
        with contextlib.suppress(TakenBack), tx.savepoint():
            tx.update("item", {"id": kept["id"]}, {"code": "b"})
            assert tx.find("item", {"code": "a"}) == []
            assert len(tx.find("item", {"code": "b"})) == 1
            tx.delete("item", {"code": "b"})
            assert tx.find("item", {"code": ["a", "b"]}) == []
            raise TakenBack
        assert tx.find("item", {"code": ["b", "a"]}) == [kept]
    assert codes(store) == ["a"]


def test_a_row_that_another_made_meanwhile_has_all_of_it_run_again(store: Store) -> None:
    runs = 0

    def work(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        expecting(tx, ["a"])
        if runs == 1:
            other(store)
        if not tx.find("item", {"code": "a"}):
            tx.insert("item", {"code": "a"})

    committed(store, work)
    assert (runs, codes(store)) == (2, ["a"])


def other(store: Store) -> None:
    """What another server commits in between."""

    def insert() -> None:
        with store.transaction() as tx:
            tx.insert("item", {"code": "a"})

    thread = threading.Thread(target=insert)
    thread.start()
    thread.join()


def test_a_clash_that_is_told_at_once_ends_what_was_known(store: Store) -> None:
    with store.transaction(careful=True) as tx:
        expecting(tx, ["a"])
        other(store)
        with pytest.raises(UniqueViolation), tx.savepoint():
            tx.insert("item", {"code": "a"})
        assert len(tx.find("item", {"code": "a"})) == 1


def test_what_was_sent_ahead_and_clashes_is_a_conflict(store: Store) -> None:
    def clash() -> None:
        with store.transaction() as tx:
            expecting(tx, ["a"])
            other(store)
            tx.insert("item", {"code": "a"})

    with pytest.raises(StoreConflict):
        clash()
    assert codes(store) == ["a"]


def test_values_that_arrays_must_quote(store: Store) -> None:
    with store.transaction() as tx:
        for code in ODD:
            tx.insert("item", {"code": code})
    with store.transaction() as tx:
        expecting(tx, ODD)
        for code in ODD:
            assert [row["code"] for row in tx.find("item", {"code": code})] == [code]


@pytest.mark.parametrize("events", [1, 2, 7, 8, 33, 43])
def test_many_rows_of_the_engine_are_kept_whole(store: Store, events: int) -> None:
    kept = [
        {
            "id": f"evt_{number}",
            "type": "t",
            "created": "2026-01-01T00:00:00Z",
            "api_version": None,
            "livemode": bool(number % 2),
            "subject": f"pi_{number}" if number % 3 else None,
            "payload": f"{{}} :id {number}",
            "received_at": "2026-01-01T00:00:00Z",
            "flow": "f",
        }
        for number in range(events)
    ]
    with store.transaction() as tx:
        inbox.receive_done(tx, kept)
    with store.reader() as tx:
        for one in kept:
            row = inbox.show(tx, str(one["id"]))
            assert row is not None
            assert (row.livemode, row.subject, row.payload, row.state) == (
                one["livemode"],
                one["subject"],
                one["payload"],
                "done",
            )
