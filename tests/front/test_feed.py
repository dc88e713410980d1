"""Deliveries of a front in the writer's hands, and answers to a front that reads, does not, or is gone."""

from __future__ import annotations

import asyncio
import socket
import types
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import pytest

from engine.front.feed import FrontFeed, Link
from engine.front.frames import ANSWER, EVENT, answers, read_answers
from engine.metrics import Metrics
from engine.spans import Spans
from engine.verdict import Verdict
from engine.web.answers import BUSY, CLOSE, JSON, PROBLEM, Answer
from engine.web.ledger import Taken
from tests.acceptance.test_kill import event_for

THIN = orjson.dumps(
    {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.charge.succeeded",
        "created": "2026-05-28T00:00:00.000Z",
        "livemode": False,
    }
)


def frame(number: int, body: bytes) -> bytes:
    return EVENT.pack(len(body), number, 0.0) + body


class Ends:
    """A link and the front's end of it; both in this thread, which is the loop's."""

    def __init__(self) -> None:
        ours, self.front = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.front.setblocking(False)
        self.metrics = Metrics()
        self.errands: list[Any] = []
        service: Any = types.SimpleNamespace(
            metrics=self.metrics,
            spans=Spans(),
            desk=types.SimpleNamespace(complete=lambda *words: self.errands.append(words)),
        )
        self.link = Link(ours, service)
        self._buffer = bytearray()

    def close(self) -> None:
        self.link.close()
        self.front.close()

    def take(self, most: int = 64) -> list[Taken[int]]:
        return self.link.take(most)  # type: ignore[return-value]

    async def told(self, count: int) -> list[tuple[int, Answer]]:
        """So many answers, as the front reads them."""
        found: list[tuple[int, Answer]] = []
        while len(found) < count:
            self._buffer += await asyncio.get_running_loop().sock_recv(self.front, 65536)
            found += read_answers(self._buffer)
        return found


@pytest.fixture
def run() -> Callable[[Callable[[Ends], Coroutine[Any, Any, None]]], None]:
    async def with_ends(work: Callable[[Ends], Coroutine[Any, Any, None]]) -> None:
        ends = Ends()
        try:
            await work(ends)
        finally:
            ends.close()

    return lambda work: asyncio.run(with_ends(work))


Run = Callable[[Callable[[Ends], Coroutine[Any, Any, None]]], None]


def test_answers_come_out_as_they_went_in_whatever_came_together() -> None:
    told = [
        (1, Answer(200, b'{"a": 1}')),
        (2**32 - 1, Answer(503, b"{}", PROBLEM, BUSY)),
        (3, Answer(413, b"", JSON, CLOSE)),
    ]
    whole = answers(told)
    for size in (1, 5, ANSWER.size, len(whole)):
        buffer = bytearray()
        found = []
        for at in range(0, len(whole), size):
            buffer += whole[at : at + size]
            found += read_answers(buffer)
        assert found == told
        assert not buffer


def test_deliveries_are_read_however_they_are_cut(run: Run) -> None:
    sent = b"".join(frame(number, event_for(number)) for number in range(5))

    async def work(ends: Ends) -> None:
        found = []
        for at in range(0, len(sent), 7):
            ends.front.send(sent[at : at + 7])
            found += ends.take()
        assert [(job.whom, job.event.id) for job in found] == [(n, f"evt_{n}") for n in range(5)]
        assert [job.payload for job in found] == [event_for(n).decode() for n in range(5)]

    run(work)


def test_no_more_are_taken_than_asked_for_and_none_is_forgotten(run: Run) -> None:
    async def work(ends: Ends) -> None:
        ends.front.send(b"".join(frame(number, event_for(number)) for number in range(10)))
        found = [[job.whom for job in ends.take(4)] for _ in range(4)]
        assert found == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], []]

    run(work)


def test_large_bodies_go_through_again_and_again(run: Run) -> None:
    async def work(ends: Ends) -> None:
        event = orjson.loads(event_for(1))
        event["data"]["object"]["filler"] = "ä" * 500_000
        body = orjson.dumps(event)
        loop = asyncio.get_running_loop()
        for number in range(6):
            sending = asyncio.ensure_future(loop.sock_sendall(ends.front, frame(number, body)))
            found: list[Taken[int]] = []
            while not found:
                found = ends.take()
                await asyncio.sleep(0)
            await sending
            assert [(job.whom, job.payload) for job in found] == [(number, body.decode())]

    run(work)


def test_what_is_no_event_is_answered_and_counted(run: Run) -> None:
    async def work(ends: Ends) -> None:
        ends.front.send(frame(1, b"[]") + frame(2, event_for(2)) + frame(3, b"no json"))
        assert [job.whom for job in ends.take()] == [2]
        told = await ends.told(2)
        assert [(number, answer.status) for number, answer in told] == [(1, 400), (3, 400)]
        assert ends.metrics.refused == {"no_event": 2}

    run(work)


def test_thin_events_are_the_desks_and_answered_by_it(run: Run) -> None:
    async def work(ends: Ends) -> None:
        ends.front.send(frame(7, THIN))
        assert ends.take() == []
        while not ends.errands:
            await asyncio.sleep(0)
        [(_data, event, started, tell)] = ends.errands
        assert (event.id, started) == ("evt_thin", 0.0)
        tell(Answer(200, b"{}"))
        assert await ends.told(1) == [(7, Answer(200, b"{}"))]

    run(work)


def test_nobody_waits_for_a_front_that_does_not_read_and_it_gets_all_when_it_does(run: Run) -> None:
    async def work(ends: Ends) -> None:
        told = [(number, Answer(200, b"x" * 10_000)) for number in range(1000)]
        for one in told:
            ends.link.send([one])
        assert await ends.told(1000) == told
        ends.link.send([(1000, Answer(200, b""))])
        assert await ends.told(1) == [(1000, Answer(200, b""))]

    run(work)


def test_events_of_a_front_that_is_gone_are_counted_all_the_same(run: Run) -> None:
    async def work(ends: Ends) -> None:
        ends.front.send(frame(1, event_for(1)))
        jobs = ends.take()
        ends.front.close()
        assert ends.take() == []
        assert ends.link.over
        for job in jobs:
            job.outcome = Verdict("done", job.event)
        ends.link.settle(jobs)
        ends.link.close()
        ends.link.settle(jobs)
        assert sum(ends.metrics.events.values()) == 2

    run(work)


def test_a_feed_goes_from_front_to_front() -> None:
    async def work() -> None:
        feed = FrontFeed()
        assert feed.take(9) == ()
        for number in range(3):
            ends = Ends()
            ends.front.send(frame(number, event_for(number)))
            feed.connect(ends.link)
            feed.wait(60)
            [job] = feed.take(9)
            assert job.event.id == f"evt_{number}"
            if number == 1:
                ends.front.send(b"\xff" * EVENT.size + b"rubbish")
            else:
                ends.front.close()
            feed.wait(60)
            feed.take(9)
            assert ends.link.over
            ends.front.close()
        feed.ring()
        feed.wait(60)
        feed.close()

    asyncio.run(work())
