"""One reader of the change log a process, which tells every subscriber what he may see.

All of it but `Hub.wake` belongs to the event loop's thread. A subscriber costs a queue and nothing
else: no thread, no timer, no query.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.clock import timestamp
from engine.live.interest import Interest, Line
from engine.live.messages import Told, verdict
from engine.live.recent import Recent
from engine.live.streams import LIFE, Streams
from engine.live.subscriber import Subscriber
from engine.store import changes, keys
from engine.store.base import Store, StoreError, Transaction
from engine.store.changes import Logged

log = logging.getLogger("actionflow.live")

LOOK_EVERY = 1.0
"""Seconds between looks at the log where no wake comes: another process may have written to it."""
SOONEST = 0.01
"""The same at first, doubled each time, while changes are there that cannot be told yet: transactions
that began earlier are still open, and how they end wakes nobody when they changed no rows."""
READ_AT_ONCE = 200
TELL_AT_ONCE = 20
"""Changes told before the streams get their turn to send."""
CHECK_EVERY = 5.0
"""Seconds until the streams of a key that was revoked end."""
PRUNE_EVERY = 60.0

T = TypeVar("T")


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
        self.streams = Streams(clock)
        self._store = store
        self._housekeep = housekeep
        self._clock = clock
        self._recent = Recent(0)
        self._tick_at = self._check_at = clock()
        self._reaching = asyncio.Lock()
        self._lines = {name: Line(table.key) for name, table in store.tables.items()}
        self._subscribers: dict[Subscriber, Sequence[Interest]] = {}
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="actionflow-changes")
        self._woken = asyncio.Event()
        self._patience = LOOK_EVERY
        self._waking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._prune_at = clock() + PRUNE_EVERY

    async def start(self) -> None:
        """Begin at the end of the log. Raises StoreError."""
        self._loop = asyncio.get_running_loop()
        self.seen = await self._read(changes.position)
        self._recent = Recent(self.seen)
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
        """See `Streams.close`."""
        self.streams.close()

    def wake(self) -> None:
        """There is something new in the log. From any thread."""
        # Without subscribers the look that comes every second is enough.
        if self._subscribers and not self._waking and self._loop is not None:
            self._waking = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._woken.set)

    def join(self, subscriber: Subscriber, interests: Sequence[Interest], after: int) -> bool:
        """Tell this subscriber everything of interest to him that comes after a seq.

        False when more than that has been told: ask what was `missed`, then come again.
        """
        if after < self.seen:
            return False
        subscriber.after, subscriber.joined = after, True
        self._subscribers[subscriber] = interests
        for interest in interests:
            for place in self._lines[interest.table].places(interest):
                place[subscriber] = interest
        return True

    def missed(self, interests: Sequence[Interest], after: int) -> tuple[int, list[bytes]] | None:
        """What concerns somebody after a seq, and up to which seq that is; None where memory does
        not reach back so far."""
        if after < self._recent.start:
            return None
        found: list[Told] = []
        for interest in interests:
            found += self._recent.after(interest, after)
        if len(interests) > 1:
            found.sort(key=lambda told: told.change.seq)
        by_table = {interest.table: interest for interest in interests}
        messages = []
        for told in found:
            shown = verdict(told.change, by_table[told.change.table])
            if shown is not None:
                messages.append(told.message(shown=shown))
        return self.seen, messages

    async def reach(self, after: int) -> bool:
        """Have memory reach back to a seq, where there is room for what came since; whether it does.

        After a restart all clients come at once: one of them reads the log for all.
        """
        async with self._reaching:
            recent, start = self._recent, self._recent.start
            if after >= start or not recent.room:
                return after >= start
            begins, earlier = await self._read(
                lambda tx: changes.up_to(tx, start, limit=recent.room)
            )
            if self._recent is recent and recent.start == start:
                told = [
                    Told(one, line.key) for one in earlier if (line := self._lines.get(one.table))
                ]
                self._recent = recent.reaching_back(told, begins)
            return after >= self._recent.start

    def leave(self, subscriber: Subscriber) -> None:
        """Tell him nothing more."""
        self.streams.leave(subscriber)
        for interest in self._subscribers.pop(subscriber, ()):
            line = self._lines[interest.table]
            for place in line.places(interest):
                place.pop(subscriber, None)
            line.clean(interest)

    def __len__(self) -> int:
        return len(self._subscribers)

    async def tick(self) -> None:
        """What is done now and then, whatever happens. Raises StoreError."""
        now = self._clock()
        if now >= self._tick_at:
            self._tick_at = now + LOOK_EVERY
            self.streams.tick(self.seen)
        if now >= self._check_at and len(self.streams):
            self._check_at = now + CHECK_EVERY
            since = timestamp(time.time() - 2 * LIFE)
            self.streams.revoke(await self._read(lambda tx: keys.revoked_since(tx, since)))
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_EVERY
            self._housekeep()

    async def _catch_up(self) -> None:
        """Tell everything that is in the log and was not told yet. Raises StoreError."""
        while True:
            if not self._subscribers:
                position = await self._read(changes.position)
                if not self._subscribers:
                    if position > self.seen:
                        self.seen = position
                        self._recent = Recent(position)
                    return
            logged, held_up = await self._read(self._look)
            for count, change in enumerate(logged, 1):
                self._tell(change)
                if count % TELL_AT_ONCE == 0:
                    await asyncio.sleep(0)
            if len(logged) < READ_AT_ONCE:
                begins = bool(logged) or self._patience >= LOOK_EVERY
                soon = SOONEST if begins else self._patience * 2
                self._patience = min(soon, LOOK_EVERY) if held_up else LOOK_EVERY
                return

    def _look(self, tx: Transaction) -> tuple[list[Logged], bool]:
        """The next changes, and whether some behind them have to wait."""
        logged = changes.after(tx, self.seen, limit=READ_AT_ONCE)
        if len(logged) == READ_AT_ONCE:
            return logged, True
        return logged, changes.unsettled(tx, logged[-1].seq if logged else self.seen)

    async def _run(self) -> None:
        while True:
            # Not wait_for: until Python 3.12 that loses a cancellation which meets the wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._woken.wait()
            self._waking = False
            self._woken.clear()
            try:
                await self._catch_up()
                await self.tick()
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
        told = Told(change, line.key)
        self._recent.add(told)
        now = self._clock()
        for subscriber, interest in line.near(change).items():
            if change.seq <= subscriber.after:
                continue
            shown = verdict(change, interest)
            if shown is not None:
                subscriber.push(told.message(shown=shown), now)

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        def run() -> T:
            with self._store.reader() as tx:
                return work(tx)

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)
