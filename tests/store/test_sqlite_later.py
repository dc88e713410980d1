"""Writes that wait: what is read, kept and refused must be as if each were sent at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import Row
from engine.store.again import committed
from engine.store.base import ConstraintViolation, StoreError, Transaction, UniqueViolation
from engine.store.sqlite_store import SqliteStore
from tests.store.support import SqliteConnector, project, undone

NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(1, 4)
STEPS = st.recursive(
    st.one_of(
        st.tuples(st.just("order"), NAMES | st.none()),
        st.tuples(st.just("numbered"), NUMBERS),
        st.tuples(st.just("pay"), NUMBERS, NAMES),
        st.tuples(st.just("rename"), NUMBERS, NAMES),
        st.tuples(st.just("amount"), NUMBERS, NUMBERS),
        st.tuples(st.just("note"), NUMBERS, NAMES),
        st.tuples(st.just("amount of"), NAMES, NUMBERS),
        st.tuples(st.just("delete"), NUMBERS),
        st.tuples(st.just("look"), NAMES),
        st.tuples(st.just("list")),
        st.tuples(st.just("expect"), st.lists(NAMES, max_size=3), st.lists(NUMBERS, max_size=3)),
    ),
    lambda inner: st.tuples(st.just("savepoint"), st.booleans(), st.lists(inner, max_size=5)),
    max_leaves=20,
)


class Undone(Exception):
    """A savepoint that was meant to fail."""


class Play:
    """Runs steps in one transaction and keeps what each of them saw."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.saw: list[Any] = []

    def run(self, step: tuple[Any, ...]) -> None:
        if step[0] == "savepoint":
            _, fails, inner = step
            with contextlib.suppress(Undone), self.tx.savepoint():
                for one in inner:
                    self.run(one)
                if fails:
                    raise Undone
            return
        try:
            with self.tx.savepoint():
                self.saw.append(self.do(*step))
        except StoreError as error:
            self.saw.append(type(error).__name__)

    def do(self, what: str, *args: Any) -> Any:
        tx = self.tx
        match what, args:
            case "order", (name,):
                return tx.insert("order", {"amount": 1, "reference": name})
            case "numbered", (number,):
                return tx.insert("order", {"id": number, "amount": 1})
            case "pay", (order, name):
                row = {"order_id": order, "amount": 1, "currency": "usd", "transaction_id": name}
                with tx.system_writes():
                    return tx.insert("payment", row)
            case "rename", (order, name):
                return changed(tx, {"id": order}, {"reference": name})
            case "amount", (order, amount):
                return changed(tx, {"id": order}, {"amount": amount})
            case "note", (order, note):
                return changed(tx, {"id": order}, {"note": note, "amount": 7})
            case "amount of", (name, amount):
                return changed(tx, {"reference": name}, {"amount": amount})
            case "delete", (order,):
                return [change.before for change in tx.delete("order", {"id": order})]
            case "look", (name,):
                both = {"transaction_id": [name, "a"]}
                return tx.find("order", {"reference": name}), tx.find("payment", both)
            case "list", ():
                return everything(tx)
            case "expect", (names, numbers):
                tx.expect("order", "reference", names)
                tx.expect("payment", "transaction_id", names)
                return tx.expect("order", "id", numbers)
        raise AssertionError(what)


def changed(tx: Transaction, where: Row, values: Row) -> list[Row | None]:
    return [change.after for change in tx.update("order", where, values)]


def everything(tx: Transaction) -> tuple[list[Row], list[Row]]:
    return tx.find("order", {}), tx.find("payment", {})


@contextlib.contextmanager
def careful(store: SqliteStore) -> Iterator[Transaction]:
    """A transaction that is undone, in which nothing waits."""
    with contextlib.suppress(Undone), store.transaction(careful=True) as tx:
        yield tx
        raise Undone


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    connector = SqliteConnector(tmp_path_factory.mktemp("later"))
    store = connector.memory(project())
    assert isinstance(store, SqliteStore)
    yield store
    store.close()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, max_size=12))
def test_nothing_tells_that_writes_wait(shop: SqliteStore, steps: list[tuple[Any, ...]]) -> None:
    seen = []
    for begin in (undone, careful):
        with begin(shop) as tx:
            play = Play(tx)
            for step in steps:
                play.run(step)
            seen.append((play.saw, list(tx.changes), everything(tx)))
    assert seen[0] == seen[1]


def statements(store: SqliteStore, count: int) -> list[str]:
    """What the database is asked when so many payments are settled in one transaction."""
    with store.transaction() as tx:
        for number in range(count):
            tx.insert("order", {"id": number + 1, "amount": 1})
    ran: list[str] = []
    store.connection.set_trace_callback(ran.append)
    with store.transaction() as tx, tx.system_writes():
        tx.expect("order", "id", range(1, count + 1))
        tx.expect("payment", "transaction_id", [f"pi_{n}" for n in range(count)])
        for number in range(count):
            with tx.savepoint():
                assert tx.find("payment", {"transaction_id": f"pi_{number}"}) == []
                row = {"order_id": number + 1, "amount": 1, "currency": "usd"}
                tx.insert("payment", {**row, "transaction_id": f"pi_{number}"})
                tx.update("order", {"id": number + 1}, {"status": "paid"})
    store.connection.set_trace_callback(None)
    return [sql for sql in ran if not sql.startswith("--")]


def test_payments_of_one_transaction_share_their_statements(sqlite: SqliteConnector) -> None:
    store = sqlite.migrated(project())
    assert isinstance(store, SqliteStore)
    ran = statements(store, 32)
    assert not [sql for sql in ran if "SAVEPOINT" in sql]
    assert len([sql for sql in ran if sql.startswith('INSERT INTO "payment"')]) == 1
    assert len([sql for sql in ran if sql.startswith("SELECT")]) == 3  # payments, orders, number
    with store.reader() as tx:
        assert {row["status"] for row in tx.find("order", {})} == {"paid"}
        assert [row["order_id"] for row in tx.find("payment", {})] == list(range(1, 33))


def test_what_the_database_alone_refuses_is_learned_where_it_belongs(
    sqlite: SqliteConnector,
) -> None:
    store = sqlite.migrated(project())
    sqlite.by_hand(
        'CREATE TRIGGER no_seven BEFORE INSERT ON "order" WHEN new.amount = 7 '
        "BEGIN SELECT raise(ABORT, 'not seven'); END"
    )
    runs = []

    def work(tx: Transaction) -> None:
        runs.append(tx)
        tx.insert("order", {"amount": 1})
        with contextlib.suppress(ConstraintViolation), tx.savepoint():
            tx.insert("order", {"amount": 7})
        tx.insert("order", {"amount": 2})

    committed(store, work)
    assert len(runs) == 2
    with store.reader() as tx:
        assert [row["amount"] for row in tx.find("order", {})] == [1, 2]


def test_a_number_given_by_hand_is_not_given_again(sqlite: SqliteConnector) -> None:
    store = sqlite.migrated(project())
    with store.transaction() as tx:
        assert tx.insert("order", {"amount": 1})["id"] == 1
        tx.insert("order", {"id": 10, "amount": 1})
        assert tx.insert("order", {"amount": 1})["id"] == 11
        tx.delete("order", {"id": 11})
        assert tx.insert("order", {"amount": 1})["id"] == 12
    with store.transaction() as tx:
        tx.delete("order", {"id": 12})
    with store.transaction() as tx:
        assert tx.insert("order", {"amount": 1})["id"] == 13


def test_a_value_taken_by_a_row_that_waits_is_taken(sqlite: SqliteConnector) -> None:
    store = sqlite.migrated(project())
    with store.transaction() as tx:
        assert tx.find("order", {"reference": "a"}) == []
        tx.insert("order", {"amount": 1, "reference": "a"})
        with pytest.raises(UniqueViolation), tx.savepoint():
            tx.insert("order", {"amount": 2, "reference": "a"})
        assert [row["amount"] for row in tx.find("order", {"reference": "a"})] == [1]
