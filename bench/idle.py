"""Idle subscribers: `python -m bench.idle` opens 10,000 streams of live results beside the load.

It shows what a stream costs in memory, whether events are answered as before, and how a SIGTERM under
load ends: every acknowledged event is there, every stream has said goodbye.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import resource
import tempfile
import threading
import time
from typing import cast

from bench import load
from bench.contestants import Actionflow
from bench.events import Sent, deliveries
from engine.access import keys
from engine.project import Project

REQUEST = "GET /tables/order/subscribe?id={order} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n"
READY, BYE, OVER = b"event: ready", b"event: bye", b"\r\n0\r\n\r\n"
OPENING = 200
"""Streams that are being opened at the same time."""
PATIENCE = 300.0


class Stream(asyncio.Protocol):
    """One subscriber, who waits for a row nobody changes. `tail` is the end of what came."""

    def __init__(self, crowd: Crowd, order: int) -> None:
        self.crowd, self.order = crowd, order
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tail = b""
        self.said_goodbye = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(REQUEST.format(order=self.order, key=self.crowd.key).encode())

    def data_received(self, data: bytes) -> None:
        self.tail = (self.tail + data)[-2000:]
        if READY in self.tail and not self.open.done():
            self.open.set_result(None)
        self.said_goodbye = self.said_goodbye or BYE in self.tail

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(ConnectionError(f"a stream was refused: {self.tail[:300]!r}"))
        self.crowd.closed(self)


class Crowd:
    """Subscribers in a thread of their own, each of one order of `orders`."""

    def __init__(self, port: int, key: str, orders: range) -> None:
        self.port, self.key, self.orders = port, key, orders
        self.streams: set[Stream] = set()
        self.ended = 0
        """Streams that ended as they should: with a goodbye, and a whole body."""
        self.broken = 0
        self._gone = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self) -> None:
        """Open all streams and wait until each is told that it is. Raises ConnectionError."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(PATIENCE)

    def wait_for_the_end(self) -> None:
        """Until every stream is closed. Raises TimeoutError."""
        if not self._gone.wait(PATIENCE):
            raise TimeoutError(f"{len(self.streams)} streams are still open")

    def closed(self, stream: Stream) -> None:
        """A stream is over."""
        self.streams.discard(stream)
        if stream.said_goodbye and stream.tail.endswith(OVER):
            self.ended += 1
        else:
            self.broken += 1
        if not self.streams:
            self._gone.set()

    async def _open(self) -> None:
        turn = asyncio.Semaphore(OPENING)

        async def one(order: int) -> None:
            async with turn:
                _, stream = await self._loop.create_connection(
                    lambda: Stream(self, order), "127.0.0.1", self.port
                )
                self.streams.add(stream)
                await stream.open

        await asyncio.gather(*(one(order) for order in self.orders))


class Shop(Actionflow):
    """The example, with a key for its staff."""

    name = "idle"

    def prepare(self) -> None:
        super().prepare()
        project = Project.open(self.folder / "flows")
        store = project.store()
        with store.transaction() as tx:
            self.key = keys.create(tx, project.file, role="admin")
        store.close()

    def terminate(self) -> tuple[float, float]:
        """SIGTERM; the seconds until the process is gone, and those of processor time it took for it."""
        used, children = self.cpu(), children_cpu()
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(PATIENCE)
        return time.monotonic() - began, children_cpu() - children - used


def children_cpu() -> float:
    """Processor seconds of all processes of ours that are gone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def under_load(shop: Shop, seconds: float, rate: float | None = None) -> load.Result:
    """So many seconds of events, 32 connections."""
    prepared = list(deliveries(shop.take(int(20_000 * seconds))))
    return load.run(prepared, shop.port, seconds=seconds, connections=32, rate=rate)


def told(what: str, found: load.Result) -> None:
    p50, p99 = found.quantile(0.5), found.quantile(0.99)
    print(f"{what:<24}{found.rate:8.0f}/s   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load a round (5)")
    parser.add_argument("--folder", type=pathlib.Path, help="where the database is made")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = options.subscribers
    events = int(20_000 * options.seconds) * 2 + 20_000
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shop = Shop(pathlib.Path(folder), events + count + 1)
        shop.start()
        acknowledged: list[Sent] = []
        try:
            acknowledged += under_load(shop, 1.0).acknowledged
            alone = under_load(shop, options.seconds)
            told("no subscribers", alone)
            before = shop.memory()
            began = time.monotonic()
            crowd = Crowd(shop.port, shop.key, range(events + 1, events + count + 1))
            crowd.open()
            opened = time.monotonic() - began
            each = (shop.memory() - before) * 1024 / count
            print(f"{count:,} subscribers opened in {opened:.1f} s, {each:.1f} KiB each")
            beside = under_load(shop, options.seconds)
            told(f"{count:,} subscribers", beside)
            refused = len(alone.refused) + len(beside.refused)
            acknowledged += alone.acknowledged + beside.acknowledged
        finally:
            seconds, cpu = shop.terminate()
        crowd.wait_for_the_end()
        print(
            f"SIGTERM: {crowd.ended:,} streams ended, {crowd.broken} broken; gone in {seconds:.1f} s, "
            f"{cpu:.1f} s of processor time"
        )
        wrong = shop.audit(acknowledged)
        print(f"audit: {len(acknowledged):,} acknowledged: {'; '.join(wrong) or 'all there, once'}")
    return 1 if wrong or refused or crowd.broken or crowd.ended != count else 0


if __name__ == "__main__":
    raise SystemExit(main())
