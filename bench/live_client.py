"""The subscribers: raw sockets of one process, and as little work for each message as Python allows."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

REQUEST = "GET /tables/order/subscribe{query} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n{place}\r\n"
END = b"\n\n"
SHORTEST, LONGEST = 0.02, 0.3
"""Seconds a client that was cut off stays away."""


@dataclass(slots=True)
class Watcher:
    """A subscriber across its connections: its place, and when it saw which version of which row."""

    key: str
    query: str = ""
    place: bytes = b""
    seen: list[tuple[int, int]] = field(default_factory=list)
    """Version and nanoseconds, in the order they came."""
    resets: int = 0
    connections: int = 0
    connection: Stream | None = None


class Stream(asyncio.Protocol):
    """One connection of a watcher. Messages are taken whole; what was cut in two counts as unseen."""

    def __init__(self, crowd: Crowd, watcher: Watcher) -> None:
        self.crowd, self.watcher = crowd, watcher
        self.buffer = b""
        self.ready = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        one = self.watcher
        one.connection = self
        one.connections += 1
        place = f"Last-Event-ID: {one.place.decode()}\r\n" if one.place else ""
        asked = REQUEST.format(query=one.query, key=one.key, place=place)
        self.transport.write(asked.encode())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter_ns()
        if self.buffer:
            data = self.buffer + data
        at = 0
        while (end := data.find(END, at)) >= 0:
            self.take(data[at:end], now)
            at = end + 2
        self.buffer = data[at:]

    def take(self, message: bytes, now: int) -> None:
        """One event; around it are chunk sizes and, the first time, the headers of the answer."""
        one = self.watcher
        begun = message.find(b"id: ")
        if begun >= 0:
            one.place = message[
                begun + 4 : message.index(b"\n", begun) if b"\n" in message[begun:] else None
            ]
        if (amount := message.find(b'"amount":')) >= 0:
            one.seen.append((int(message[amount + 9 : message.index(b",", amount)]), now))
        elif b"event: ready" in message:
            self.ready = True
            self.crowd.ready(self)
        elif b"event: reset" in message:
            one.resets += 1

    def connection_lost(self, error: Exception | None) -> None:
        if self.watcher.connection is self:
            self.watcher.connection = None
            self.crowd.lost(self)


class Crowd:
    """All subscribers. Whoever loses his connection comes again after a moment."""

    def __init__(self, port: int, watchers: Sequence[Watcher]) -> None:
        self.port = port
        self.watchers = watchers
        self.loop = asyncio.get_running_loop()
        self.arriving = asyncio.Semaphore(64)
        self.here = 0
        self.over = False
        self.tasks: set[asyncio.Task[None]] = set()
        self.all_here = asyncio.Event()

    def ready(self, stream: Stream) -> None:
        self.here += 1
        if self.here >= len(self.watchers):
            self.all_here.set()

    async def gather(self) -> float:
        """Connect everybody; the seconds it took."""
        began = time.perf_counter()
        for one in self.watchers:
            self.come(one, 0)
        await self.all_here.wait()
        return time.perf_counter() - began

    def come(self, one: Watcher, wait: float) -> None:
        task = self.loop.create_task(self._come(one, wait))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _come(self, one: Watcher, wait: float) -> None:
        await asyncio.sleep(wait)
        async with self.arriving:
            _, stream = await self.loop.create_connection(
                lambda: Stream(self, one), "127.0.0.1", self.port
            )
            while not stream.ready and one.connection is stream:
                await asyncio.sleep(0.002)

    def lost(self, stream: Stream) -> None:
        if self.over:
            return
        if stream.ready:
            self.here -= 1
            self.all_here.clear()
        self.come(stream.watcher, random.uniform(SHORTEST, LONGEST))

    async def cut(self, seconds: float, times: float) -> None:
        """Cut everybody's connection so many times on average, at random moments."""
        until = time.perf_counter() + seconds
        total = int(len(self.watchers) * times)
        for left in range(total, 0, -1):
            one = random.choice(self.watchers)
            if one.connection is not None:
                one.connection.transport.abort()
            await asyncio.sleep(max(until - time.perf_counter(), 0) / left)

    async def settled(self, wanted: int) -> None:
        """Wait until everybody is here, and as many messages came as were wanted or none comes any more."""
        await self.all_here.wait()
        quiet, before = 0, -1
        while quiet < 30 and (now := sum(len(one.seen) for one in self.watchers)) < wanted:
            quiet = quiet + 1 if now == before else 0
            before = now
            await asyncio.sleep(0.1)

    def end(self) -> None:
        self.over = True
        for one in self.watchers:
            if one.connection is not None:
                one.connection.transport.abort()
