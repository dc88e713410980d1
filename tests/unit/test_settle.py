"""The writer of a server on SQLite: an event is answered after the sync behind its commit, never before."""

from __future__ import annotations

import gc
import pathlib
import queue
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from engine.feed import Feed
from engine.jobs import Delivery
from engine.project import Project
from engine.receive import Receiver
from engine.settle import MANY
from engine.store import migrate
from engine.store.base import StoreBusy
from engine.store.sqlite_store import SqliteStore
from engine.stripe.event import of
from engine.verdict import Verdict
from engine.writer import Writer
from tests.conftest import body_of
from tests.store.disk import Disk

FLOW = """
flow: own
trigger: {stripe: [product.created]}
nodes:
  - id: new
    type: table.insert
    table: order
    values: {user_id: "{{ event.data.object.id }}", amount: 500, currency: usd}
"""
KEPT = "SELECT id FROM actionflow_inbox WHERE state = 'done'"
PAID = 'SELECT user_id FROM "order"'

Events = Callable[..., dict[str, Any]]


class Served:
    """A writer at work as in a server, with a disk of its own; who asks is told here."""

    def __init__(
        self, folder: pathlib.Path, patch: pytest.MonkeyPatch, feed: Feed | None = None
    ) -> None:
        self.project = Project.open(folder)
        migrate.apply(self.project.file, folder)
        self.store = self.project.store()
        path = self.project.database_file
        assert path is not None
        self.disk = Disk(path)
        patch.setattr("engine.store.sqlite_sync.sync_data", self.disk.sync)
        self.store.claim_server()
        assert isinstance(self.store, SqliteStore)
        assert self.store.checkpointer is not None
        self.store.checkpointer.stop()
        receiver = Receiver(self.project)
        self.writer = Writer(self.store, lambda: receiver, feed=feed)
        self.writer.start()
        self.told: queue.Queue[Delivery] = queue.Queue()
        self.by: list[str] = []
        """The threads that told, in order."""
        self.missing: set[str] = set()
        """Events that were acknowledged before they were safe."""

    def settle(self, jobs: Sequence[Delivery]) -> None:
        self.by.append(threading.current_thread().name)
        safe = {id for (id,) in self.disk.after_power_loss(KEPT)}
        for job in jobs:
            if isinstance(job.outcome, Verdict) and job.event.id not in safe:
                self.missing.add(job.event.id)
            self.told.put(job)

    def send(self, *events: dict[str, Any]) -> None:
        self.writer.hand_over(self.deliveries(*events))

    def deliveries(self, *events: dict[str, Any]) -> list[Delivery]:
        return [Delivery(event, body_of(event).decode(), of(event), asker=self) for event in events]

    def answers(self, count: int) -> list[tuple[str, str]]:
        """So many answers, in the order they are given."""
        found = []
        for _ in range(count):
            job = self.told.get(timeout=30)
            outcome = job.outcome
            word = outcome.outcome if isinstance(outcome, Verdict) else type(outcome).__name__
            found.append((job.event.id, word))
        return found


class Batches(Feed):
    """Brings what it has a list at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.coming: deque[list[Delivery]] = deque()

    def take(self, most: int) -> list[Delivery]:
        return self.coming.popleft() if self.coming else []


class Gate:
    """A sync that takes until it is let through."""

    def __init__(self, disk: Disk) -> None:
        self.reached = threading.Semaphore(0)
        self.open = threading.Event()
        self.fails = False
        disk.before = self.wait

    def wait(self) -> None:
        self.reached.release()
        assert self.open.wait(30)
        if self.fails:
            raise OSError(5, "Input/output error")


@pytest.fixture
def served(
    make_project: Callable[..., pathlib.Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    here = Served(make_project(own=FLOW), monkeypatch)
    yield here
    here.writer.stop()
    here.store.close()
    here.disk.close()
    assert not here.missing


def test_the_next_batch_runs_while_the_disk_works_and_nobody_is_told(
    served: Served, make_event: Events
) -> None:
    gate = Gate(served.disk)
    first, second = make_event(), make_event()
    served.send(first)
    assert gate.reached.acquire(timeout=30)
    looked = threading.Event()

    def look(tx: Any) -> int:
        looked.set()
        return len(tx.find("order", {}))

    served.send(second, first)
    seen = served.writer.submit(look)
    assert looked.wait(30)  # in a transaction behind theirs
    assert served.told.empty()
    assert not seen.done()
    gate.open.set()
    assert served.answers(3) == [
        (first["id"], "done"),
        (second["id"], "done"),
        (first["id"], "duplicate"),
    ]
    assert seen.result(30) == 2


@pytest.mark.parametrize(
    ("slow", "teller"), [(60.0, "actionflow-writer"), (0.0, "actionflow-settler")]
)
def test_the_writer_waits_itself_for_a_disk_that_is_known_to_be_quick(
    slow: float,
    teller: str,
    make_project: Callable[..., pathlib.Path],
    make_event: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`slow` is what counts as a slow sync: here every disk is quick, or none."""
    monkeypatch.setattr("engine.settle.SLOW", slow)
    here = Served(make_project(own=FLOW), monkeypatch)
    events = [make_event() for _ in range(20)]
    for event in events:
        here.send(event)
        assert here.answers(1) == [(event["id"], "done")]
    here.writer.stop()
    here.store.close()
    here.disk.close()
    assert not here.missing
    assert here.by[0] == "actionflow-settler"  # nothing is known of the disk yet
    assert set(here.by[-5:]) == {teller}


def test_the_next_jobs_are_read_before_the_writer_waits_for_the_disk(
    make_project: Callable[..., pathlib.Path],
    make_event: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has begun with them by then; and they are done after those it waits for, and not lost."""
    feed = Batches()
    here = Served(make_project(own=FLOW), monkeypatch, feed)
    told: list[tuple[int, int]] = []
    here.disk.before = lambda: told.append((len(feed.coming), here.told.qsize()))
    many, few = [make_event() for _ in range(MANY)], [make_event() for _ in range(3)]
    feed.coming += [here.deliveries(*many), here.deliveries(*few)]
    feed.ring()
    answers = here.answers(MANY + 3)
    here.writer.stop()
    here.store.close()
    here.disk.close()
    assert answers == [(event["id"], "done") for event in [*many, *few]]
    assert not here.missing
    assert told[0] == (0, 0)  # at the first sync the second list was read, and nobody told


def test_a_batch_without_a_sync_tells_nothing_of_the_disk(
    served: Served, make_event: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Duplicates change nothing: none has to wait, and however many, the disk is no quicker for it."""
    monkeypatch.setattr("engine.settle.SLOW", 0.0)
    event, other = make_event(), make_event()
    served.send(event)
    assert served.answers(1) == [(event["id"], "done")]
    for _ in range(20):
        served.send(event)
        assert served.answers(1) == [(event["id"], "duplicate")]
    served.send(other)
    assert served.answers(1) == [(other["id"], "done")]
    settler, writer = "actionflow-settler", "actionflow-writer"
    assert served.by == [settler, *[writer] * 20, settler]


def test_a_failed_sync_is_success_for_nobody_then_or_later(
    served: Served, make_event: Events
) -> None:
    gate = Gate(served.disk)
    gate.fails = True
    first, second = make_event(), make_event()
    served.send(first)
    assert gate.reached.acquire(timeout=30)
    served.send(second, first)
    gate.open.set()
    assert {word for _, word in served.answers(3)} == {"StoreLost"}
    gate.fails = False
    served.send(first, make_event())  # the disk would take it now
    assert {word for _, word in served.answers(2)} == {"StoreLost"}
    with pytest.raises(StoreBusy, match="restart the server"):
        served.writer.submit(lambda tx: None).result(30)
    assert served.disk.after_power_loss(KEPT) == []


def test_stopping_waits_for_the_disk(served: Served, make_event: Events) -> None:
    gate = Gate(served.disk)
    served.send(make_event())
    assert gate.reached.acquire(timeout=30)
    stopping = threading.Thread(target=served.writer.stop)
    stopping.start()
    assert served.told.empty()
    gate.open.set()
    stopping.join(30)
    assert served.told.qsize() == 1


def test_a_batch_leaves_nothing_to_the_collector_of_cycles(
    served: Served, make_event: Events
) -> None:
    """In a server it would stop everybody for a tenth of a second to take thousands away."""
    served.send(make_event())
    served.answers(1)  # what is made once has been made
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            served.send(*(make_event() for _ in range(20)))
            served.answers(20)
        served.writer.submit(lambda tx: None).result(30)  # the last batch is over
        assert gc.collect() < 100
    finally:
        gc.enable()


@pytest.mark.parametrize("seed", range(5))
def test_every_acknowledged_event_outlives_a_loss_of_power(
    served: Served, make_event: Events, seed: int
) -> None:
    chance = random.Random(seed)
    sent: list[dict[str, Any]] = []
    count = 0
    for _ in range(40):
        batch = [
            chance.choice(sent) if sent and chance.random() < 0.3 else make_event()
            for _ in range(chance.choice([1, 1, 2, 5, 30]))
        ]
        sent += batch
        count += len(batch)
        served.send(*batch)
        if chance.random() < 0.3:
            count -= len(served.answers(chance.randint(1, count)))
        if chance.random() < 0.2:
            served.writer.submit(lambda tx: None).result(30)
    served.answers(count)
    ids = {event["id"] for event in sent}
    assert {id for (id,) in served.disk.after_power_loss(KEPT)} == ids
    assert len(served.disk.after_power_loss(PAID)) == len(ids)
