"""The desk answers whatever happens: one delivery's fault is not another's."""

from __future__ import annotations

import asyncio
import time
import types
from typing import Any

import orjson
import pytest

from engine.jobs import Delivery
from engine.metrics import Metrics
from engine.receive import Verdict
from engine.spans import Spans
from engine.store.base import WriterBusy
from engine.stripe.signature import sign
from engine.web import desk as desks
from engine.web.answers import Answer
from engine.web.desk import Desk
from tests.acceptance.test_kill import event_for

SECRET = "whsec_x"


class Writer:
    """Does everything at once, or has no room."""

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self.batches: list[int] = []

    def hand_over(self, jobs: list[Delivery]) -> None:
        if self.full:
            raise WriterBusy
        self.batches.append(len(jobs))
        for job in jobs:
            job.outcome = Verdict("done", job.event)
        asker = jobs[0].asker
        assert asker is not None
        asker.settle(jobs)

    def leave_to_it(self, seconds: float) -> None:
        """It has done its batch."""


def open_desk(writer: Writer) -> Desk:
    service: Any = types.SimpleNamespace(
        metrics=Metrics(),
        spans=Spans(),
        secrets=types.SimpleNamespace(webhook_secrets=(SECRET,)),
        project=types.SimpleNamespace(database_file="x"),
        stripe=None,
        writer=writer,
    )
    return Desk(service)


def take(desk: Desk, body: bytes, tell: Any) -> None:
    desk.take(body, sign(body, SECRET, int(time.time())), time.perf_counter(), tell)


def told(*bodies: bytes, writer: Writer) -> list[Answer]:
    """What these deliveries of one turn of the loop are answered."""

    async def run() -> list[Answer]:
        desk = open_desk(writer)
        waiting: list[asyncio.Future[Answer]] = []
        for body in bodies:
            waiting.append(asyncio.get_running_loop().create_future())
            take(desk, body, waiting[-1].set_result)
        return await asyncio.gather(*waiting)

    return asyncio.run(run())


def test_what_comes_together_goes_to_the_writer_together() -> None:
    writer = Writer()
    answers = told(*[event_for(n) for n in range(70)], writer=writer)
    assert writer.batches == [70]
    assert [orjson.loads(one.body)["event"] for one in answers] == [f"evt_{n}" for n in range(70)]


def test_a_full_writer_is_503() -> None:
    answers = told(event_for(1), event_for(2), writer=Writer(full=True))
    assert [(one.status, one.headers) for one in answers] == [(503, ((b"retry-after", b"5"),))] * 2


def test_a_fault_in_fetching_a_thin_events_object_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object) -> Any:
        raise ValueError("no such thing")

    monkeypatch.setattr(desks, "completed", fails)
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.charge.succeeded",
        "created": "2026-05-28T00:00:00.000Z",
        "livemode": False,
    }
    [answer] = told(orjson.dumps(thin), writer=Writer())
    assert answer.status == 503
    assert orjson.loads(answer.body)["code"] == "not_kept"


def test_one_that_cannot_be_told_keeps_no_other_waiting() -> None:
    async def run() -> Answer:
        desk = open_desk(Writer())
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def broken(_: Answer) -> None:
            raise OSError("the socket is gone")

        take(desk, event_for(1), broken)
        take(desk, event_for(2), answered.set_result)
        return await asyncio.wait_for(answered, 30)

    assert asyncio.run(run()).status == 200
