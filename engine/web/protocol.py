"""HTTP/1.1 as uvicorn speaks it, with limits on what a client may do before its request is whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:  # the front's process does without Starlette
    from starlette.requests import Request

HEAD_BYTES = 64 * 1024
"""The most that request line and headers may take."""
HEAD_SECONDS = 15.0
"""How long a new connection, or a request that has begun, may take to send its headers."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

CONNECTION = "actionflow.connection"
"""The extension of an ASGI scope that holds the connection's transport."""


def connection_of(request: Request) -> asyncio.WriteTransport | None:
    """Where an answer of unknown length is written to as chunks; None where that is not known."""
    scope = request.scope
    if scope["http_version"] != "1.1" or scope["method"] != "GET":
        return None
    found: asyncio.WriteTransport | None = scope.get("extensions", {}).get(CONNECTION)
    return found


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that flood or dawdle. (Bodies have limits where they are read.)"""

    _head = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_patience()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self._head > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()
        elif self._head > 0 and self._patience is None:
            # Part of the head of a later request; of the first one it runs already.
            self.be_patient()

    def on_headers_complete(self) -> None:
        self.head_is_whole()
        self.scope["extensions"] = {CONNECTION: self.transport}  # type: ignore[dict-item]
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.next_head()
        super().on_message_complete()

    def head_is_whole(self) -> None:
        """The body follows, and has its own limits."""
        self._head = -(2**62)
        if self._patience is not None:
            self._have_patience()

    def next_head(self) -> None:
        """What comes now belongs to the next request."""
        self._head = 0

    def be_patient(self) -> None:
        """From now on it has so long."""
        self._have_patience()
        self._patience = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            self.transport.close()

    def _have_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
