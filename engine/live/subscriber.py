"""A stream's queue: bounded, and the only thing a subscriber costs."""

from __future__ import annotations

import asyncio
from typing import Literal

MOST_WAITING = 1_000
MOST_BYTES = 1024 * 1024
"""Messages, and bytes of them, kept for a client that does not read; then it is cut off."""

Ending = Literal["slow", "renew", "stopping", "gone"]


class Subscriber:
    """One stream's queue. `end` may be called at any time and more than once; the first reason stays."""

    __slots__ = ("_queue", "_size", "_waiter", "after", "dies", "ending", "told")

    def __init__(self) -> None:
        self.after = 0
        """The seq up to which the stream has been told by other means."""
        self.told = 0.0
        self.dies = 0.0
        self.ending: Ending | None = None
        self._queue: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    def push(self, message: bytes, now: float) -> None:
        """Hand over a message; a client that has left too many unread is cut off instead."""
        if self.ending is not None:
            return
        if len(self._queue) >= MOST_WAITING or self._size + len(message) > MOST_BYTES:
            self._queue.clear()
            self._size = 0
            self.end("slow")
            return
        self._queue.append(message)
        self._size += len(message)
        self.told = now
        self._notify()

    def end(self, reason: Ending) -> None:
        """Have the stream say goodbye after what is queued."""
        if self.ending is None:
            self.ending = reason
            self._notify()

    async def take(self) -> bytes:
        """Everything that waits, as soon as there is something; empty when the stream has ended."""
        while not self._queue and self.ending is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = b"".join(self._queue)
        self._queue.clear()
        self._size = 0
        return data

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
