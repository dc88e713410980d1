"""The open streams of one process: how many, how long each may live, and signs of life.

All of it but `renew` belongs to the event loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection, Iterator

from engine.errors import ActionflowError
from engine.live.messages import heartbeat
from engine.live.subscriber import Subscriber

HEARTBEAT = 15.0
"""Seconds of silence after which a stream carries a sign of life, at the latest; each stream has a
number of its own, so that those who were told the same do not all stir at once."""
LIFE = 600.0
"""Seconds a stream lives (a tenth more or less); its client comes again, with credentials that count
then, and goes on where it was."""
LEAVE = 30.0
"""Seconds a client has to take what is still to come once its stream has ended."""
MOST_SUBSCRIBERS = 10_000


class TooManySubscribers(ActionflowError):
    """This process has as many subscribers as it takes; try again later or at another one."""


class Streams:
    """Every open stream, those included that still catch up. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.closed = False
        self.clock = clock
        self._open: set[Subscriber] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._open)

    @property
    def full(self) -> bool:
        """Whether nobody more is taken."""
        return len(self._open) >= MOST_SUBSCRIBERS

    def enter(self, subscriber: Subscriber, seconds: float = LIFE) -> None:
        """A stream begins, which lives for so long at most. Raises TooManySubscribers."""
        if self.full:
            raise TooManySubscribers
        self._loop = asyncio.get_running_loop()
        now = self.clock()
        subscriber.told = now
        subscriber.beats = HEARTBEAT * random.uniform(0.7, 1)
        subscriber.dies = now + min(LIFE * random.uniform(0.9, 1.1), seconds)
        self._open.add(subscriber)
        if self.closed:
            subscriber.end("stopping")

    def leave(self, subscriber: Subscriber) -> None:
        """It is over."""
        self._open.discard(subscriber)

    def close(self) -> None:
        """End all streams, and take no more; their clients come again to whoever answers then."""
        self.closed = True
        for subscriber in self._open:
            subscriber.end("stopping")

    def renew(self) -> None:
        """Have all clients come again, since other rules count now. From any thread."""

        def end() -> None:
            for subscriber in self._open:
                subscriber.end("renew")

        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(end)

    def revoke(self, keys: Collection[str]) -> None:
        """End the streams that were opened with one of these keys (their public beginnings)."""
        for subscriber in self._open:
            if subscriber.key in keys:
                subscriber.end("renew")

    def tick(self, seen: int) -> None:
        """Signs of life for silent streams, up to this seq; an end for old ones."""
        now = self.clock()
        beat = heartbeat(seen)
        for subscriber in self._open:
            if now >= subscriber.dies:
                if subscriber.ending is not None:
                    subscriber.abort()
                subscriber.end("renew")
                subscriber.dies = now + LEAVE
            elif subscriber.joined and now - subscriber.told >= subscriber.beats:
                subscriber.push(beat, now)
