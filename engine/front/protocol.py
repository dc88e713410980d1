"""HTTP in the front: plain deliveries are taken, every other connection goes to the server itself."""

from __future__ import annotations

import os
from typing import ClassVar, Protocol

import httptools

from engine.web.express import WEBHOOK, Exchange, Express, Taker
from engine.web.protocol import HEAD_BYTES, TOO_LARGE

BEGINNING = b"POST " + WEBHOOK + b" HTTP/1.1\r\n"


class Door(Protocol):
    """The way to the server for connections that are not for here."""

    def hand_over(self, connection: int, data: bytes) -> None:
        """The file descriptor (it is closed) and what has come of the next request."""


class FrontProtocol(Express):
    """For the front that has this desk and this door: serve with a subclass that has them."""

    desk: ClassVar[Taker]  # type: ignore[misc]
    door: ClassVar[Door]

    _held = b""
    """Not parsed yet: a head that is not whole, or what came behind a delivery under way."""
    _body = 0
    """Bytes to come of the delivery's body."""
    _ours = False
    """The head that was parsed last is one of a plain delivery."""
    _leaving = False

    def find_desk(self) -> Taker:
        return self.desk

    def data_received(self, data: bytes) -> None:
        body = self._body
        if body >= len(data):
            self._body = body - len(data)
            super().data_received(data)
            return
        if body:
            self._body = 0
            super().data_received(data[:body])
            data = data[body:]
        self._held += data
        self._go_on()

    def on_headers_complete(self) -> None:
        exchange = self._exchange()
        if exchange is None:
            return
        self._ours = True
        self.head_is_whole()
        self.cycle = exchange

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._held:
            # An end of the stream, read now, would come before what is held.
            self.flow.pause_reading()
            self.loop.call_soon(self._go_on)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._leaving:
            self._leave()
        elif self._held:
            self._go_on()

    def _exchange(self) -> Exchange | None:
        for name, value in self.headers:
            if name == b"content-length":
                self._body = int(value)
            elif name == b"transfer-encoding":
                return None
        return super()._exchange()

    def _go_on(self) -> None:
        """Begin the requests that have come, as far as none is under way."""
        while self._held and not self._leaving and not self.transport.is_closing():
            if self.flow.write_paused or not (self.cycle is None or self.cycle.response_complete):
                self.flow.pause_reading()
                return
            held = self._held
            if not held.startswith(BEGINNING) and not BEGINNING.startswith(held):
                self._leave()
                return
            head = held.find(b"\r\n\r\n") + 4
            if head < 4:
                self._wait_for_head()
                return
            self._begin_request(held, head)
        if not self._held and not self.flow.write_paused:
            self.flow.resume_reading()

    def _begin_request(self, held: bytes, head: int) -> None:
        """A request whose head is whole: so many bytes."""
        self._unset_keepalive_if_required()
        self._ours = False
        self._body = 0
        try:
            self.parser.feed_data(held[:head])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._ours = False
        if not self._ours:
            self._leave()
            return
        body = self._body
        self._held = held[head + body :]
        if body and len(held) > head:
            part = held[head : head + body]
            self._body = body - len(part)
            super().data_received(part)
        elif body:
            self.cycle.hurry()

    def _wait_for_head(self) -> None:
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if len(self._held) > HEAD_BYTES:
            self.transport.write(TOO_LARGE)
            self.transport.close()
        elif self._patience is None:
            self.be_patient()

    def _leave(self) -> None:
        """Hand the connection over, once all that was answered on it has been written."""
        transport = self.transport
        if transport.is_closing():
            return
        if not self._leaving:
            self._leaving = True
            self._unset_keepalive_if_required()
            self.be_patient()
            self.flow.pause_reading()
            transport.set_write_buffer_limits(0)  # has `resume_writing` called when it is empty
        if transport.get_write_buffer_size() == 0:
            # The connection lives on in the copy: closing a descriptor shuts nothing down.
            self.door.hand_over(os.dup(transport.get_extra_info("socket").fileno()), self._held)
            transport.abort()
