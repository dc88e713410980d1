"""Time in the stand-in: one base clock and any number of test clocks, each with its due jobs.

Times are UTC seconds. The base clock follows the machine's clock, or stands still until a control
route moves it.
"""

import heapq
import itertools
import time
from collections.abc import Callable

Job = Callable[[], None]


class Clock:
    """A clock and the jobs waiting for it."""

    def __init__(self, frozen_at: int | None = None) -> None:
        self._frozen_at = frozen_at
        self._offset = 0
        self._jobs: list[tuple[int, int, Job]] = []
        self._numbers = itertools.count()

    def now(self) -> int:
        """The clock's present, in seconds."""
        if self._frozen_at is not None:
            return self._frozen_at
        return int(time.time()) + self._offset

    def at(self, when: int, job: Job) -> None:
        """Runs the job once the clock reaches `when`."""
        heapq.heappush(self._jobs, (when, next(self._numbers), job))

    def advance(self, to: int) -> None:
        """Moves the clock to `to`; each due job runs at its own time, also jobs that jobs add."""
        follows_machine = self._frozen_at is None
        while self._jobs and self._jobs[0][0] <= to:
            when, _, job = heapq.heappop(self._jobs)
            # A job sees its own due time as now, as if nobody had jumped over it.
            self._frozen_at = max(when, self.now()) if self._frozen_at is not None else when
            job()
        self._frozen_at = to
        if follows_machine:
            self._offset = to - int(time.time())
            self._frozen_at = None

    def tick(self) -> None:
        """Runs what is due now; for a clock that follows the machine's."""
        if self._jobs and self._jobs[0][0] <= self.now():
            self.advance(self.now())

    def freeze(self, at: int) -> None:
        """Makes the clock stand still at `at` from now on."""
        self._frozen_at = at
