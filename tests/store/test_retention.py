"""What is finished and old is forgotten in small steps; what is unfinished, and what it needs, stays."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store import actions, inbox, outbox, runs
from engine.store.base import Store, Transaction
from engine.store.retention import Kind, forget
from tests.store.support import undone

OLD, LIMIT, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
STATES = ("done", "ignored", "dead", "waiting", "received")


def keep_event(tx: Transaction, id: str, state: str, *, at: str = OLD, ended: str = OLD) -> None:
    inbox.receive(
        tx, id=id, type="plan.created", created=at, livemode=False, payload="{}", received_at=at
    )
    if state == "done":
        inbox.finish(tx, id, flow=None, now=ended)
    elif state == "ignored":
        inbox.ignore(tx, id, reason="x", now=ended)
    elif state != "received":
        again = None if state == "dead" else NEW
        inbox.fail(tx, id, error="x", next_try_at=again, now=ended)


def keep_run(tx: Transaction, event: str | None, at: str = OLD) -> None:
    runs.record_run(
        tx,
        event_id=event,
        flow="f",
        flow_digest="d",
        outcome="done",
        started_at=at,
        duration_us=1,
        trace=[],
    )


def keep_call(tx: Transaction, event: str, *, done: str | None, at: str = OLD) -> int:
    call: dict[str, Any] = {"method": "POST", "url": "https://x.example"}
    id = outbox.queue(
        tx,
        key=event,
        origin=event,
        flow="f",
        flow_digest="d",
        node="n",
        ordinal=0,
        event_id=event,
        call=call,
        retry={"tries": 1},
        kept=None,
        now=at,
    )
    if done:
        outbox.done(tx, id, status=200, now=done)
    return id


def keep_action(tx: Transaction, *, done: str | None, at: str = OLD) -> int:
    record, _ = actions.begin(
        tx,
        action="pay",
        caller_id="ada",
        caller_role="customer",
        dedupe=None,
        input={},
        flow_digest="d",
        lease_until=at,
        now=at,
    )
    if done:
        answer = {"status": 200, "body": {}}
        actions.save(tx, record.id, state="done", journal={}, call=None, answer=answer, now=done)
    return record.id


def sweep(tx: Transaction, kind: Kind, limit: int = 2) -> int:
    total, place = forget(tx, kind, older_than=LIMIT, after=None, limit=limit)
    while place is not None:
        count, place = forget(tx, kind, older_than=LIMIT, after=place, limit=limit)
        total += count
    return total


def ids(tx: Transaction, table: str) -> list[Any]:
    return [row["id"] for row in tx.execute(f"SELECT id FROM {table} ORDER BY id")]


def test_finished_events_go_unfinished_ones_stay(shared: Store) -> None:
    with undone(shared) as tx:
        for state in STATES:
            keep_event(tx, f"old_{state}", state)
            keep_event(tx, f"new_{state}", state, at=NEW, ended=NEW)
        keep_event(tx, "old_replayed", "done", ended=NEW)
        assert sweep(tx, "events") == 2
        left = {f"new_{state}" for state in STATES} | {"old_dead", "old_waiting", "old_received"}
        assert set(ids(tx, "actionflow_inbox")) == {*left, "old_replayed"}
        assert sweep(tx, "events") == 0


def test_an_event_stays_as_long_as_a_call_of_it_is_not_done(shared: Store) -> None:
    with undone(shared) as tx:
        for event in ("evt_called", "evt_calling"):
            keep_event(tx, event, "done")
        keep_call(tx, "evt_called", done=OLD)
        keep_call(tx, "evt_calling", done=None)
        assert sweep(tx, "events") == 1
        assert ids(tx, "actionflow_inbox") == ["evt_calling"]


def test_runs_of_events_that_are_not_finished_stay(shared: Store) -> None:
    with undone(shared) as tx:
        for state in STATES:
            keep_event(tx, f"evt_{state}", state)
            keep_run(tx, f"evt_{state}")
        keep_run(tx, None)
        keep_run(tx, "evt_forgotten")
        keep_run(tx, "evt_done", at=NEW)
        assert sweep(tx, "runs") == 4
        left = [run.event_id for run in runs.listing(tx)]
        assert left == ["evt_done", "evt_received", "evt_waiting", "evt_dead"]


def test_calls_and_actions_go_once_they_are_done(shared: Store) -> None:
    with undone(shared) as tx:
        keep_call(tx, "evt_1", done=OLD)
        kept = [keep_call(tx, "evt_2", done=None), keep_call(tx, "evt_3", done=NEW)]
        assert sweep(tx, "calls") == 1
        assert ids(tx, "actionflow_outbox") == kept
        keep_action(tx, done=OLD)
        left = [keep_action(tx, done=None), keep_action(tx, done=NEW)]
        assert sweep(tx, "actions") == 1
        assert ids(tx, "actionflow_action") == left


@given(
    events=st.lists(
        st.tuples(st.sampled_from(STATES), st.sampled_from([OLD, "2026-01-15T00:00:00Z", NEW])),
        max_size=12,
    ),
    limit=st.integers(1, 5),
)
@settings(deadline=None, max_examples=25)
def test_whatever_the_size_of_the_steps_the_same_is_left(
    shared: Store, events: list[tuple[str, str]], limit: int
) -> None:
    with undone(shared) as tx:
        left = set()
        for number, (state, at) in enumerate(events):
            keep_event(tx, f"evt_{number:02}", state, at=at, ended=at)
            if at == NEW or state not in ("done", "ignored"):
                left.add(f"evt_{number:02}")
        assert sweep(tx, "events", limit) == len(events) - len(left)
        assert set(ids(tx, "actionflow_inbox")) == left
