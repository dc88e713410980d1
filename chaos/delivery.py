"""Stripe, as a server sees it: delivers each event until it is acknowledged, over many connections.

Whatever goes wrong (no connection, no answer, any answer but 200) the event is sent again later.
"""

from __future__ import annotations

import asyncio
import collections
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from bench.events import deliveries

LENGTH = b"content-length: "
BREATH = 0.05
"""Seconds until a connection that was refused or turned away tries again."""
PATIENCE = 600.0
"""Seconds without one more acknowledgement after which waiting is given up."""
KEEP = 64
"""Signed requests kept, for the copies that follow at once."""


class Stuck(RuntimeError):
    """No event was acknowledged for a long time."""


class Delivery:
    """Delivers events in a thread of its own, from `start` until all are acknowledged.

    `ports` are the servers, taken in turn. Each event is sent `copies` times at once.
    """

    def __init__(
        self,
        ports: Sequence[int],
        orders: Iterable[int],
        *,
        copies: int = 1,
        connections: int = 32,
    ) -> None:
        self.acknowledged: set[int] = set()
        """Orders whose event was answered 200, at least once."""
        self.statuses: collections.Counter[int] = collections.Counter()
        """Answers by status; 0 is a connection that broke while an answer was due."""
        self.latencies: list[float] = []
        """Seconds each 200 took, from sending it."""
        self.seconds = 0.0
        self._ports = ports
        self._connections = connections
        self._waiting = collections.deque(order for order in orders for _ in range(copies))
        self._left = len(self._waiting)
        self._requests: collections.OrderedDict[int, tuple[int, bytes]] = collections.OrderedDict()
        self._changed = threading.Condition()
        self._goal: Callable[[], bool] = lambda: False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Delivery:
        self._thread.start()
        return self

    def wait(self, *, acknowledged: int = 0, refused: int = 0) -> None:
        """Until so many are acknowledged and so many deliveries came to nothing. Raises Stuck."""

        def there() -> bool:
            if self.over:
                return True
            failed = self.statuses.total() - self.statuses[200]
            return len(self.acknowledged) >= acknowledged and failed >= refused

        with self._changed:
            self._goal = there
            while not there():
                before = self.statuses.total()
                if not self._changed.wait(PATIENCE) and self.statuses.total() == before:
                    raise Stuck(f"nothing was answered for {PATIENCE:.0f} seconds")
            self._goal = lambda: False

    def finish(self) -> set[int]:
        """Wait until everything was acknowledged; what that was. Raises Stuck."""
        self.wait(acknowledged=self._left + len(self.acknowledged) + 1)
        self._thread.join()
        return self.acknowledged

    def stop(self) -> set[int]:
        """Deliver nothing more; what was acknowledged."""
        self._loop.call_soon_threadsafe(self._finish)
        self._thread.join()
        return self.acknowledged

    def _finish(self) -> None:
        if not self._end.done():
            self._end.set_result(None)

    @property
    def over(self) -> bool:
        """Whether every delivery was acknowledged."""
        return self._left == 0

    def quantile(self, part: float) -> float:
        """The latency that this part of the acknowledgements came within, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000

    def _run(self) -> None:
        import uvloop

        started = time.monotonic()
        uvloop.run(self._deliver())
        self.seconds = time.monotonic() - started
        with self._changed:
            self._changed.notify_all()

    async def _deliver(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.create_future()
        if self._left == 0:
            return
        keeping = [
            asyncio.create_task(self._keep(self._ports[number % len(self._ports)]))
            for number in range(self._connections)
        ]
        await self._end
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)

    async def _keep(self, port: int) -> None:
        """One connection, made anew whenever it is gone."""
        while True:
            try:
                transport, connection = await self._loop.create_connection(
                    lambda: Connection(self), "127.0.0.1", port
                )
            except OSError:
                await asyncio.sleep(BREATH)
                continue
            try:
                await connection.gone
            finally:
                transport.abort()

    def take(self) -> int | None:
        """The next order to deliver."""
        return self._waiting.popleft() if self._waiting else None

    def request(self, order: int) -> bytes:
        """Its delivery, signed within the last second or so."""
        second = int(time.time())
        kept = self._requests.get(order)
        if kept is not None and kept[0] == second:
            return kept[1]
        [sent] = deliveries(range(order, order + 1))
        self._requests[order] = second, sent.request
        if len(self._requests) > KEEP:
            self._requests.popitem(last=False)
        return sent.request

    def answered(self, order: int, status: int, seconds: float) -> None:
        """What came of a delivery: 200, another status, or 0 for nothing."""
        self.statuses[status] += 1
        if status == 200:
            self.acknowledged.add(order)
            self.latencies.append(seconds)
            self._left -= 1
        else:
            self._waiting.append(order)
        if self._goal():
            with self._changed:
                self._changed.notify_all()
        if self._left == 0:
            self._finish()


class Connection(asyncio.Protocol):
    """A request, its answer, the next request."""

    def __init__(self, delivery: Delivery) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._delivery = delivery
        self._order: int | None = None
        self._began = 0.0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        order, self._order = self._order, None
        if order is not None:
            self._delivery.answered(order, 0, 0.0)
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        at = data.lower().find(LENGTH, 0, end)
        if end < 0 or at < 0 or len(data) < end + 4 + int(data[at + 16 : data.index(b"\r", at)]):
            self._buffer = data
            return
        self._buffer = b""
        order, self._order = self._order, None
        status = int(data[9:12])
        if order is not None:
            self._delivery.answered(order, status, time.perf_counter() - self._began)
        if status == 200:
            self._next()
        else:
            asyncio.get_running_loop().call_later(BREATH, self._next)

    def _next(self) -> None:
        if self._transport.is_closing():
            return
        order = self._delivery.take()
        if order is None:
            # Another connection's event may have to be sent again.
            asyncio.get_running_loop().call_later(BREATH, self._next)
            return
        self._order = order
        self._began = time.perf_counter()
        self._transport.write(self._delivery.request(order))
