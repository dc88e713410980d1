"""The load client: raw sockets, keep-alive, and as little work for each event as Python allows."""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from bench.events import Sent

OK = b"HTTP/1.1 200"
LENGTH = b"content-length: "


@dataclass(slots=True)
class Result:
    """What came of a round. Times in seconds; `refused` are answers other than 200."""

    seconds: float = 0.0
    acknowledged: list[Sent] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Events acknowledged a second."""
        return len(self.acknowledged) / self.seconds

    def quantile(self, part: float) -> float:
        """The latency that this part of the answers came within, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request, its answer, the next request."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.sent: Sent | None = None
        self.began = 0.0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, sent: Sent, began: float) -> None:
        self.sent, self.began = sent, began
        self.transport.write(sent.request)

    def data_received(self, data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
        end = data.find(b"\r\n\r\n")
        at = data.find(LENGTH, 0, end)
        if end < 0 or at < 0 or len(data) < end + 4 + int(data[at + 16 : data.index(b"\r", at)]):
            self.buffer = data
            return
        self.buffer = b""
        self.load.answered(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.load.over.done():
            self.load.over.set_exception(error or ConnectionError("the server hung up"))


class Load:
    """Sends deliveries over so many connections, as fast as they are answered or at a fixed rate."""

    def __init__(self, deliveries: Sequence[Sent], seconds: float, rate: float | None) -> None:
        self.waiting = collections.deque(deliveries)
        self.due: collections.deque[float] = collections.deque()
        self.seconds = seconds
        self.rate = rate
        self.idle: collections.deque[Connection] = collections.deque()
        self.result = Result()
        self.under_way = 0

    async def run(self, port: int, connections: int) -> Result:
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = loop.create_future()
        for _ in range(connections):
            _, connection = await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", port
            )
            self.idle.append(connection)
        everyone = list(self.idle)
        started = time.perf_counter()
        self.until = started + self.seconds
        if self.rate is None:
            while self.idle:
                self.next(self.idle.popleft())
        else:
            await self._paced(started)
        await self.over
        self.result.seconds = time.perf_counter() - started
        for connection in everyone:
            connection.transport.abort()
        return self.result

    async def _paced(self, started: float) -> None:
        """At a fixed rate, whether or not the server keeps up: waiting counts as latency."""
        assert self.rate is not None
        made = 0
        while (now := time.perf_counter()) < self.until:
            for _ in range(made, int((now - started) * self.rate)):
                made += 1
                if self.idle:
                    self._send(self.idle.popleft(), now)
                else:
                    self.due.append(now)
            await asyncio.sleep(0.0005)
        self.rate = None
        self.until = 0.0
        self._end()

    def next(self, connection: Connection) -> None:
        if self.due:
            self._send(connection, self.due.popleft())
        elif self.rate is None and time.perf_counter() < self.until and self.waiting:
            self._send(connection, time.perf_counter())
        else:
            self.idle.append(connection)
            self._end()

    def answered(self, connection: Connection, answer: bytes) -> None:
        self.under_way -= 1
        assert connection.sent is not None
        result = self.result
        result.latencies.append(time.perf_counter() - connection.began)
        if answer.startswith(OK):
            result.acknowledged.append(connection.sent)
        else:
            result.refused.append(answer)
        self.next(connection)

    def _send(self, connection: Connection, began: float) -> None:
        if not self.waiting:
            raise RuntimeError("the deliveries ran out; prepare more")
        self.under_way += 1
        connection.send(self.waiting.popleft(), began)

    def _end(self) -> None:
        if not self.under_way and self.rate is None and not self.over.done():
            self.over.set_result(None)


def run(
    deliveries: Sequence[Sent],
    port: int,
    *,
    seconds: float,
    connections: int,
    rate: float | None = None,
) -> Result:
    """Deliver for so many seconds; `rate` is in events a second, None for as fast as can be."""
    import uvloop

    return uvloop.run(Load(deliveries, seconds, rate).run(port, connections))
