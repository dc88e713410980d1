"""Pieces of work for the writer's transaction, and how those who wait for them are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from engine import aside
from engine.batch import Batch
from engine.stripe.event import Event
from engine.verdict import Verdict

log = logging.getLogger("actionflow.writer")


class Asker(Protocol):
    """Whoever hands over jobs and is told of them together: one call for a batch, not one each."""

    def settle(self, jobs: Sequence[Delivery]) -> None:
        """They are done and durable, or their `outcome` is an error. In any thread."""


class Job:
    """Work for the writer's transaction.

    `outcome` is what it gave, or the exception it raised. Who waits for the commit is a future
    (`done`) or an `asker`.
    """

    __slots__ = ("asker", "done", "outcome", "results")

    def __init__(self, *, done: Future[Any] | None = None, asker: Asker | None = None) -> None:
        self.done = done
        self.asker = asker
        self.outcome: Any = None
        self.results = aside.Results()

    def run(self, batch: Batch) -> Any:
        """The work; it may be run more than once, and only the last time counts."""
        raise NotImplementedError


class Task(Job):
    """Any work."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[Batch], Any], done: Future[Any]) -> None:
        super().__init__(done=done)
        self.work = work

    def run(self, batch: Batch) -> Any:
        return self.work(batch)


class Delivery(Job):
    """A verified event with the decoded body and its text."""

    __slots__ = ("data", "event", "payload")

    def __init__(
        self,
        data: dict[str, Any],
        payload: str,
        event: Event,
        *,
        done: Future[Any] | None = None,
        asker: Asker | None = None,
    ) -> None:
        super().__init__(done=done, asker=asker)
        self.event = event
        self.data = data
        self.payload = payload

    def run(self, batch: Batch) -> Verdict:
        return batch.receive(self.data, self.payload, self.event)


def tell(jobs: Sequence[Job]) -> None:
    """Tell whoever waits for these jobs their outcome: an asker once for all of its own."""
    told: dict[Asker, list[Delivery]] = {}
    for job in jobs:
        if job.asker is not None:
            assert isinstance(job, Delivery)
            told.setdefault(job.asker, []).append(job)
        elif job.done is not None:
            if isinstance(job.outcome, BaseException):
                job.done.set_exception(job.outcome)
            else:
                job.done.set_result(job.outcome)
    for asker, theirs in told.items():
        try:
            asker.settle(theirs)
        except Exception:  # the others are told all the same
            log.exception("%d who asked could not be told", len(theirs))
