"""What is counted, logged and answered for events that are done, whoever brought them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from engine.aside import Results
from engine.eventlog import EventLog
from engine.jobs import Asker, Delivery
from engine.stripe.event import Event
from engine.verdict import Verdict
from engine.web.answers import Answer, refusal
from engine.web.proof import not_kept

if TYPE_CHECKING:
    from engine.web.service import Service

log = logging.getLogger("actionflow.webhook")
W = TypeVar("W")


class Taken(Delivery, Generic[W]):
    """A delivery: when its headers had come (perf_counter), and who wants the answer."""

    __slots__ = ("started", "whom")

    def __init__(
        self,
        asker: Asker,
        data: dict[str, Any],
        payload: str,
        event: Event,
        started: float,
        whom: W,
    ) -> None:
        # What the classes above would do, in one step: this is on every event's way.
        self.data = data
        self.payload = payload
        self.event = event
        self.asker = asker
        self.done = None
        self.outcome = None
        self.results = Results()
        self.started = started
        self.whom = whom


class Ledger:
    """Of one service and one asker; any thread may call it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lines = EventLog(log)
        self._lock = threading.Lock()

    def answers(self, jobs: Sequence[Taken[W]]) -> list[tuple[W, Answer]]:
        """Who is to be told what, now that these are done; they are counted and logged."""
        service = self._service
        counted = service.metrics
        told = []
        now = time.perf_counter()
        with self._lock:
            with counted.lock:
                for taken in jobs:
                    try:
                        answer = self._answer(taken, service, now - taken.started)
                    except Exception as error:
                        log.exception("event %s could not be answered", taken.event.id)
                        answer = not_kept(taken.event, error)
                    told.append((taken.whom, answer))
                    counted.seconds.add(now - taken.started)
            self._lines.write()
        return told

    def refused(self, reason: str, started: float) -> None:
        """Count a delivery of which nothing is kept."""
        counted = self._service.metrics
        with counted.lock:
            counted.refused[reason] += 1
            counted.seconds.add(time.perf_counter() - started)

    def _answer(self, taken: Taken[W], service: Service, seconds: float) -> Answer:
        event, verdict = taken.event, taken.outcome
        counted = service.metrics
        if not isinstance(verdict, Verdict):
            counted.event(event.type, "busy")
            return not_kept(event, verdict)
        counted.event(event.type, verdict.outcome)
        service.spans.event(event, verdict.outcome, verdict.flow, seconds, verdict.run)
        self._lines.add(event.id, event.type, verdict.outcome, verdict.flow, verdict.run)
        if verdict.outcome == "waiting":
            return refusal(500, "flow_failed", verdict.reason)
        answer = {"event": event.id, "outcome": verdict.outcome, "flow": verdict.flow}
        if verdict.reason:
            answer["reason"] = verdict.reason
        return Answer(200, orjson.dumps(answer))
