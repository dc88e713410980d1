"""Events whose next try is due: leased by this process, and run again by its writer."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from engine.batch import Batch
from engine.clock import timestamp
from engine.jobs import Task
from engine.metrics import Metrics
from engine.receive import Receiver
from engine.store import waking
from engine.store.base import Store
from engine.store.inbox import InboxRow
from engine.verdict import Verdict, first_of_tick

log = logging.getLogger("actionflow.writer")

LEASE = 60
"""Seconds until another process may take over a due event."""
LOOK_EVERY = 1.0
"""Seconds between looks for events whose next try is due."""


class DueEvents:
    """Takes due events of a store for this process, now and then."""

    def __init__(self, store: Store, receiver: Callable[[], Receiver], metrics: Metrics) -> None:
        self._store = store
        self._receiver = receiver
        self._metrics = metrics
        self.look_at = 0.0
        """When to look for more, by the monotonic clock; 0.0 for at once. From any thread."""
        self._owner = f"{socket.gethostname()}-{os.getpid()}"

    def take(self, most: int) -> list[Task]:
        """Lease so many at most, the oldest news first, as jobs; none where that fails, until the next
        look."""
        self.look_at = time.monotonic() + LOOK_EVERY
        try:
            found = self._lease(most)
        except Exception as error:
            log.error("events that are due could not be taken: %s", error)
            return []
        if len(found) == most:
            self.look_at = 0.0
        return found

    def _lease(self, most: int) -> list[Task]:
        now = self._receiver().now()
        # Whoever is told of what these events do waits for a later commit, and so for this one too.
        with self._store.transaction(ahead=True) as tx:
            rows = waking.lease(
                tx,
                now=timestamp(now),
                until=timestamp(now + LEASE),
                owner=self._owner,
                limit=most,
            )
        return [Task(self._again(row), Future()) for row in rows]

    def _again(self, row: InboxRow) -> Callable[[Batch], Verdict | None]:
        def again(batch: Batch) -> Verdict | None:
            batch.write()
            mine = waking.leased(batch.tx, row.id, self._owner)
            if mine is None:
                return None  # delivered again meanwhile, perhaps done
            verdict = batch.again(mine)
            batch.after_commit(partial(self._count, verdict))
            return verdict

        return again

    def _count(self, verdict: Verdict) -> None:
        if not first_of_tick(verdict):
            self._metrics.retries[verdict.outcome] += 1
            return
        with self._metrics.lock:
            self._metrics.event(verdict.event.type, verdict.outcome)
