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

from engine.errors import BadInput
from engine.jobs import Delivery
from engine.store.base import StoreBusy
from engine.stripe.client import StripeUnreachable
from engine.stripe.event import Event, load, of
from engine.stripe.signature import verify
from engine.web.answers import BUSY, Answer, refusal
from engine.web.ledger import Ledger, Taken
from engine.web.proof import not_kept, refused
from engine.web.thin import completed

if TYPE_CHECKING:
    from engine.web.service import Service

log = logging.getLogger("actionflow.webhook")

Tell = Callable[[Answer], None]
GATHER = 64
"""Deliveries that go to the writer even while more are coming in."""
PATIENCE = 0.02
"""Seconds the loop stands still at most, to leave the processor to the writer."""


class Desk:
    """Of one service, on the loop that runs when it is made. Other threads may only `settle`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._gathered: list[Taken[Tell]] = []
        self._seen = 0
        self._errands: set[asyncio.Task[None]] = set()
        self._ledger = Ledger(service)
        # A database in another process works while the loop does.
        self._patience = 0.0 if service.project.database_file is None else PATIENCE

    def take(self, body: bytes, signature: str, started: float, tell: Tell) -> None:
        """One delivery with its whole body; `tell` is called once, on the loop, perhaps at once."""
        try:
            secrets = self._service.secrets.webhook_secrets
            payload = verify(body, signature, secrets, now=time.time())
            data = load(body)
            event = of(data)
        except BadInput as error:
            self.refuse(*refused(error), started, tell)
        else:
            if event.thin:
                self.complete(data, event, started, tell)
            else:
                self._gather(Taken(self, data, payload, event, started, tell))

    def complete(self, data: dict[str, Any], event: Event, started: float, tell: Tell) -> None:
        """A thin event: it is taken once what it points at has been fetched."""
        errand = self._loop.create_task(self._complete(data, event, started, tell))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    def refuse(self, reason: str, answer: Answer, started: float, tell: Tell) -> None:
        """A delivery that is not taken; nothing of it is kept."""
        self._ledger.refused(reason, started)
        tell(answer)

    def settle(self, jobs: Sequence[Delivery]) -> None:
        """See `engine.jobs.Asker`."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits any more
            self._loop.call_soon_threadsafe(self._answer, cast(Sequence[Taken[Tell]], jobs))

    async def _complete(
        self, data: dict[str, Any], event: Event, started: float, tell: Tell
    ) -> None:
        """Fetch what a thin event points at."""
        service = self._service
        try:
            data, event = await completed(data, event, service.receiver, service.stripe)
        except StripeUnreachable as error:
            log.warning("%s", error)
            tell(refusal(503, "stripe_unreachable", str(error), BUSY))
        except Exception as error:
            # Nobody else would answer.
            tell(not_kept(event, error))
        else:
            self._gather(Taken(self, data, orjson.dumps(data).decode(), event, started, tell))

    def _gather(self, taken: Taken[Tell]) -> None:
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

    def _answer(self, jobs: Sequence[Taken[Tell]]) -> None:
        for tell, answer in self._ledger.answers(jobs):
            try:
                tell(answer)
            except Exception:
                log.exception("an event's answer could not be written")
