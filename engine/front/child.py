"""The front's process: `python -m engine.front.child`, started by the server and by nobody else.

It follows the server: signals are the server's, and when that has gone it goes, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sized
from typing import Any, NoReturn

import uvicorn

from engine import logs
from engine.collector import quiet_collector
from engine.errors import BadInput
from engine.front import control
from engine.front.control import Settings
from engine.front.frames import EVENT, read_answers
from engine.front.protocol import FrontProtocol
from engine.metrics import Metrics
from engine.store.refusals import WriterBusy
from engine.stripe.event import load, of
from engine.stripe.signature import verify
from engine.web import answers
from engine.web.answers import Answer
from engine.web.proof import not_kept, refused

Tell = Callable[[Answer], None]
COUNT_EVERY = 0.1
"""Seconds that what was counted may wait to be told."""
log = logging.getLogger("actionflow.webhook")


class FrontDesk(asyncio.Protocol):
    """Checks signatures, sends deliveries to the server, and tells its answers."""

    transport: asyncio.Transport

    def __init__(self, settings: Settings, door: FrontDoor, waiting: dict[int, Tell]) -> None:
        """`waiting` is filled with the deliveries that are sent on and not answered."""
        self._settings = settings
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._waiting = waiting
        self._number = 0
        self._frames: list[bytes] = []
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        leave()

    def take(self, body: bytes, signature: str, started: float, tell: Tell) -> None:
        """See `Desk.take`."""
        try:
            verify(body, signature, self._settings.secrets, now=time.time())
            if len(self._waiting) >= self._settings.most_waiting:
                self._turn_away(body, started, tell)
                return
        except BadInput as error:
            self.refuse(*refused(error), started, tell)
            return
        self._number = number = (self._number + 1) & 0xFFFFFFFF
        self._waiting[number] = tell
        if not self._frames:
            self._loop.call_soon(self._send)
        self._frames += (EVENT.pack(len(body), number, started), body)

    def refuse(self, reason: str, answer: Answer, started: float, tell: Tell) -> None:
        """See `Desk.refuse`."""
        counted = self._door.counted
        counted.refused[reason] += 1
        self._count(started)
        tell(answer)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for number, answer in read_answers(self._buffer):
            try:
                self._waiting.pop(number)(answer)
            except Exception:  # the others are told all the same
                log.exception("an event's answer could not be written")

    def _send(self) -> None:
        """What a turn of the loop has brought."""
        frames, self._frames = self._frames, []
        self.transport.write(b"".join(frames))

    def _turn_away(self, body: bytes, started: float, tell: Tell) -> None:
        event = of(load(body))
        self._door.counted.event(event.type, "busy")
        self._count(started)
        tell(not_kept(event, WriterBusy()))

    def _count(self, started: float) -> None:
        self._door.counted.seconds.add(time.perf_counter() - started)
        self._door.counts_wait()


class FrontDoor:
    """The control socket: connections and counts go out, the server's word comes in."""

    def __init__(self, sock: socket.socket, server: Front, waiting: Sized) -> None:
        """`waiting` are the deliveries that are sent on and not answered."""
        self._loop = asyncio.get_running_loop()
        self._sender = control.Sender(sock, self._loop)
        self._socket = sock
        self._server = server
        self._waiting = waiting
        self._telling: asyncio.TimerHandle | None = None
        self.counted = Metrics()
        self._loop.add_reader(sock.fileno(), self._read)

    def serving(self) -> None:
        """Say that connections are taken."""
        self._sender.send(control.SERVING)

    def hand_over(self, connection: int, data: bytes) -> None:
        """See `protocol.Door`. What was counted goes ahead: who asks for numbers sees it."""
        self.tell_counts()
        while len(data) > control.MOST:
            self._sender.send(control.PART + data[: control.MOST])
            data = data[control.MOST :]
        self._sender.send(control.CONNECTION + data, connection)

    def counts_wait(self) -> None:
        """Something was counted."""
        if self._telling is None:
            self._telling = self._loop.call_later(COUNT_EVERY, self.tell_counts)

    def tell_counts(self) -> None:
        """Send what was counted and not told."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
            counted, self.counted = self.counted, Metrics()
            self._sender.send(control.COUNTS + counted.packed())

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            packet = control.receive(self._socket)
            if packet is None:
                leave()
            if packet[0] == control.STOP:
                self._server.should_exit = True
            elif packet[0] == control.ASK:
                self._sender.send(control.ALIVE + b"%d" % len(self._waiting))


class Front(uvicorn.Server):
    """Serves until the server says stop; signals are not for here."""

    def __init__(self, settings: Settings, sock: socket.socket, events: socket.socket) -> None:
        self._settings = settings
        self._control = sock
        self._events = events
        self.protocol: type[FrontProtocol] = type("Protocol", (FrontProtocol,), {})
        super().__init__(
            uvicorn.Config(
                nothing,
                log_level="warning",
                access_log=False,
                http=self.protocol,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=settings.grace,
                backlog=settings.backlog,
            )
        )

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        waiting: dict[int, Tell] = {}
        self._door = door = FrontDoor(self._control, self, waiting)
        desk = FrontDesk(self._settings, door, waiting)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: desk, sock=self._events)
        self.protocol.desk = desk
        self.protocol.door = door
        await super().startup(sockets)
        quiet_collector()
        door.serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._door.tell_counts()


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Every request for an app goes to the server itself."""
    raise AssertionError("no request is answered here by an app")


def leave() -> NoReturn:
    """The server has gone: nobody is left to answer for, or to tell."""
    os._exit(0)


def main(words: list[str]) -> None:
    """`words` are the descriptors of the control socket, of that for events, and of the listener."""
    # The last is what a terminal may send to whoever writes from behind.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    sock, events, listener = (socket.socket(fileno=int(word)) for word in words)
    packet = control.receive(sock)
    if packet is None:
        leave()
    settings = Settings.read(packet[1])
    logs.set_up(settings.form)
    answers.BODY_SECONDS = settings.body_seconds
    sock.send(control.READY)
    if control.receive(sock) is None:
        leave()
    Front(settings, sock, events).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1:])
