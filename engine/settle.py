"""Batches that are committed: who is told of them once they are durable, and the thread that waits.

While the disk works on one batch the writer is at the next (engine/store/sqlite_sync.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from engine.batch import Batch
from engine.jobs import Job, tell
from engine.store.base import StoreLost

log = logging.getLogger("actionflow.writer")

MOST_AHEAD = 4
"""Batches that are committed and not settled, at most; then the writer waits for the disk."""
MANY = 16
"""Jobs of a batch for which the writer waits itself. Then there is no processor to spare: to go ahead
would make batches smaller and events dearer, and two threads take the interpreter from each other."""
SLOW = 0.002
"""Seconds a sync takes from which on the writer goes ahead at all: a disk that is quicker is sooner
waited for than another thread woken."""


class Settlement:
    """A batch whose transaction is over: the jobs done in it, and how to wait until it is durable
    (`Transaction.pending`), None where it is."""

    __slots__ = ("_batch", "jobs", "pending")

    def __init__(
        self, jobs: Sequence[Job], batch: Batch, pending: Callable[[], None] | None
    ) -> None:
        self.jobs = jobs
        self.pending = pending
        self._batch = batch

    def settle(self) -> float:
        """Wait until it is durable, and tell everybody; when that fails, tell them so. Gives the
        seconds waited."""
        waited = 0.0
        try:
            if self.pending is not None:
                started = time.perf_counter()
                self.pending()
                waited = time.perf_counter() - started
            self._batch.committed()
        except Exception as error:
            if not isinstance(error, StoreLost):  # which was logged
                log.exception("a batch of %d could not be settled", len(self.jobs))
            for job in self.jobs:
                job.outcome = error
        tell(self.jobs)
        return waited


class Settler:
    """Settles in the order of commits, in a thread of its own. Start it, put, stop it."""

    def __init__(self, settled: Callable[[], None], beside: Callable[[], None]) -> None:
        """`settled` is called after each that this thread has settled; `beside` by the thread that puts
        one, before it waits itself for the disk, which has begun already."""
        self._after = settled
        self._beside = beside
        self._waiting: deque[tuple[Settlement, bool] | None] = deque()
        """Those put and not settled yet, the one under way too, each with whether it was put alone:
        then what it waits for is one sync, and all of one. None is the end."""
        self._sync = 2 * SLOW
        """Seconds that syncs have taken of late, a running average; of an unknown disk, many."""
        self._some = threading.Semaphore(0)
        self._room = threading.Semaphore(MOST_AHEAD)
        self._thread = threading.Thread(target=self._work, name="actionflow-settler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def put(self, settlement: Settlement) -> None:
        """Have it settled: here and now where that does not take long, or the batch is large."""
        alone = not self._waiting
        if alone and (
            settlement.pending is None or self._sync < SLOW or len(settlement.jobs) >= MANY
        ):
            try:
                if settlement.pending is not None:
                    self._beside()
            finally:
                self._settle(settlement, alone)
            return
        self._room.acquire()
        self._waiting.append((settlement, alone))
        self._some.release()

    def stop(self) -> None:
        """Settle what there is, then end."""
        self._waiting.append(None)
        self._some.release()
        self._thread.join()

    def _settle(self, settlement: Settlement, alone: bool) -> None:
        waited = settlement.settle()
        if alone and settlement.pending is not None:
            self._sync += (waited - self._sync) / 8

    def _work(self) -> None:
        while True:
            self._some.acquire()
            first = self._waiting[0]
            if first is None:
                return
            settlement, alone = first
            try:
                self._settle(settlement, alone)
            except Exception:  # a fault of ours must not end this thread: nobody would be answered
                log.exception("some of %d could not be told", len(settlement.jobs))
            self._waiting.popleft()
            self._after()
            self._room.release()
