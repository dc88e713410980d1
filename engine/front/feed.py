"""Deliveries from the front for the writer's thread, and their answers back to it.

None of this passes the server's loop: it would take the interpreter from the writer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import socket
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from engine.errors import BadInput
from engine.feed import Feed
from engine.front.frames import EVENT, Told, answers
from engine.jobs import Delivery
from engine.stripe.event import load, of
from engine.web.answers import MOST_BYTES, Answer
from engine.web.ledger import Ledger, Taken
from engine.web.proof import refused

if TYPE_CHECKING:
    from engine.web.service import Service

log = logging.getLogger("actionflow.front")

ROOM = 2 * (EVENT.size + MOST_BYTES)
"""Bytes of the buffer that deliveries are read into: whatever is left of one, another one fits."""


class Link:
    """The way to one front and back, as long as that lives.

    Read and closed by the writer's thread; any thread may `settle` and `send`.
    """

    def __init__(self, sock: socket.socket, service: Service) -> None:
        """On the server's loop."""
        sock.setblocking(False)
        self._socket = sock
        self._desk = service.desk
        self._ledger = Ledger(service)
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(ROOM)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0
        """What has been read and not taken."""
        self._unsent = b""
        self._sending = threading.Lock()
        self.over = False
        """The front has gone."""

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """No answer is sent from now on."""
        with self._sending:
            self.over = True
            if self._unsent:  # the loop watches the socket
                self._call(self._forget)
            else:
                self._socket.close()

    def take(self, most: int) -> list[Delivery]:
        """Deliveries that have come, so many at most."""
        found: list[Delivery] = []
        self._parse(found, most)
        if len(found) < most:
            self._receive()
            self._parse(found, most)
        return found

    def settle(self, jobs: Sequence[Delivery]) -> None:
        """See `engine.jobs.Asker`."""
        self.send(self._ledger.answers(cast(Sequence[Taken[int]], jobs)))

    def send(self, told: Sequence[Told]) -> None:
        """Answer these deliveries; nobody waits for a front that does not read."""
        data = answers(told)
        with self._sending:
            if self.over:
                return
            if self._unsent:
                self._unsent += data
                return
            sent = self._try(data)
            if sent < len(data):
                self._unsent = data[sent:]
                self._call(self._watch)

    def _watch(self) -> None:
        """On the loop."""
        self._loop.add_writer(self._socket.fileno(), self._send_rest)

    def _forget(self) -> None:
        """On the loop, and behind `_watch`."""
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _send_rest(self) -> None:
        """The front reads again. On the loop."""
        with self._sending:
            if self.over:
                return
            self._unsent = self._unsent[self._try(self._unsent) :]
            if not self._unsent:
                self._loop.remove_writer(self._socket.fileno())

    def _try(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it has gone; reading will say so, too
            return len(data)

    def _call(self, what: Callable[..., object], *words: object) -> None:
        """Have the loop do it."""
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(what, *words)

    def _parse(self, found: list[Delivery], most: int) -> None:
        view, at = self._view, self._begin
        while len(found) < most and self._end - at >= EVENT.size:
            length, number, started = EVENT.unpack_from(view, at)
            if length > MOST_BYTES:
                raise ValueError(
                    f"a body of {length} bytes was announced, {MOST_BYTES} are the most"
                )
            end = at + EVENT.size + length
            if end > self._end:
                break
            body = view[at + EVENT.size : end]
            at = end
            try:
                data = load(body)
                event = of(data)
            except BadInput as error:
                reason, answer = refused(error)
                self._ledger.refused(reason, started)
                self.send([(number, answer)])
                continue
            if event.thin:
                self._call(self._desk.complete, data, event, started, self._teller(number))
                continue
            found.append(Taken(self, data, str(body, "utf-8"), event, started, number))
        self._begin = at

    def _teller(self, number: int) -> Callable[[Answer], None]:
        """For who answers this one by itself."""

        def tell(answer: Answer) -> None:
            self.send([(number, answer)])

        return tell

    def _receive(self) -> None:
        """Read what has come, as far as there is room."""
        if self._begin == self._end:
            self._begin = self._end = 0
        elif self._begin > ROOM // 2:
            left = self._end - self._begin
            self._buffer[:left] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, left
        with contextlib.suppress(BlockingIOError):
            try:
                count = self._socket.recv_into(self._view[self._end :])
            except ConnectionError:
                count = 0
            self.over = self.over or count == 0
            self._end += count


class FrontFeed(Feed):
    """Feeds the writer from whatever front there is just now."""

    def __init__(self) -> None:
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closed = False
        self._ringing = threading.Lock()
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._link: Link | None = None
        self._next: Link | None = None

    def connect(self, link: Link) -> None:
        """To a front that has been started. From any thread."""
        self._next = link
        self.ring()

    def ring(self) -> None:
        with self._ringing:
            if not self._closed:
                os.eventfd_write(self._wake, 1)

    def wait(self, seconds: float) -> None:
        self._poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)

    def take(self, most: int) -> Sequence[Delivery]:
        following = self._next
        if following is not None:
            self._next = None
            self._hang_up()
            self._link = following
            self._poll.register(following.fileno(), select.POLLIN)
        link = self._link
        if link is None:
            return ()
        found: Sequence[Delivery] = ()
        try:
            found = link.take(most)
        except Exception:  # the writer must go on
            log.exception("what the front sent could not be read; it is given up")
            link.over = True
        if link.over:
            self._hang_up()
        return found

    def close(self) -> None:
        self._hang_up()
        if self._next is not None:
            self._next.close()
        with self._ringing:  # the number may soon be another file's
            self._closed = True
            os.close(self._wake)

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            self._poll.unregister(link.fileno())
            link.close()
