"""The writer: batches, what fails alone, what fails together, code blocks beside it, stopping."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from engine.feed import Feed
from engine.jobs import Delivery
from engine.project import Project
from engine.receive import Receiver
from engine.sandbox import Block
from engine.store.base import Store, StoreBusy, WriterBusy
from engine.stripe.event import of
from engine.verdict import Verdict
from engine.writer import MOST_IN_BATCH, Writer
from tests.conftest import body_of

Events = Callable[..., dict[str, Any]]
HEAD = "flow: own\ntrigger: {stripe: [product.created]}\nnodes:\n"
INSERT = (
    HEAD
    + "  - {id: new, type: table.insert, table: order,"
    + ' values: {user_id: "{{ event.data.object.name }}", amount: 500, currency: usd}}\n'
)
CODE = (
    HEAD
    + "  - id: sum\n    type: code\n"
    + '    inputs: {n: "{{ event.data.object.n }}"}\n'
    + "    outputs: {amount: integer}\n"
    + "    code: |\n      if n < 0:\n        return 1 // 0\n      return {'amount': n + 1}\n"
    + "  - {id: new, type: table.insert, table: order,"
    + ' values: {user_id: ada, amount: "{{ sum.amount }}", currency: usd}}\n'
)


class Asker:
    """Waits until so many deliveries are settled."""

    def __init__(self, count: int) -> None:
        self.missing = count
        self.all_told = threading.Event()

    def settle(self, jobs: Sequence[Delivery]) -> None:
        self.missing -= len(jobs)
        if not self.missing:
            self.all_told.set()


class Desk:
    """A writer at work on a store in memory."""

    def __init__(self, folder: pathlib.Path, make_event: Events) -> None:
        self.project = Project.open(folder)
        self.store: Store = self.project.scratch({})
        self.receiver = Receiver(self.project)
        self.writer = Writer(self.store, lambda: self.receiver)
        self.make_event = make_event

    def deliver(self, *events: dict[str, Any]) -> list[Verdict | BaseException]:
        asker = Asker(len(events))
        jobs = [
            Delivery(event, body_of(event).decode(), of(event), asker=asker) for event in events
        ]
        self.writer.hand_over(jobs)
        assert asker.all_told.wait(30)
        return [job.outcome for job in jobs]

    def outcomes(self, *events: dict[str, Any]) -> list[str]:
        return [
            found.outcome if isinstance(found, Verdict) else type(found).__name__
            for found in self.deliver(*events)
        ]

    def rows(self, table: str = "order") -> list[dict[str, Any]]:
        with self.store.reader() as tx:
            return tx.find(table, {})

    def states(self) -> dict[str, str]:
        with self.store.reader() as tx:
            rows = tx.execute("SELECT id, state FROM actionflow_inbox")
            return {row["id"]: row["state"] for row in rows}


@pytest.fixture
def desk(
    make_project: Callable[..., pathlib.Path], make_event: Events
) -> Iterator[Callable[[str], Desk]]:
    opened: list[Desk] = []

    def open_desk(flow: str) -> Desk:
        opened.append(Desk(make_project(own=flow), make_event))
        opened[-1].writer.start()
        return opened[-1]

    yield open_desk
    for one in opened:
        one.writer.stop()
        one.store.close()


def hold(writer: Writer) -> threading.Event:
    """Keep the writer busy, so that what comes meanwhile makes one batch; set the event to go on."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_tx: object) -> None:
        begun.set()
        assert go_on.wait(30)

    writer.submit(wait)
    assert begun.wait(30)
    return go_on


def test_copies_in_one_batch_run_once(desk: Callable[[str], Desk]) -> None:
    here = desk(INSERT)
    go_on = hold(here.writer)
    event = here.make_event("product.created", id="evt_1", name="ada")
    other = here.make_event("product.created", id="evt_2", name="lin")
    threading.Timer(0, go_on.set).start()
    outcomes = here.outcomes(event, other, event, event)
    assert sorted(outcomes) == ["done", "done", "duplicate", "duplicate"]
    assert sorted(row["user_id"] for row in here.rows()) == ["ada", "lin"]
    assert here.states() == {"evt_1": "done", "evt_2": "done"}


def test_one_that_fails_takes_nobody_along(desk: Callable[[str], Desk]) -> None:
    here = desk(INSERT)
    good = [here.make_event("product.created", id=f"evt_{n}", name="ada") for n in range(3)]
    bad = here.make_event("product.created", id="evt_bad", name=7)
    assert here.outcomes(good[0], bad, *good[1:]) == ["done", "waiting", "done", "done"]
    assert len(here.rows()) == 3
    assert here.states()["evt_bad"] == "waiting"


def test_a_commit_that_fails_keeps_nothing_and_says_so(
    desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(INSERT)
    begin = here.store.transaction
    events = [here.make_event("product.created", id=f"evt_{n}", name="ada") for n in range(2)]

    def full(**_: object) -> Any:
        raise StoreBusy("the disk is full")

    monkeypatch.setattr(here.store, "transaction", full)
    assert here.outcomes(*events) == ["StoreBusy", "StoreBusy"]
    monkeypatch.setattr(here.store, "transaction", begin)
    assert here.states() == {}
    assert here.outcomes(*events) == ["done", "done"]


def test_a_batch_is_settled_in_one_call(desk: Callable[[str], Desk]) -> None:
    here = desk(INSERT)
    go_on = hold(here.writer)
    told: list[int] = []

    class Counting(Asker):
        def settle(self, jobs: Sequence[Delivery]) -> None:
            told.append(len(jobs))
            super().settle(jobs)

    asker = Counting(6)
    for n in range(6):
        event = here.make_event("product.created", id=f"evt_{n}", name="ada")
        here.writer.hand_over([Delivery(event, body_of(event).decode(), of(event), asker=asker)])
    go_on.set()
    assert asker.all_told.wait(30)
    assert told == [6]


def test_a_batch_is_shared_by_what_is_fed_and_what_is_handed_over(
    desk: Callable[[str], Desk],
) -> None:
    here = desk(INSERT)
    asked: list[int] = []
    asker = Asker(100)

    def delivery(name: str) -> Delivery:
        event = here.make_event("product.created", id=name, name="ada")
        return Delivery(event, body_of(event).decode(), of(event), asker=asker)

    class Full(Feed):
        left = 50

        def take(self, most: int) -> list[Delivery]:
            asked.append(most)
            count = min(most, self.left)
            self.left -= count
            return [delivery(f"evt_fed{self.left + n}") for n in range(count)]

    go_on = hold(here.writer)
    here.writer.hand_over([delivery(f"evt_{n}") for n in range(50)])
    here.writer._feed = Full()
    before = here.writer.metrics.batches.total
    go_on.set()
    assert asker.all_told.wait(30)
    assert asked[0] == MOST_IN_BATCH // 2
    assert here.writer.metrics.batches.total - before >= 100
    assert here.writer.metrics.batches.counts[-1] == 0


def test_whoever_leaves_it_to_the_writer_goes_on_when_a_batch_is_done_or_late(
    desk: Callable[[str], Desk],
) -> None:
    here = desk(INSERT)
    event = here.make_event("product.created", id="evt_1", name="ada")
    asker = Asker(2)
    first, second = (
        Delivery(event, body_of(event).decode(), of(event), asker=asker) for _ in range(2)
    )
    here.writer.hand_over([first])
    here.writer.leave_to_it(30)
    assert first.outcome.outcome == "done"
    go_on = hold(here.writer)
    here.writer.hand_over([second])
    here.writer.leave_to_it(0)
    here.writer.leave_to_it(30)  # it was late, so nobody waits for it now
    assert second.outcome is None
    go_on.set()
    assert asker.all_told.wait(30)
    assert second.outcome.outcome == "duplicate"


def test_a_code_block_does_not_hold_up_the_others(
    desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(CODE)
    began, go_on = threading.Event(), threading.Event()
    run = Block.run

    def slow(block: Block, inputs: Any) -> Any:
        assert threading.current_thread().name.startswith("actionflow-code")
        began.set()
        assert go_on.wait(30)
        return run(block, inputs)

    monkeypatch.setattr(Block, "run", slow)
    event = here.make_event("product.created", id="evt_1", n=41)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(here.outcomes(event)))
    thread.start()
    assert began.wait(30)
    # The block computes, and the writer does other things.
    assert here.writer.submit(lambda tx: tx.find("order", {})).result(30) == []
    assert here.states() == {}
    go_on.set()
    thread.join()
    assert found == ["done"]
    assert [row["amount"] for row in here.rows()] == [42]


def test_work_with_a_code_block_comes_back_too(desk: Callable[[str], Desk]) -> None:
    here = desk(CODE)
    event = here.make_event("product.created", id="evt_1", n=41)
    done = here.writer.deliver(event, body_of(event).decode(), of(event))
    assert done.result(30).outcome == "done"
    assert [row["amount"] for row in here.rows()] == [42]


def test_a_code_block_that_fails_fails_its_event(desk: Callable[[str], Desk]) -> None:
    here = desk(CODE)
    events = [here.make_event("product.created", id=f"evt_{n}", n=n) for n in (-1, 1)]
    assert here.outcomes(*events) == ["waiting", "done"]
    assert [row["amount"] for row in here.rows()] == [2]


def test_a_sandbox_that_cannot_start_fails_the_event(
    desk: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(CODE)

    def missing(*_: object) -> Any:
        raise FileNotFoundError("no monty")

    monkeypatch.setattr(Block, "run", missing)
    assert here.outcomes(here.make_event("product.created", id="evt_1", n=1)) == ["waiting"]


def test_stopping_finishes_what_was_taken(desk: Callable[[str], Desk]) -> None:
    here = desk(CODE)
    go_on = hold(here.writer)
    late = here.writer.submit(lambda tx: "done")
    stopping = threading.Thread(target=here.writer.stop)
    stopping.start()
    go_on.set()
    stopping.join(30)
    assert late.result(0) == "done"
    assert not here.writer.alive
    with pytest.raises(WriterBusy):
        here.writer.submit(lambda tx: None)


class Broken:
    """Whoever asks, and cannot be told."""

    def settle(self, jobs: object) -> None:
        raise RuntimeError("nobody is there")


def test_a_fault_in_telling_does_not_end_the_writer(
    desk: Callable[[str], Desk], caplog: pytest.LogCaptureFixture
) -> None:
    here = desk(INSERT)
    event = here.make_event("product.created", id="evt_1", name="ada")
    here.writer.hand_over([Delivery(event, body_of(event).decode(), of(event), asker=Broken())])
    other = here.make_event("product.created", id="evt_2", name="lin")
    assert here.outcomes(other) == ["done"]
    assert here.writer.alive
    assert here.states() == {"evt_1": "done", "evt_2": "done"}
    assert "could not be told" in caplog.text
