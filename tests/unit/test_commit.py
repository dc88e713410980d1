"""Jobs through transactions: what fails alone, what fails together, what is run again."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from engine import aside
from engine.batch import Batch
from engine.commit import Committer
from engine.jobs import Job, Task
from engine.metrics import Metrics
from engine.project import Project
from engine.receive import Receiver
from engine.sandbox import Block
from engine.settle import Settlement
from engine.store.again import MOST_RUNS
from engine.store.base import Store, StoreBusy, StoreConflict, WriteFailedLate

FLOW = "flow: own\ntrigger: {stripe: [product.created]}\nnodes: []\n"


class Desk:
    """A committer of a store in memory, and what came of its jobs."""

    def __init__(self, folder: pathlib.Path) -> None:
        project = Project.open(folder)
        receiver = Receiver(project)
        self.store: Store = project.scratch({})
        self.begin = self.store.transaction
        self.metrics = Metrics()
        self.settled: list[list[Job]] = []
        self.given_up: list[tuple[list[Job], Exception]] = []
        self.aside: list[Job] = []
        self.careful: list[bool] = []
        self.refusals: list[Exception] = []
        """What each transaction in turn is refused with."""
        self.committer = Committer(
            self.store,
            lambda: receiver,
            self.metrics,
            settle=self._settle,
            put_aside=self._put_aside,
            give_up=self._give_up,
        )

    def work_through(self, jobs: list[Job]) -> None:
        """In a thread of its own, as the writer is: it runs no code blocks from then on."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self.committer.work_through, jobs).result(30)

    def transaction(self, *, careful: bool, ahead: bool) -> Any:
        self.careful.append(careful)
        if self.refusals:
            raise self.refusals.pop(0)
        return self.begin(careful=careful, ahead=ahead)

    def _settle(self, settlement: Settlement) -> None:
        self.settled.append(list(settlement.jobs))

    def _put_aside(self, job: Job, asked: aside.ResultNeeded) -> None:
        job.results.find(asked)
        self.aside.append(job)

    def _give_up(self, jobs: Sequence[Job], error: Exception) -> None:
        self.given_up.append((list(jobs), error))

    def names(self) -> list[str]:
        with self.store.reader() as tx:
            return sorted(row["user_id"] for row in tx.find("order", {}))


@pytest.fixture
def desk(
    make_project: Callable[..., pathlib.Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    opened = Desk(make_project(own=FLOW))
    monkeypatch.setattr(opened.store, "transaction", opened.transaction)
    yield opened
    opened.store.close()


def order(name: str, error: Exception | None = None, block: Block | None = None) -> Task:
    """A job that makes an order; its amount is what the block gives. With `error` it fails."""

    def work(batch: Batch) -> str:
        with batch.tx.savepoint():
            if error is not None:
                raise error
            batch.tx.insert("order", {"user_id": name, "amount": 5, "currency": "usd"})
            if block is not None:
                assert aside.result(block, {"n": 1}) == 2
        return name

    return Task(work, Future())


def test_a_batch_is_one_transaction(desk: Desk) -> None:
    jobs: list[Job] = [order("ada"), order("lin")]
    desk.work_through(jobs)
    assert desk.settled == [jobs]
    assert [job.outcome for job in jobs] == desk.names() == ["ada", "lin"]
    assert desk.careful == [False]
    assert (desk.metrics.batches.total, sum(desk.metrics.batches.counts)) == (2, 1)


def test_a_job_that_fails_is_settled_with_its_error_beside_the_others(desk: Desk) -> None:
    error = ValueError("no")
    jobs: list[Job] = [order("ada"), order("bad", error), order("lin")]
    desk.work_through(jobs)
    assert desk.settled == [jobs]
    assert [job.outcome for job in jobs] == ["ada", error, "lin"]
    assert desk.given_up == []
    assert desk.names() == ["ada", "lin"]


def test_a_job_that_needs_a_code_blocks_result_is_put_aside_and_done_when_it_comes_again(
    desk: Desk,
) -> None:
    first, slow = order("ada"), order("lin", block=Block("return n + 1", ["n"]))
    desk.work_through([first, slow])
    assert (desk.settled, desk.aside) == ([[first]], [slow])
    assert desk.names() == ["ada"]
    desk.work_through([slow])
    assert (desk.settled, desk.aside) == ([[first], [slow]], [slow])
    assert desk.names() == ["ada", "lin"]


@pytest.mark.parametrize("refused", [StoreBusy("the disk is full"), RuntimeError("a fault")])
def test_one_job_that_nothing_could_be_kept_of_is_given_up(desk: Desk, refused: Exception) -> None:
    job = order("ada")
    desk.refusals = [refused]
    desk.work_through([job])
    assert desk.given_up == [([job], refused)]
    assert desk.settled == []
    assert desk.names() == []


def test_what_the_database_has_no_room_for_is_given_up_together(desk: Desk) -> None:
    busy = StoreBusy("the disk is full")
    jobs: list[Job] = [order("ada"), order("bad", busy), order("lin")]
    desk.work_through(jobs)
    assert desk.given_up == [(jobs, busy)]
    assert desk.names() == []


def test_where_a_batch_fails_each_is_run_alone(desk: Desk) -> None:
    jobs: list[Job] = [order("ada"), order("bad"), order("lin")]
    fault = RuntimeError("a fault")
    desk.refusals = [fault]
    desk.work_through(jobs)
    assert desk.settled == [[job] for job in jobs]
    assert desk.given_up == []
    assert desk.names() == ["ada", "bad", "lin"]


def test_others_in_the_way_have_the_batch_run_again(desk: Desk) -> None:
    jobs: list[Job] = [order("ada"), order("lin")]
    desk.refusals = [StoreConflict(), WriteFailedLate("late"), StoreConflict()]
    desk.work_through(jobs)
    assert desk.settled == [jobs]
    assert desk.names() == ["ada", "lin"]
    # With care after a statement sent ahead has failed: then its error comes where it belongs.
    assert desk.careful == [False, False, True, False]


def test_others_who_are_always_in_the_way_end_it(desk: Desk) -> None:
    jobs: list[Job] = [order("ada"), order("lin")]
    last = StoreConflict()
    desk.refusals = [*(StoreConflict() for _ in range(MOST_RUNS - 1)), last]
    desk.work_through(jobs)
    assert desk.given_up == [(jobs, last)]
    assert desk.settled == []
    assert desk.careful == [False] * (MOST_RUNS - 1) + [True]
