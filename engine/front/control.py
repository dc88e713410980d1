"""Packets between the server and its front on their control socket, and the sending of them.

The socket keeps packets apart (SOCK_SEQPACKET); the first byte says what one is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from dataclasses import asdict, dataclass

import orjson

from engine.logs import Form

SETTINGS = b"c"
"""To the front: `Settings`."""
SERVE = b"s"
"""To the front: take connections."""
STOP = b"x"
"""To the front: take none any more, finish what is under way, end."""
ASK = b"q"
"""To the front: does it answer?"""
READY = b"r"
"""From the front: it has its settings."""
SERVING = b"l"
"""From the front: it takes connections."""
ALIVE = b"a"
"""From the front, when it is asked: how many deliveries it has sent on that are not answered, in digits."""
COUNTS = b"n"
"""From the front: what it has counted since the last of these, as a JSON object."""
PART = b"p"
"""From the front: bytes of the connection that a later CONNECTION brings."""
CONNECTION = b"h"
"""From the front: a connection's descriptor, and the last of its bytes."""

MOST = 32 * 1024
"""Bytes in a packet; the system has limits of its own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the front is told to begin with; secrets reach it in no other way."""

    secrets: tuple[str, ...]
    form: Form
    """Of its log."""
    grace: int
    """Seconds for exchanges under way when it is to stop."""
    backlog: int
    most_waiting: int
    """Deliveries under way; more are turned away."""
    body_seconds: float

    def packet(self) -> bytes:
        return SETTINGS + orjson.dumps(asdict(self))

    @classmethod
    def read(cls, data: bytes) -> Settings:
        found = orjson.loads(data)
        return cls(**{**found, "secrets": tuple(found["secrets"])})


class Sender:
    """Sends packets in order and never waits: what cannot be sent now is kept."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._loop = loop
        self._waiting: deque[tuple[bytes, int | None]] = deque()

    def send(self, packet: bytes, descriptor: int | None = None) -> None:
        """A descriptor is closed when it is on its way."""
        self._waiting.append((packet, descriptor))
        if len(self._waiting) == 1 and not self._send():
            self._loop.add_writer(self._socket.fileno(), self._go_on)

    def _go_on(self) -> None:
        if self._send():
            self._loop.remove_writer(self._socket.fileno())

    def _send(self) -> bool:
        """All of it has been sent."""
        while self._waiting:
            packet, descriptor = self._waiting[0]
            descriptors = [] if descriptor is None else [descriptor]
            try:
                socket.send_fds(self._socket, [packet], descriptors)
            except BlockingIOError:
                return False
            except OSError:  # the other side has gone, whoever reads is told
                pass
            self._waiting.popleft()
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        return True


def receive(sock: socket.socket) -> tuple[bytes, bytes, list[int]] | None:
    """Kind, rest and descriptors of the next packet; None when the other side has gone.

    Raises BlockingIOError.
    """
    try:
        packet, descriptors, _, _ = socket.recv_fds(sock, MOST + 1, 1, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        # Said once, of one that has left something unread, and before what it had sent.
        return receive(sock)
    except ConnectionError:
        return None
    return (packet[:1], packet[1:], descriptors) if packet else None
