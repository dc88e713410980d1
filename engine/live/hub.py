"""One reader of the change log a process, which tells every subscriber what he may see.

All of it but `Hub.wake` belongs to the event loop's thread. A subscriber costs a queue and nothing
else: no thread, no timer, no query.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.errors import ActionflowError
from engine.live.interest import Interest, Line
from engine.live.messages import heartbeat, message, verdict
from engine.live.subscriber import Subscriber
from engine.store import changes
from engine.store.base import Store, StoreError, Transaction
from engine.store.changes import Logged

log = logging.getLogger("actionflow.live")

LOOK_EVERY = 1.0
"""Seconds between looks at the log where no wake comes: another process may have written to it."""
READ_AT_ONCE = 200
TELL_AT_ONCE = 20
"""Changes told before the streams get their turn to send."""
HEARTBEAT = 15.0
"""Seconds of silence after which a stream carries a sign of life."""
LIFE = 600.0
"""Seconds a stream lives (a tenth more or less); its client comes again, with credentials that count
then, and goes on where it was."""
MOST_SUBSCRIBERS = 10_000
PRUNE_EVERY = 60.0

T = TypeVar("T")


class TooManySubscribers(ActionflowError):
    """This process has as many subscribers as it takes; try again later or at another one."""


class Hub:
    """Reads the log of one store and tells its subscribers.

    `housekeep` is called about once a minute (to prune the log); `clock` is in seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        housekeep: Callable[[], Any] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seen = 0
        """The seq of the latest change that was told."""
        self.closed = False
        self._store = store
        self._housekeep = housekeep
        self._clock = clock
        self._lines = {name: Line(table.key) for name, table in store.tables.items()}
        self._subscribers: dict[Subscriber, Sequence[Interest]] = {}
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="actionflow-changes")
        self._woken = asyncio.Event()
        self._waking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._prune_at = clock() + PRUNE_EVERY

    async def start(self) -> None:
        """Begin at the end of the log. Raises StoreError."""
        self._loop = asyncio.get_running_loop()
        self.seen = await self._read(changes.position)
        self._store.watch(self.wake)
        self._task = asyncio.create_task(self._run(), name="actionflow-changes")

    async def stop(self) -> None:
        """End all streams and stop reading."""
        self.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._reader.shutdown()

    def close(self) -> None:
        """End all streams, and take no more; their clients come again to whoever answers then."""
        self.closed = True
        for subscriber in self._subscribers:
            subscriber.end("stopping")

    def wake(self) -> None:
        """There is something new in the log. From any thread."""
        # Without subscribers the look that comes every second is enough.
        if self._subscribers and not self._waking and self._loop is not None:
            self._waking = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._woken.set)

    def join(self, subscriber: Subscriber, interests: Sequence[Interest], after: int) -> bool:
        """Tell this subscriber everything of interest to him that comes after a seq.

        False when more than that has been told: read the log up to where it is, then come again.
        Raises TooManySubscribers.
        """
        if after < self.seen:
            return False
        if self.full:
            raise TooManySubscribers
        now = self._clock()
        subscriber.after, subscriber.told = after, now
        subscriber.dies = now + LIFE * random.uniform(0.9, 1.1)
        self._subscribers[subscriber] = interests
        for interest in interests:
            for place in self._lines[interest.table].places(interest):
                place[subscriber] = interest
        if self.closed:
            subscriber.end("stopping")
        return True

    def leave(self, subscriber: Subscriber) -> None:
        """Tell him nothing more."""
        for interest in self._subscribers.pop(subscriber, ()):
            line = self._lines[interest.table]
            for place in line.places(interest):
                place.pop(subscriber, None)
            line.clean(interest)

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def full(self) -> bool:
        """Whether nobody more is taken."""
        return len(self._subscribers) >= MOST_SUBSCRIBERS

    def tick(self) -> None:
        """Signs of life for silent streams, an end for old ones."""
        now = self._clock()
        beat = heartbeat(self.seen)
        for subscriber in self._subscribers:
            if now >= subscriber.dies:
                subscriber.end("renew")
            elif now - subscriber.told >= HEARTBEAT:
                subscriber.push(beat, now)
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_EVERY
            self._housekeep()

    async def _catch_up(self) -> None:
        """Tell everything that is in the log and was not told yet. Raises StoreError."""
        while True:
            if not self._subscribers:
                position = await self._read(changes.position)
                if not self._subscribers:
                    self.seen = max(self.seen, position)
                    return
            logged = await self._read(lambda tx: changes.after(tx, self.seen, limit=READ_AT_ONCE))
            for count, change in enumerate(logged, 1):
                self._tell(change)
                if count % TELL_AT_ONCE == 0:
                    await asyncio.sleep(0)
            if len(logged) < READ_AT_ONCE:
                return

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY)
            self._waking = False
            self._woken.clear()
            try:
                await self._catch_up()
                self.tick()
            except StoreError as error:
                log.error("the log of changes could not be read: %s", error)
                await asyncio.sleep(LOOK_EVERY)
            except Exception:
                log.exception("subscribers could not be told of changes")
                await asyncio.sleep(LOOK_EVERY)

    def _tell(self, change: Logged) -> None:
        self.seen = change.seq
        line = self._lines.get(change.table)
        if line is None:
            return
        now = self._clock()
        messages: dict[bool, bytes] = {}
        for subscriber, interest in line.near(change).items():
            if change.seq <= subscriber.after:
                continue
            shown = verdict(change, interest)
            if shown is None:
                continue
            if shown not in messages:
                messages[shown] = message(change, line.key, shown=shown)
            subscriber.push(messages[shown], now)

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        def run() -> T:
            with self._store.reader() as tx:
                return work(tx)

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)
