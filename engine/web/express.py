"""Events past ASGI: the HTTP protocol gives whole deliveries to the desk and writes its answers.

A scope, a task, an asyncio.Event and the messages of ASGI take longer than all we do with an event's
bytes. Every other request, and a delivery of a rarer kind (pipelined behind one under way, Expect,
another spelling of the path), goes uvicorn's way to the ASGI app, which answers the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from engine.web import answers
from engine.web.answers import Answer
from engine.web.protocol import GuardedProtocol

if TYPE_CHECKING:  # the front's process does without Starlette
    from starlette.datastructures import State

WEBHOOK = b"/webhooks/stripe"
STATUS = {
    200: b"200 OK",
    400: b"400 Bad Request",
    408: b"408 Request Timeout",
    413: b"413 Request Entity Too Large",
    500: b"500 Internal Server Error",
    503: b"503 Service Unavailable",
}


class Taker(Protocol):
    """Who takes whole deliveries: the desk, or in the front's process what stands for it."""

    def take(
        self, body: bytes, signature: str, started: float, tell: Callable[[Answer], None]
    ) -> None:
        """See `Desk.take`."""

    def refuse(
        self, reason: str, answer: Answer, started: float, tell: Callable[[Answer], None]
    ) -> None:
        """See `Desk.refuse`."""


class Exchange:
    """One delivery and its answer; it stands where uvicorn has a request-response cycle."""

    __slots__ = (
        "keep_alive",
        "parts",
        "patience",
        "protocol",
        "response_complete",
        "signature",
        "size",
        "started",
        "whole",
    )

    def __init__(self, protocol: Express, signature: bytes, keep_alive: bool) -> None:
        self.protocol = protocol
        self.signature = signature
        self.keep_alive = keep_alive
        """Uvicorn makes it False when the server is to stop."""
        self.started = time.perf_counter()
        self.parts: list[bytes] = []
        self.size = 0
        self.whole = False
        self.patience: asyncio.TimerHandle | None = None
        self.response_complete = False

    def add(self, part: bytes) -> None:
        """Some of the body."""
        self.size += len(part)
        if self.size > answers.MOST_BYTES:
            self.refuse(answers.TOO_LARGE)
        else:
            self.parts.append(part)

    def complete(self) -> None:
        """The body is whole."""
        self.whole = True
        parts = self.parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        desk = self.protocol.desk
        desk.take(body, self.signature.decode("latin-1"), self.started, self.tell)

    def refuse(self, answer: Answer) -> None:
        """Take no more of the body."""
        self.parts = []
        self.protocol.desk.refuse("unread", answer, self.started, self.tell)

    def hurry(self) -> None:
        """The body is not whole yet: it has so long."""
        if self.patience is None:
            loop = self.protocol.loop
            self.patience = loop.call_later(answers.BODY_SECONDS, self.refuse, answers.TOO_SLOW)

    def tell(self, answer: Answer) -> None:
        """Write the answer, where somebody still waits for it."""
        self.response_complete = True
        if self.patience is not None:
            self.patience.cancel()
        self.protocol.write(answer, self.keep_alive)


class Express(GuardedProtocol):
    """For the app whose state this is: serve with a subclass that has `state`."""

    state: ClassVar[State]
    desk: Taker
    cycle: Any
    """The exchange or request-response cycle begun last."""
    first = b""
    """Bytes of a connection that another process began to read: as if they came now."""

    _head_of: object = None
    _good_head = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.desk = self.find_desk()
        if self.first:
            self.data_received(self.first)
            if self.flow.read_paused:
                # uvloop begins to read once this has returned.
                self.loop.call_soon(transport.pause_reading)

    def find_desk(self) -> Taker:
        """Whom this connection's deliveries are for."""
        desk: Taker = self.state.service.desk
        return desk

    def on_message_begin(self) -> None:
        # What uvicorn prepares here, it gets when it is known to need it.
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        exchange = self._exchange() if self.url == WEBHOOK else None
        if exchange is not None:
            self.head_is_whole()
            self.cycle = exchange
            return
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _exchange(self) -> Exchange | None:
        """For the request whose headers have come; None where it is not for here."""
        cycle, parser = self.cycle, self.parser
        if (
            (cycle is not None and not cycle.response_complete)
            or parser.get_method() != b"POST"
            or parser.should_upgrade()
            or self.transport.is_closing()
        ):
            return None
        signature = b""
        for name, value in self.headers:
            if name == b"stripe-signature":
                signature = value
            elif name == b"expect" or (
                name == b"content-length" and int(value) > answers.MOST_BYTES
            ):
                return None
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        return Exchange(self, signature, keep_alive)

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if type(cycle) is not Exchange:
            super().on_body(body)
        elif not cycle.response_complete:
            cycle.add(body)

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if type(cycle) is not Exchange:
            super().on_message_complete()
            return
        self._head = 0  # what comes now belongs to the next request
        if not cycle.response_complete:
            cycle.complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = self.cycle
        if type(cycle) is Exchange and not cycle.whole and not cycle.response_complete:
            cycle.hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        cycle = self.cycle
        if type(cycle) is Exchange:
            if not cycle.whole and not cycle.response_complete:
                cycle.refuse(answers.CUT)
            self.cycle = None
        super().connection_lost(exc)

    def write(self, answer: Answer, keep_alive: bool) -> None:
        """Write an answer; what was pipelined behind it comes next."""
        transport = self.transport
        if transport.is_closing():
            return
        keep_alive = keep_alive and not answer.closes
        length = b"%d\r\n" % len(answer.body)
        if keep_alive and answer.status == 200:
            if self._head_of is not self.server_state.default_headers:
                # Uvicorn makes a new list when the date has changed.
                self._head_of = self.server_state.default_headers
                self._good_head = self._begin(answer)
            transport.write(b"%b%b\r\n%b" % (self._good_head, length, answer.body))
        else:
            lines = [self._begin(answer), length]
            lines += [b"%s: %s\r\n" % pair for pair in answer.headers]
            if not keep_alive and not answer.closes:
                lines.append(b"connection: close\r\n")
            transport.write(b"".join((*lines, b"\r\n", answer.body)))
        if not keep_alive:
            transport.close()
        self.on_response_complete()
        if self.flow.write_paused:
            # Whoever does not read the answers gets no more of them.
            self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.pipeline:
            self.flow.resume_reading()

    def _begin(self, answer: Answer) -> bytes:
        """Status line and headers up to the body's length."""
        default = b"".join(b"%s: %s\r\n" % pair for pair in self.server_state.default_headers)
        return b"HTTP/1.1 %s\r\n%scontent-type: %s\r\ncontent-length: " % (
            STATUS[answer.status],
            default,
            answer.kind,
        )


def express(state: State) -> type[Express]:
    """The protocol for the app that has this state."""
    return type("Express", (Express,), {"state": state})
