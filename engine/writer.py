"""The one writer: a thread that gathers waiting events into a transaction, a savepoint each.

One commit makes a whole batch durable, which is what lets SQLite keep up; an answer is given only
after that commit.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from engine.receive import Receiver, Verdict
from engine.store import inbox
from engine.store.base import Store, StoreBusy, Transaction
from engine.stripe.event import Event, when

log = logging.getLogger("actionflow.writer")

MOST_IN_BATCH = 64
MOST_WAITING = 10_000
"""Events held in memory; more are turned away with 503, and Stripe sends them again."""
LOOK_EVERY = 1.0
"""Seconds between looks for events whose next try is due."""


class WriterBusy(StoreBusy):
    """Too many events are waiting; Stripe will send this one again."""


@dataclass(slots=True)
class Job:
    """One piece of work for the writer's transaction, and the future that waits for its commit."""

    work: Callable[[Transaction], Any]
    done: Future[Any] = field(default_factory=Future)


class Writer:
    """Owns the writing side of a store in this process. Start it, submit, stop it."""

    def __init__(self, store: Store, receiver: Callable[[], Receiver]) -> None:
        """`receiver` is asked anew for each batch, so that reloaded flows take over between batches."""
        self.store = store
        self.receiver = receiver
        self._jobs: queue.Queue[Job | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="actionflow-writer", daemon=True)
        self._look_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what was taken, then stop."""
        self._jobs.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def deliver(self, data: dict[str, Any], payload: str, event: Event) -> Future[Verdict]:
        """Hand over a verified event; the future has its verdict once that is durable."""
        return self.submit(lambda tx: self.receiver().receive(tx, data, payload, event))

    def submit(self, work: Callable[[Transaction], Any]) -> Future[Any]:
        """Run `work` in the writer's next transaction. Raises WriterBusy."""
        job = Job(work)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise WriterBusy from None
        return job.done

    def _work(self) -> None:
        going = True
        while going:
            batch, going = self._gather()
            if batch:
                self._commit(batch)
            if going and time.monotonic() >= self._look_at:
                self._retry_due()

    def _gather(self) -> tuple[list[Job], bool]:
        batch: list[Job] = []
        try:
            job = self._jobs.get(timeout=max(self._look_at - time.monotonic(), 0.001))
            while job is not None:
                batch.append(job)
                if len(batch) >= MOST_IN_BATCH:
                    return batch, True
                job = self._jobs.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _commit(self, batch: list[Job]) -> None:
        results: list[tuple[Job, Any]] = []
        try:
            with self.store.transaction() as tx:
                for job in batch:
                    try:
                        with tx.savepoint():
                            results.append((job, job.work(tx)))
                    except StoreBusy:
                        raise
                    except Exception as error:
                        results.append((job, error))
        except Exception as error:
            # Nothing of the batch was kept: all of it is answered 5xx, and Stripe sends it again.
            log.error("a batch of %d could not be committed: %s", len(batch), error)
            for job in batch:
                job.done.set_exception(error)
            return
        for job, result in results:
            if isinstance(result, Exception):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)
            if isinstance(result, Verdict) and result.woken:
                self._look_at = 0.0

    def _retry_due(self) -> None:
        """Run a few due events; each is its own transaction, so that new ones need not wait long."""
        self._look_at = time.monotonic() + LOOK_EVERY
        receiver = self.receiver()
        try:
            with self.store.transaction() as tx:
                rows = inbox.due(tx, now=str(when(int(receiver.now()))), limit=MOST_IN_BATCH)
                woken = sum(receiver.again(tx, row).woken for row in rows)
        except Exception as error:
            log.error("events that are due could not be tried: %s", error)
            return
        if woken or len(rows) == MOST_IN_BATCH:
            self._look_at = 0.0
