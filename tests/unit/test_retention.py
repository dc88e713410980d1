"""The server forgets what is old, by the project's rules, in small steps beside the events."""

from __future__ import annotations

import pathlib
import threading
from typing import Any

import pytest

from engine.model import RetentionRules
from engine.receive import Receiver
from engine.retention import AT_ONCE, DAY, Keeper, Retention
from engine.store import inbox, runs
from engine.store.base import Store
from engine.stripe.event import decode, load
from tests.acceptance.shop import copy_of_example
from tests.acceptance.test_kill import event_for

NOW = 1_790_000_000
OLD = 250


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    """An inbox with 250 events of 100 days ago that no flow handles, and one of an order that is not
    there yet; then one of now."""
    project = copy_of_example(tmp_path / "flows")
    opened = project.store()
    with opened.transaction() as tx:
        for number in (*range(2000, 2000 + OLD), 1001):
            body = event_for(number)
            if number != 1001:
                body = body.replace(b'"payment_intent.succeeded"', b'"plan.created"')
            then = Receiver(project, now=lambda: NOW - 100 * DAY)
            then.receive(tx, load(body), body.decode(), decode(body))
        body = event_for(1)
        Receiver(project, now=lambda: NOW).receive(tx, load(body), body.decode(), decode(body))
    return opened


def retention(store: Store, rules: RetentionRules, **more: Any) -> Retention:
    def transact(work: Any) -> Any:
        with store.transaction() as tx:
            return work(tx)

    return Retention(lambda: rules, transact, now=lambda: NOW, **more)


def left(store: Store) -> tuple[int, int]:
    with store.reader() as tx:
        return sum(inbox.counts(tx).values()), len(runs.listing(tx))


def test_a_sweep_goes_through_everything_and_keeps_what_is_unfinished(store: Store) -> None:
    assert left(store) == (OLD + 2, 2)
    forgotten = retention(store, RetentionRules()).sweep()
    assert forgotten == {"events": OLD, "runs": 0, "calls": 0, "actions": 0}
    assert left(store) == (2, 2)
    with store.reader() as tx:
        assert {row.id for row in inbox.listing(tx)} == {"evt_1001", "evt_1"}
    assert not any(retention(store, RetentionRules()).sweep().values())


@pytest.mark.parametrize("rules", [RetentionRules(events=101), RetentionRules(events=None)])
def test_what_the_rules_keep_stays(store: Store, rules: RetentionRules) -> None:
    assert retention(store, rules).sweep()["events"] == 0


def test_it_goes_in_small_steps_and_can_stop_between_them(store: Store) -> None:
    pauses: list[bool] = []

    def pause() -> bool:
        pauses.append(True)
        return len(pauses) == 2

    found = retention(store, RetentionRules(), pause=pause).sweep()
    assert found["events"] == 2 * AT_ONCE - 1  # one of those looked at is waiting


def test_the_servers_thread_sweeps_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.retention.FIRST", 0.001)
    swept = threading.Event()
    one = retention(store, RetentionRules())

    def now() -> float:
        swept.set()
        return NOW

    one.now = now
    keeper = Keeper(one)
    keeper.start()
    assert swept.wait(60)
    keeper.stop()
    assert left(store)[0] <= OLD + 2
