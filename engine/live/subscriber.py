"""A stream's queue: bounded, and the only thing a subscriber costs.

Where nothing waits, a message goes to the connection at once: waking a task for each of thousands of
streams would cost more than all the rest.
"""

from __future__ import annotations

import asyncio
from typing import Literal

MOST_WAITING = 1_000
MOST_BYTES = 1024 * 1024
"""Messages, and bytes of them, kept for a client that does not read; then it is cut off."""

MOST_BUFFERED = 32 * 1024
"""Bytes the connection may hold unsent; beyond them messages are queued here."""

Ending = Literal["slow", "renew", "stopping", "gone"]


class Subscriber:
    """One stream's queue. `end` may be called at any time and more than once; the first reason stays."""

    __slots__ = (
        "_queue",
        "_size",
        "_waiter",
        "after",
        "beats",
        "connection",
        "dies",
        "ending",
        "joined",
        "key",
        "told",
    )

    def __init__(
        self, connection: asyncio.WriteTransport | None = None, key: str | None = None
    ) -> None:
        """`connection`: where an answer of HTTP/1.1 chunks is written to, if that is known; `key`:
        the public beginning of the API key it was opened with, if it was one."""
        self.connection = connection
        self.after = 0
        """The seq up to which the stream has been told by other means."""
        self.joined = False
        """Whether it has caught up, and is told of changes as they come."""
        self.told = 0.0
        self.beats = 0.0
        """Seconds of silence it bears."""
        self.dies = 0.0
        """When it ends at the latest; once it has ended, when its connection is closed."""
        self.key = key
        self.ending: Ending | None = None
        self._queue: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    def push(self, message: bytes, now: float) -> None:
        """Hand over a message; a client that has left too many unread is cut off instead."""
        if self.ending is not None:
            return
        self.told = now
        if self._idle and self._write(message):
            return
        if len(self._queue) >= MOST_WAITING or self._size + len(message) > MOST_BYTES:
            self._queue.clear()
            self._size = 0
            self.end("slow")
            return
        self._queue.append(message)
        self._size += len(message)
        self._notify()

    def end(self, reason: Ending) -> None:
        """Have the stream say goodbye after what is queued."""
        if self.ending is None:
            self.ending = reason
            self._notify()

    def abort(self) -> None:
        """Close the connection of a client that does not take its leave."""
        if self.connection is not None:
            self.connection.abort()

    async def take(self) -> bytes:
        """Everything that waits, as soon as there is something; empty when the stream has ended."""
        while not self._queue and self.ending is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = b"".join(self._queue)
        self._queue.clear()
        self._size = 0
        return data

    @property
    def _idle(self) -> bool:
        """Whether all that came before is written, and the stream's task waits for more."""
        return self._waiter is not None and not self._waiter.done()

    def _write(self, message: bytes) -> bool:
        connection = self.connection
        if connection is None or connection.is_closing():
            return False
        if connection.get_write_buffer_size() > MOST_BUFFERED:
            return False
        connection.write(b"%x\r\n%b\r\n" % (len(message), message))
        return True

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
