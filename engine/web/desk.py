"""The desk: takes whole deliveries, hands them to the writer a turn of the loop at a time, answers.

ASGI (webhook.py) and our own protocol (express.py) both bring their deliveries here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import orjson

from engine.aside import Results
from engine.eventlog import EventLog
from engine.jobs import Delivery
from engine.logs import Seldom
from engine.store.base import StoreBusy
from engine.stripe.client import StripeUnreachable
from engine.stripe.event import BadEvent, Event, load, of
from engine.stripe.signature import SecretMissing, SignatureRefused, verify
from engine.verdict import Verdict
from engine.web.answers import BUSY, Answer, refusal
from engine.web.thin import completed

if TYPE_CHECKING:
    from engine.web.service import Service

log = logging.getLogger("actionflow.webhook")
refusals = Seldom(log)

Tell = Callable[[Answer], None]
GATHER = 64
"""Deliveries that go to the writer even while more are coming in."""
PATIENCE = 0.02
"""Seconds the loop stands still at most, to leave the processor to the writer."""


class Taken(Delivery):
    """A delivery at this desk: when its headers had come (perf_counter), and who wants the answer."""

    __slots__ = ("started", "tell")

    def __init__(
        self,
        desk: Desk,
        data: dict[str, Any],
        payload: str,
        event: Event,
        started: float,
        tell: Tell,
    ) -> None:
        # What the classes above would do, in one step: this is on every event's way.
        self.data = data
        self.payload = payload
        self.event = event
        self.asker = desk
        self.done = None
        self.outcome = None
        self.results = Results()
        self.started = started
        self.tell = tell


class Desk:
    """Of one service, on the loop that runs when it is made. Other threads may only `settle`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._gathered: list[Taken] = []
        self._seen = 0
        self._errands: set[asyncio.Task[None]] = set()
        self._lines = EventLog(log)
        # A database in another process works while the loop does.
        self._patience = 0.0 if service.project.database_file is None else PATIENCE

    def take(self, body: bytes, signature: str, started: float, tell: Tell) -> None:
        """One delivery with its whole body; `tell` is called once, on the loop, perhaps at once."""
        try:
            secrets = self._service.secrets.webhook_secrets
            payload = verify(body, signature, secrets, now=time.time())
            data = load(body)
            event = of(data)
        except SecretMissing as error:
            log.error("%s", error)
            self.refuse("no_secret", refusal(500, "no_webhook_secret", str(error)), started, tell)
        except SignatureRefused as error:
            refusals.warning("refused: %s", error)
            self.refuse("signature", refusal(400, "signature_refused", str(error)), started, tell)
        except BadEvent as error:
            refusals.warning("refused: %s", error)
            self.refuse("no_event", refusal(400, "not_an_event", str(error)), started, tell)
        else:
            if event.thin:
                errand = self._loop.create_task(self._complete(data, event, started, tell))
                self._errands.add(errand)
                errand.add_done_callback(self._errands.discard)
            else:
                self._gather(Taken(self, data, payload, event, started, tell))

    def refuse(self, reason: str, answer: Answer, started: float, tell: Tell) -> None:
        """A delivery that is not taken; nothing of it is kept."""
        counted = self._service.metrics
        counted.refused[reason] += 1
        counted.seconds.add(time.perf_counter() - started)
        tell(answer)

    def settle(self, jobs: Sequence[Delivery]) -> None:
        """See `engine.jobs.Asker`."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits any more
            self._loop.call_soon_threadsafe(self._answer, cast(Sequence[Taken], jobs))

    async def _complete(
        self, data: dict[str, Any], event: Event, started: float, tell: Tell
    ) -> None:
        """Fetch what a thin event points at."""
        service = self._service
        try:
            data, event = await completed(data, event, service.project, service.stripe)
        except StripeUnreachable as error:
            log.warning("%s", error)
            tell(refusal(503, "stripe_unreachable", str(error), BUSY))
        except Exception as error:
            # Nobody else would answer.
            tell(_not_kept(event, error))
        else:
            self._gather(Taken(self, data, orjson.dumps(data).decode(), event, started, tell))

    def _gather(self, taken: Taken) -> None:
        self._gathered.append(taken)
        if len(self._gathered) == 1:
            self._seen = 0
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Hand over what has gathered; but when the last turn of the loop brought some, one more
        may bring more, and a batch costs as much as several events."""
        gathered = self._gathered
        if self._seen < len(gathered) < GATHER:
            self._seen = len(gathered)
            self._loop.call_soon(self._turn)
            return
        self._gathered = []
        writer = self._service.writer
        try:
            writer.hand_over(gathered)
        except StoreBusy as busy:
            for taken in gathered:
                taken.outcome = busy
            self._answer(gathered)
        else:
            if self._patience:
                writer.leave_to_it(self._patience)

    def _answer(self, jobs: Sequence[Taken]) -> None:
        service = self._service
        for taken in jobs:
            try:
                taken.tell(self._told(taken, service))
            except Exception:
                log.exception("event %s could not be answered", taken.event.id)
            service.metrics.seconds.add(time.perf_counter() - taken.started)
        self._lines.write()

    def _told(self, taken: Taken, service: Service) -> Answer:
        event, verdict = taken.event, taken.outcome
        counted = service.metrics
        if not isinstance(verdict, Verdict):
            counted.event(event.type, "busy")
            return _not_kept(event, verdict)
        counted.event(event.type, verdict.outcome)
        seconds = time.perf_counter() - taken.started
        service.spans.event(event, verdict.outcome, verdict.flow, seconds, verdict.run)
        self._lines.add(event.id, event.type, verdict.outcome, verdict.flow, verdict.run)
        if verdict.outcome == "waiting":
            return refusal(500, "flow_failed", verdict.reason)
        answer = {"event": event.id, "outcome": verdict.outcome, "flow": verdict.flow}
        if verdict.reason:
            answer["reason"] = verdict.reason
        return Answer(200, orjson.dumps(answer))


def _not_kept(event: Event, error: object) -> Answer:
    if isinstance(error, StoreBusy):
        log.error("event %s could not be kept: %s", event.id, error)
        return refusal(503, "busy", str(error), BUSY)
    log.error("event %s could not be kept", event.id, exc_info=error)  # type: ignore[arg-type]
    return refusal(503, "not_kept", "The event could not be kept; send it again.", BUSY)
