"""Commit, rollback, savepoints, readers beside a writer, and writers behind each other."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.store.again import committed
from engine.store.base import (
    ConstraintViolation,
    Store,
    StoreError,
    Transaction,
    UniqueViolation,
    WriteRefused,
)
from tests.store.support import Connector, project, undone


class Fault(Exception):
    """Something goes wrong inside a transaction."""


def orders(store: Store) -> list[int]:
    with store.reader() as tx:
        return [row["amount"] for row in tx.find("order", {})]


def insert_and_fail(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 2})
        raise Fault


def test_a_transaction_is_kept_when_it_ends_and_lost_when_it_fails(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
    with pytest.raises(Fault):
        insert_and_fail(store)
    assert orders(store) == [1]


def test_an_ended_transaction_takes_nothing_more(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
    for act in (
        lambda: tx.insert("order", {"amount": 2}),
        lambda: tx.execute("DELETE FROM actionflow_meta"),
        lambda: tx.find("order", {}),
        lambda: tx.savepoint().__enter__(),
    ):
        with pytest.raises(StoreError, match="transaction is over"):
            act()
    assert orders(store) == [1]


def test_a_transaction_inside_a_transaction_is_refused_not_waited_for(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(StoreError, match="savepoint"), store.transaction():
            pass
        tx.insert("order", {"amount": 1})
    assert orders(store) == [1]


def change_and_fail(tx: Transaction) -> None:
    with tx.savepoint():
        tx.insert("order", {"amount": 2})
        with tx.savepoint():
            tx.update("order", {"amount": 1}, {"amount": 3})
        raise Fault


def test_a_failed_savepoint_takes_its_rows_and_changes_away(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        with pytest.raises(Fault):
            change_and_fail(tx)
        with tx.savepoint():
            tx.insert("order", {"amount": 4})
        assert [change.after["amount"] for change in tx.changes if change.after] == [1, 4]
    assert orders(store) == [1, 4]


def test_an_insert_that_clashes_can_be_tried_in_a_savepoint(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1, "reference": "a"})
        with pytest.raises(UniqueViolation), tx.savepoint():
            tx.insert("order", {"amount": 2, "reference": "a"})
        tx.update("order", {"reference": "a"}, {"amount": 3})
    assert orders(store) == [3]


PROGRAM = st.recursive(
    st.integers(0, 99),
    lambda inner: st.tuples(st.booleans(), st.lists(inner, max_size=4)),
    max_leaves=12,
)


def play(tx: Transaction, step: object, kept: list[int]) -> None:
    """Insert a number, or run steps in a savepoint that ends well or does not."""
    if isinstance(step, int):
        tx.insert("order", {"amount": step})
        kept.append(step)
        return
    assert isinstance(step, tuple)
    fails, steps = step
    before = list(kept)
    with ExitStack() as stack:
        if fails:
            stack.enter_context(pytest.raises(Fault))
        stack.enter_context(tx.savepoint())
        for inner in steps:
            play(tx, inner, kept)
        if fails:
            kept[:] = before
            raise Fault


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(PROGRAM, max_size=6))
def test_savepoints_nest(shared: Store, steps: list[object]) -> None:
    kept: list[int] = []
    with undone(shared) as tx:
        for step in steps:
            play(tx, step, kept)
        assert [row["amount"] for row in tx.find("order", {})] == kept
        assert [change.after["amount"] for change in tx.changes if change.after] == kept
    assert orders(shared) == []


@pytest.fixture(params=["file", "memory"])
def either(request: pytest.FixtureRequest, connector: Connector) -> Store:
    """The same store in a file and in memory."""
    file = project()
    return connector.migrated(file) if request.param == "file" else connector.memory(file)


def test_a_reader_cannot_write(either: Store) -> None:
    with either.reader() as tx:
        with pytest.raises(WriteRefused):
            tx.insert("order", {"amount": 1})
        with pytest.raises(WriteRefused):
            tx.execute("DELETE FROM actionflow_inbox")
    with either.transaction() as tx:
        tx.insert("order", {"amount": 1})
    assert orders(either) == [1]


def test_an_ended_read_takes_nothing_more(either: Store) -> None:
    with either.reader() as tx:
        pass
    with pytest.raises(StoreError, match="read is over"):
        tx.find("order", {})


def test_a_reader_sees_one_moment_and_does_not_wait_for_the_writer(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
    with store.transaction() as tx:
        tx.insert("order", {"amount": 2})
        assert orders(store) == [1]
    with store.reader() as read:
        assert len(read.find("order", {})) == 2
        with store.transaction() as tx:
            tx.insert("order", {"amount": 3})
        assert len(read.find("order", {})) == 2
    assert orders(store) == [1, 2, 3]


def test_readers_in_other_threads_never_see_half_a_transaction(store: Store) -> None:
    seen: list[int] = []
    going = threading.Event()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(orders(store)))
            going.set()

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    assert going.wait(10)
    for _ in range(40):
        with store.transaction() as tx:
            tx.insert("order", {"amount": 1})
            tx.insert("order", {"amount": 1})
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    assert all(count % 2 == 0 for count in seen)


def test_writers_in_many_threads_come_one_after_another(either: Store) -> None:
    with either.transaction() as tx:
        tx.insert("order", {"amount": 0})

    def one_more(tx: Transaction) -> None:
        row = tx.get("order", 1)
        assert row is not None
        tx.update("order", {"id": 1}, {"amount": row["amount"] + 1})

    def add() -> None:
        for _ in range(25):
            committed(either, one_more, most=100)  # each conflict is another's success

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert orders(either) == [100]


def test_a_snapshot_goes_its_own_way(either: Store) -> None:
    with either.transaction() as tx:
        tx.insert("order", {"amount": 1})
    copy = either.snapshot()
    with either.transaction() as tx:
        tx.insert("order", {"amount": 2})
    with copy.transaction() as tx:
        tx.insert("order", {"amount": 3})
        with pytest.raises(ConstraintViolation), tx.savepoint(), tx.system_writes():
            tx.insert("payment", {"order_id": 9, "amount": 1, "currency": "usd"})
    assert (orders(either), orders(copy)) == ([1, 2], [1, 3])
    copy.close()
    assert orders(either) == [1, 2]


def test_a_snapshot_has_nothing_of_an_open_transaction(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        copy = store.snapshot()
    assert (orders(store), orders(copy)) == ([1], [])
    copy.close()


def test_an_attempt_is_kept_or_undone_as_a_whole(shared: Store) -> None:
    with undone(shared) as tx:

        def work(amount: int) -> str:
            tx.insert("order", {"amount": amount})
            if amount > 1:
                raise Fault
            return "done"

        assert tx.attempt(work, 1) == "done"
        with pytest.raises(Fault):
            tx.attempt(work, 2)
        assert [row["amount"] for row in tx.find("order", {})] == [1]
        assert [change.after["amount"] for change in tx.changes if change.after] == [1]
    assert orders(shared) == []
