"""The one writer: a thread that gathers waiting events into a transaction, a savepoint each.

One commit makes a whole batch durable, which is what lets SQLite keep up; an answer is given only
then, beside the next batch (engine/settle.py). Code blocks are run beside it too (engine/aside.py).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from engine import aside
from engine.batch import Batch
from engine.commit import Committer
from engine.due import DueEvents
from engine.feed import Feed
from engine.jobs import Delivery, Job, Task, tell
from engine.logs import ABOUT, about
from engine.metrics import Metrics
from engine.receive import Receiver
from engine.settle import Settlement, Settler
from engine.store.base import Store, Transaction, WriterBusy
from engine.stripe.event import Event
from engine.verdict import Verdict

log = logging.getLogger("actionflow.writer")

MOST_IN_BATCH = 64
MOST_WAITING = 10_000
"""Events held in memory; more are turned away with 503, and Stripe sends them again."""
BLOCKS_AT_ONCE = 4
"""Code blocks that are run at the same time."""


class Writer:
    """Owns the writing side of a store in this process. Start it, submit, stop it."""

    def __init__(
        self,
        store: Store,
        receiver: Callable[[], Receiver],
        metrics: Metrics | None = None,
        feed: Feed | None = None,
    ) -> None:
        """`receiver` is asked anew for each batch, so that reloaded flows take over between batches;
        `feed` brings deliveries beside those that are handed over."""
        self.metrics = metrics or Metrics()
        self._jobs: deque[Job] = deque()
        self._feed = feed or Feed()
        self._brought: list[Job] = []
        """What the feed brought while the disk was at the last batch."""
        self._batch_over = threading.Lock()  # a bell: whoever releases it rings
        self._batch_over.acquire()
        self._late = False
        self._idle = False
        self._stopping = False
        self._aside = 0
        self._pool = ThreadPoolExecutor(BLOCKS_AT_ONCE, thread_name_prefix="actionflow-code")
        self._worker = threading.Thread(target=self._work, name="actionflow-writer", daemon=True)
        self._settler = Settler(partial(_release, self._batch_over), self._fetch)
        self._due = DueEvents(store, receiver, self.metrics)
        self.committer = Committer(
            store,
            receiver,
            self.metrics,
            settle=self._settle,
            put_aside=self._put_aside,
            give_up=self._give_up,
        )

    def start(self) -> None:
        self._settler.start()
        self._worker.start()

    def stop(self) -> None:
        """Finish what was taken, then stop."""
        self._stopping = True
        self._ring()
        self._worker.join()
        self._settler.stop()
        self._feed.close()
        self._pool.shutdown()

    @property
    def alive(self) -> bool:
        return self._worker.is_alive() and self._settler.alive

    @property
    def waiting(self) -> int:
        """Jobs in memory that no batch has taken yet."""
        return len(self._jobs)

    def look(self) -> None:
        """Look for due events at once. From any thread."""
        self._due.look_at = 0.0
        self._ring()

    def deliver(self, data: dict[str, Any], payload: str, event: Event) -> Future[Verdict]:
        """Hand over a verified event; the future has its verdict once that is durable. Raises
        WriterBusy."""
        done: Future[Verdict] = Future()
        self._put([Delivery(data, payload, event, done=done)])
        return done

    def hand_over(self, deliveries: Sequence[Delivery]) -> None:
        """Take them all, and tell their askers. Raises WriterBusy: then none is taken."""
        self._batch_over.acquire(blocking=False)  # of an earlier batch
        self._put(deliveries)

    def leave_to_it(self, seconds: float) -> None:
        """Stand still until the writer has done a batch, or there are answers; so many seconds at most.

        For the thread that hands over: as long as both run they take the interpreter from each
        other at every statement, which costs more than the work. When the writer was late, the next
        calls return at once until it has caught up.
        """
        if self._late and not self._batch_over.acquire(blocking=False):
            return
        self._late = not self._batch_over.acquire(timeout=seconds)

    def submit(self, work: Callable[[Transaction], Any]) -> Future[Any]:
        """Run `work` in the writer's next transaction. Raises WriterBusy.

        It may be run more than once (a code block's result was needed, another transaction was in
        the way), and only the last time counts.
        """
        done: Future[Any] = Future()
        said = ABOUT.get()

        def alone(batch: Batch) -> Any:
            batch.write()
            with about(**said), batch.tx.savepoint():
                return work(batch.tx)

        self._put([Task(alone, done)])
        return done

    def _put(self, jobs: Sequence[Job]) -> None:
        if self._stopping and not self.alive:
            raise WriterBusy("The server is stopping.")
        if len(self._jobs) + len(jobs) > MOST_WAITING:
            raise WriterBusy
        self._jobs.extend(jobs)
        if self._idle:
            self._ring()

    def _ring(self) -> None:
        self._feed.ring()

    def _work(self) -> None:
        while True:
            batch = self._gather()
            if batch:
                self._safely(batch)
            elif self._stopping and not self._aside and not self._jobs:
                return
            if not self._stopping and time.monotonic() >= self._due.look_at:
                # Behind those that came meanwhile.
                self._jobs.extend(self._due.take(MOST_IN_BATCH))

    def _safely(self, jobs: list[Job]) -> None:
        """A fault of ours must not end this thread: the server would take events and answer none."""
        try:
            self.committer.work_through(jobs)
        except Exception as error:
            log.exception("the writer stumbled over %d jobs, and goes on", len(jobs))
            with contextlib.suppress(Exception):  # some may have been told already
                self._give_up(jobs, error)

    def _gather(self) -> list[Job]:
        """The next jobs, when there are some; empty when it is time to look for due events."""
        batch = self._fed()
        if not self._jobs and not batch:
            self._idle = True
            # Seen by whoever appends from here on; what came before is seen by us.
            if not self._jobs and not (self._stopping and not self._aside):
                self._feed.wait(max(self._due.look_at - time.monotonic(), 0.001))
            self._idle = False
            batch = self._fed()
        while self._jobs and len(batch) < MOST_IN_BATCH:
            job = self._jobs.popleft()
            # Begun: from now on nobody can call it off, or telling its outcome would fail.
            done = job.done
            if done is None or done.running() or done.set_running_or_notify_cancel():
                batch.append(job)
        return batch

    def _fed(self) -> list[Job]:
        """What the feed has brought; half a batch is left to others who wait."""
        brought, self._brought = self._brought, []
        room = (MOST_IN_BATCH // 2 if self._jobs else MOST_IN_BATCH) - len(brought)
        return [*brought, *self._feed.take(room)] if room > 0 else brought

    def _fetch(self) -> None:
        """Have the feed's next jobs read; the disk works meanwhile."""
        self._brought = self._fed()

    def _put_aside(self, job: Job, asked: aside.ResultNeeded) -> None:
        """Have a code block run that a job needs the result of."""
        self._aside += 1
        self._pool.submit(self._find, job, asked)

    def _find(self, job: Job, asked: aside.ResultNeeded) -> None:
        """Run a code block, then let its job go on."""
        try:
            job.results.find(asked)
        finally:
            self._jobs.append(job)
            self._aside -= 1
            self._ring()

    def _give_up(self, jobs: Sequence[Job], error: Exception) -> None:
        """Nothing was kept: all of it is answered 5xx, and Stripe sends it again."""
        log.error("a batch of %d could not be committed: %s", len(jobs), error)
        for job in jobs:
            job.outcome = error
        tell(jobs)
        _release(self._batch_over)

    def _settle(self, settlement: Settlement) -> None:
        """Answer once it is durable."""
        jobs = settlement.jobs
        if any(isinstance(job.outcome, Verdict) and job.outcome.woken for job in jobs):
            self._due.look_at = 0.0
        self._settler.put(settlement)
        _release(self._batch_over)


def _release(bell: threading.Lock) -> None:
    with contextlib.suppress(RuntimeError):  # it rings already
        bell.release()
