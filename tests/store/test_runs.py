"""Runs are kept with their trace and the text they ran on."""

from __future__ import annotations

from typing import Any

from engine.store import meta, runs
from engine.store.base import Store, Transaction
from tests.store.support import NOW


def ran(tx: Transaction, **more: Any) -> None:
    run: dict[str, Any] = {
        "event_id": "evt_1",
        "flow": "payment_callback",
        "flow_digest": "d1",
        "outcome": "done",
        "started_at": NOW,
        "duration_us": 120,
        "trace": [],
        **more,
    }
    runs.record_run(tx, **run)


def test_a_run_comes_back_whole(store: Store) -> None:
    trace = [{"id": "callback", "out": {"amount": 1, "rate": 0.5, "paid": True, "x": None}}]
    with store.transaction() as tx:
        ran(tx, trace=trace, outcome="failed", error="no order")
        assert runs.show(tx, 1) == runs.Run(
            1, "evt_1", "payment_callback", "d1", "failed", NOW, 120, "no order", trace
        )
        assert runs.show(tx, 2) is None


def test_the_runs_of_an_action_are_found(store: Store) -> None:
    with store.transaction() as tx:
        ran(tx)
        for action in (7, 8, 7):
            runs.record_stretch(
                tx,
                action_id=action,
                event_id=None,
                flow="pay",
                flow_digest="d1",
                outcome="done",
                started_at=NOW,
                duration_us=120,
                trace=[],
            )
        shown = runs.show(tx, 3)
        assert shown is not None
        assert shown.action_id == 8
        assert runs.stretches(tx, [7, 8, 9]) == {7: [2, 4], 8: [3], 9: []}
        assert runs.stretches(tx, []) == {}


def test_each_version_of_a_flow_is_kept_once(store: Store) -> None:
    with store.transaction() as tx:
        for digest, source in (("d1", "one"), ("d2", "two"), ("d1", "one")):
            runs.record_flow(tx, digest=digest, name="f", source=source, now=NOW)
        assert [runs.source(tx, digest) for digest in ("d1", "d2", "d3")] == ["one", "two", None]


def test_runs_are_listed_latest_first_and_filtered(store: Store) -> None:
    with store.transaction() as tx:
        ran(tx)
        ran(tx, flow="refund_callback", event_id="evt_2")
        ran(tx, outcome="failed", error="x")
        ran(tx, event_id=None, outcome="stopped")

        def ids(**wanted: Any) -> list[int]:
            return [run.id for run in runs.listing(tx, **wanted)]

        assert ids() == [4, 3, 2, 1]
        assert ids(limit=2) == [4, 3]
        assert ids(before=3) == [2, 1]
        assert ids(event_id="evt_1") == [3, 1]
        assert ids(flow="payment_callback", outcome="done") == [1]
        assert ids(outcome="failed") == [3]
        assert ids(outcome="ignored") == []


def test_texts_are_kept_by_key(store: Store) -> None:
    with store.transaction() as tx:
        assert meta.read(tx, "colour") is None
        meta.write(tx, "colour", "red")
        meta.write(tx, "colour", "blue")
        assert meta.read(tx, "colour") == "blue"
