"""The load client: sockets and epoll, and as little work for each event as Python allows.

It must never be what is measured: an event costs it 10 to 20 us, most of them in the kernel.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.events import Sent

OK = b"HTTP/1.1 200"
LENGTH = b"content-length: "
PATIENCE = 30.0
"""Seconds without any answer after which a round is given up."""


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


class Connection:
    """One keep-alive connection: a request, its answer, the next request."""

    __slots__ = ("began", "buffer", "recv", "send", "sent", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Blocking: a request fits into the socket's buffer, which is empty when one is sent.
        self.send = self.socket.sendall
        self.recv = self.socket.recv
        self.sent: Sent
        self.began = 0.0
        self.buffer = b""


class Load:
    """Sends deliveries over so many connections, as fast as they are answered or at a fixed rate."""

    def __init__(self, deliveries: Sequence[Sent], port: int, connections: int) -> None:
        self.waiting = iter(deliveries)
        self.everyone = [Connection(port) for _ in range(connections)]
        self.idle = list(self.everyone)
        self.result = Result()
        self.poll = select.epoll()
        self.of = {one.socket.fileno(): one for one in self.everyone}
        for number in self.of:
            self.poll.register(number, select.EPOLLIN)

    def run(self, seconds: float, rate: float | None) -> Result:
        started = time.perf_counter()
        if rate is None:
            self._unpaced(started + seconds)
        else:
            self._paced(started, seconds, rate)
        self.result.seconds = time.perf_counter() - started
        for one in self.everyone:
            one.socket.close()
        self.poll.close()
        return self.result

    def _unpaced(self, until: float) -> None:
        """Each answer is followed by the next request at once."""
        clock = time.perf_counter
        while self.idle:
            self._send(self.idle.pop(), clock())
        left = len(self.everyone)
        while left:
            for one in self._answered(PATIENCE):
                if clock() < until:
                    self._send(one, clock())
                else:
                    left -= 1

    def _paced(self, started: float, seconds: float, rate: float) -> None:
        """At a fixed rate, whether or not the server keeps up: waiting counts as latency."""
        clock = time.perf_counter
        wanted = int(seconds * rate)
        made = 0
        due: collections.deque[float] = collections.deque()
        while made < wanted or due or len(self.idle) < len(self.everyone):
            now = clock()
            while made < wanted and started + made / rate <= now:
                due.append(started + made / rate)
                made += 1
            while due and self.idle:
                self._send(self.idle.pop(), due.popleft())
            wait = PATIENCE if made == wanted else started + made / rate - clock()
            self.idle += self._answered(max(wait, 0.0))

    def _send(self, one: Connection, began: float) -> None:
        one.sent = sent = next(self.waiting)
        one.began = began
        one.send(sent.request)

    def _answered(self, seconds: float) -> Iterator[Connection]:
        """Those whose answers have come by now; waits so long for the first."""
        result, of = self.result, self.of
        if seconds < PATIENCE:
            # epoll's own clock has milliseconds; to spin would take a processor from the server.
            select.select((self.poll,), (), (), seconds)
            ready = self.poll.poll(0)
        else:
            ready = self.poll.poll(seconds)
        if not ready and seconds >= PATIENCE:
            raise RuntimeError(f"no answer came for {seconds:.0f} seconds")
        for number, _ in ready:
            one = of[number]
            data = one.recv(65_536)
            if not data:
                raise ConnectionError("the server hung up")
            if one.buffer:
                data = one.buffer + data
            end = data.find(b"\r\n\r\n")
            at = data.find(LENGTH, 0, end)
            if (
                end < 0
                or at < 0
                or len(data) < end + 4 + int(data[at + 16 : data.index(b"\r", at)])
            ):
                one.buffer = data
                continue
            one.buffer = b""
            result.latencies.append(time.perf_counter() - one.began)
            if data.startswith(OK):
                result.acknowledged.append(one.sent)
            else:
                result.refused.append(data)
            yield one


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """A pause of the client's would be counted as the server's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def run(
    deliveries: Sequence[Sent],
    port: int,
    *,
    seconds: float,
    connections: int,
    rate: float | None = None,
) -> Result:
    """Deliver for so many seconds; `rate` is in events a second, None for as fast as can be."""
    with _no_collector():
        try:
            return Load(deliveries, port, connections).run(seconds, rate)
        except StopIteration:
            raise RuntimeError("the deliveries ran out; prepare more") from None
