"""The inbox keeps each event once and knows what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from engine.errors import BadInput
from engine.store import inbox, waking
from engine.store.base import Store, Transaction
from tests.store.support import NOW, Connector, project

LATER = "2026-03-01T13:00:00Z"


def received(tx: Transaction, id: str = "evt_1", **more: Any) -> str:
    event: dict[str, Any] = {
        "type": "payment_intent.succeeded",
        "created": "2026-03-01T11:00:00Z",
        "livemode": False,
        "payload": "{}",
        "received_at": NOW,
        **more,
    }
    return inbox.receive(tx, id=id, **event)


def test_an_event_is_kept_once_as_it_came(store: Store) -> None:
    body = '{"id":"evt_1","note":"ünï\\u0000"}'
    with store.transaction() as tx:
        assert (
            received(tx, payload=body, subject="pi_1", api_version="2024-06-20", livemode=True)
            == "received"
        )
        inbox.finish(tx, "evt_1", flow="payment_callback", now=LATER)
        assert received(tx, payload="another") == "done"
        row = inbox.show(tx, "evt_1")
    assert row == inbox.InboxRow(
        id="evt_1",
        type="payment_intent.succeeded",
        created="2026-03-01T11:00:00Z",
        api_version="2024-06-20",
        livemode=True,
        subject="pi_1",
        state="done",
        flow="payment_callback",
        attempts=0,
        next_try_at=None,
        reason=None,
        received_at=NOW,
        finished_at=LATER,
        lease_until=None,
        lease_owner=None,
        payload=body,
    )


def test_an_event_whose_flow_never_ended_is_given_again(store: Store) -> None:
    with store.transaction() as tx:
        received(tx)
    with store.transaction() as tx:
        assert received(tx) == "received"
        assert [row.id for row in waking.due(tx, now=NOW, limit=9)] == ["evt_1"]


def test_a_failure_waits_for_its_next_try_and_then_rests(store: Store) -> None:
    with store.transaction() as tx:
        received(tx)
        inbox.fail(tx, "evt_1", error="locked", next_try_at=LATER, now=NOW)
        assert received(tx) == "waiting"
        assert waking.due(tx, now=NOW, limit=9) == []
        [row] = waking.due(tx, now=LATER, limit=9)
        assert (row.attempts, row.reason, row.payload) == (1, "locked", "{}")
        inbox.fail(tx, "evt_1", error="still locked", next_try_at=None, now=LATER)
        row = inbox.show(tx, "evt_1")
        assert row is not None
        assert (row.state, row.attempts, row.finished_at) == ("dead", 2, LATER)
        assert waking.due(tx, now="9999-01-01T00:00:00Z", limit=9) == []


def test_the_oldest_news_comes_first(store: Store) -> None:
    with store.transaction() as tx:
        for number, second in enumerate((30, 10, 20, 10)):
            received(tx, f"evt_{number}", created=f"2026-03-01T11:00:{second}Z")
        assert [row.id for row in waking.due(tx, now=NOW, limit=3)] == [
            "evt_1",
            "evt_3",
            "evt_2",
        ]


def test_events_set_aside_wake_when_their_row_appears(store: Store) -> None:
    with store.transaction() as tx:
        for id, subject in (
            ("a", "pi_1"),
            ("b", "pi_1"),
            ("c", "sub_1"),
            ("d", "pi_2"),
            ("e", None),
        ):
            received(tx, id, subject=subject)
        inbox.ignore(tx, "a", reason="not ours", now=NOW)
        inbox.fail(tx, "b", error="no order yet", next_try_at=LATER, now=NOW)
        inbox.fail(tx, "c", error="dead", next_try_at=None, now=NOW)
        inbox.finish(tx, "d", flow=None, now=NOW)
        inbox.ignore(tx, "e", reason="not ours", now=NOW)
        assert waking.wake(tx, [], now=NOW) == 0
        assert waking.wake(tx, ["pi_1", "sub_1", "pi_2", "pi_1"], now=NOW, but="a") == 1
        assert [row.id for row in waking.due(tx, now=NOW, limit=9)] == ["b"]
        assert waking.wake(tx, ["pi_1"], now=NOW) == 2
        assert [row.id for row in waking.due(tx, now=NOW, limit=9)] == ["a", "b"]


def test_a_leased_event_is_given_to_no_one_else_until_the_lease_ends(store: Store) -> None:
    with store.transaction() as tx:
        for id in ("a", "b", "c"):
            received(tx, id)
        first = waking.lease(tx, now=NOW, until=LATER, owner="one", limit=2)
        second = waking.lease(tx, now=NOW, until=LATER, owner="two", limit=2)
        assert [(row.id, row.lease_owner) for row in first + second] == [
            ("a", "one"),
            ("b", "one"),
            ("c", "two"),
        ]
        assert waking.due(tx, now=NOW, limit=9) == []
        inbox.finish(tx, "a", flow=None, now=NOW)
        over = waking.lease(tx, now=LATER, until="2026-03-01T14:00:00Z", owner="two", limit=9)
        assert [row.id for row in over] == ["b", "c"]


def test_any_event_can_be_tried_again(store: Store) -> None:
    with store.transaction() as tx:
        for id in ("a", "b"):
            received(tx, id)
        inbox.finish(tx, "a", flow=None, now=NOW)
        inbox.fail(tx, "b", error="x", next_try_at=None, now=NOW)
        waking.requeue(tx, "a", now=NOW)
        waking.requeue(tx, "b", now=NOW)
        assert [(r.id, r.attempts) for r in waking.due(tx, now=NOW, limit=9)] == [
            ("a", 0),
            ("b", 0),
        ]
        with pytest.raises(BadInput, match="no event 'evt_9'"):
            waking.requeue(tx, "evt_9", now=NOW)
        assert inbox.show(tx, "evt_9") is None


def test_lists_go_back_page_by_page(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(7):
            at = f"2026-03-01T12:00:0{number // 2}Z"
            received(tx, f"evt_{number}", received_at=at, type="a" if number % 3 else "b")
        inbox.ignore(tx, "evt_2", reason="x", now=NOW)
        seen: list[str] = []
        before = None
        while page := inbox.listing(tx, limit=2, before=before):
            seen += [row.id for row in page]
            before = page[-1].received_at, page[-1].id
        assert seen == [f"evt_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
        assert [row.id for row in inbox.listing(tx, type="b")] == ["evt_6", "evt_3", "evt_0"]
        assert [row.id for row in inbox.listing(tx, state="ignored", type="a")] == ["evt_2"]
        assert inbox.listing(tx, state="done") == []
        assert {row.payload for row in inbox.listing(tx)} == {""}


@dataclass
class Kept:
    """What the model knows of an event."""

    state: str
    subject: str | None
    attempts: int = 0
    next_try: int | None = None


IDS = st.sampled_from([f"evt_{number}" for number in range(4)])
SUBJECTS = st.sampled_from(["pi_1", "pi_2", None])


def at(minute: int) -> str:
    return f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z"


class InboxMachine(RuleBasedStateMachine):
    """Any order of deliveries, ends and wakes gives what a dict would."""

    store: Store

    @initialize()
    def empty(self) -> None:
        self.model: dict[str, Kept] = {}
        self.minute = 0
        self.scope = self.store.transaction()
        self.tx = self.scope.__enter__()

    def teardown(self) -> None:
        self.scope.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    @rule(id=IDS, subject=SUBJECTS)
    def deliver(self, id: str, subject: str | None) -> None:
        known = self.model.setdefault(id, Kept("received", subject))
        assert received(self.tx, id, subject=subject) == known.state

    @rule(id=IDS)
    def finish(self, id: str) -> None:
        inbox.finish(self.tx, id, flow="f", now=at(self.minute))
        if id in self.model:
            self.model[id].state, self.model[id].next_try = "done", None

    @rule(id=IDS)
    def ignore(self, id: str) -> None:
        inbox.ignore(self.tx, id, reason="not ours", now=at(self.minute))
        if id in self.model:
            self.model[id].state, self.model[id].next_try = "ignored", None

    @rule(id=IDS, delay=st.none() | st.integers(0, 5))
    def fail(self, id: str, delay: int | None) -> None:
        next_try = None if delay is None else self.minute + delay
        inbox.fail(
            self.tx,
            id,
            error="x",
            next_try_at=None if next_try is None else at(next_try),
            now=at(self.minute),
        )
        if id in self.model:
            kept = self.model[id]
            kept.state = "dead" if next_try is None else "waiting"
            kept.attempts, kept.next_try = kept.attempts + 1, next_try

    @rule(subject=st.sampled_from(["pi_1", "pi_2"]), but=IDS)
    def wake(self, subject: str, but: str) -> None:
        woken = [
            kept
            for id, kept in self.model.items()
            if kept.subject == subject and kept.state in ("ignored", "waiting") and id != but
        ]
        assert waking.wake(self.tx, [subject], now=at(self.minute), but=but) == len(woken)
        for kept in woken:
            kept.state, kept.next_try = "waiting", self.minute

    @rule(id=IDS)
    def requeue(self, id: str) -> None:
        if id not in self.model:
            return
        waking.requeue(self.tx, id, now=at(self.minute))
        kept = self.model[id]
        kept.state, kept.attempts, kept.next_try = "waiting", 0, self.minute

    @rule(minutes=st.integers(1, 4))
    def time_passes(self, minutes: int) -> None:
        self.minute += minutes

    @invariant()
    def is_as_the_model_says(self) -> None:
        found = {row.id: (row.state, row.attempts) for row in inbox.listing(self.tx)}
        assert found == {id: (kept.state, kept.attempts) for id, kept in self.model.items()}
        due = {row.id for row in waking.due(self.tx, now=at(self.minute), limit=9)}
        assert due == {
            id
            for id, kept in self.model.items()
            if kept.state in ("received", "waiting") and (kept.next_try or 0) <= self.minute
        }
        counts = inbox.counts(self.tx)
        assert {state: count for state, count in counts.items() if count} == {
            state: sum(kept.state == state for kept in self.model.values())
            for state in {kept.state for kept in self.model.values()}
        }


def test_the_inbox_is_a_state_machine(connector: Connector) -> None:
    InboxMachine.store = connector.memory(project())
    run_state_machine_as_test(
        InboxMachine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None)
    )
