"""Which runs were about an order is kept once it was read from their traces."""

from __future__ import annotations

from typing import Any

from engine.store import retention, run_orders, runs
from engine.store.base import Store, Transaction
from engine.store.run_orders import Span
from engine.store.search import Filters, runs_of_order
from engine.studio import orders
from tests.store.support import NOW, ORDER, PostgresConnector, project


def ran(tx: Transaction, order: Any, **more: Any) -> None:
    run: dict[str, Any] = {
        "event_id": None,
        "flow": "pay",
        "flow_digest": "d1",
        "outcome": "done",
        "started_at": NOW,
        "duration_us": 120,
        "trace": [{"id": "ask", "type": "stripe.pay", "in": {"orderId": order}}],
        **more,
    }
    runs.record_run(tx, **run)


def found(store: Store, order: Any) -> list[int]:
    def write(work: Any) -> None:
        with store.transaction() as tx:
            work(tx)

    page = orders.find_runs(store, write, project(ORDER), order, Filters(), limit=50)
    return [row["id"] for row in page.rows]


def test_a_key_is_found_by_its_kind_and_value(store: Store) -> None:
    with store.transaction() as tx:
        for order in (7, "7", 'a"b%_', True, None, 7):
            ran(tx, order)
    assert found(store, 7) == [6, 1]
    assert found(store, "7") == [2]
    assert found(store, 'a"b%_') == [3]
    assert found(store, 1) == []


def test_ranges_that_meet_become_one_and_of_others_the_later_counts(store: Store) -> None:
    steps = [
        ((50, 60), (50, 60)),
        ((60, 70), (50, 70)),
        ((40, 50), (40, 70)),
        ((45, 55), (40, 70)),
        ((10, 20), (40, 70)),
        ((80, 90), (80, 90)),
    ]
    for read, expected in steps:
        with store.transaction() as tx:
            run_orders.keep(tx, [], Span(*read))
            assert run_orders.read_so_far(tx) == Span(*expected), read


def test_what_is_kept_goes_with_its_run(store: Store) -> None:
    with store.transaction() as tx:
        ran(tx, 7, started_at="2026-01-01T00:00:00Z")
        ran(tx, 7)
    assert found(store, 7) == [2, 1]
    with store.transaction() as tx:
        assert retention.forget(tx, "runs", older_than=NOW, after=None, limit=9)[0] == 1
        kept = tx.execute("SELECT run_id FROM actionflow_run_order")
        assert [row["run_id"] for row in kept] == [2]
        assert [row["id"] for row in runs_of_order(tx, 7, Filters(), low=1).rows] == [2]


def test_a_run_committed_after_a_later_one_is_not_missed(postgres: PostgresConnector) -> None:
    store, other = postgres.migrated(project(ORDER)), postgres.open(project(ORDER))
    with other.transaction() as slow:
        ran(slow, 7)
        assert run_orders.latest(slow) == 1  # it is sent, not only kept to be sent
        with store.transaction() as quick:
            ran(quick, 7)
        assert found(store, 7) == [2]
    assert found(store, 7) == [2, 1]


def test_searching_twice_keeps_everything_once(store: Store) -> None:
    with store.transaction() as tx:
        ran(tx, 7)
    for _ in range(2):
        assert found(store, 7) == [1]
    with store.transaction() as tx:
        kept = tx.execute("SELECT order_key, run_id FROM actionflow_run_order")
    assert kept == [{"order_key": "7", "run_id": 1}]
