"""Scheduled flows: at each moment of their schedule, a tick is kept in the inbox and run from there.

A tick is a row like an event's, with a key of its own for flow and moment (engine/tick.py): however
many servers keep it, and however often, there is one, and it is run by whoever leases it
(engine/due.py). Row and mark are one transaction; a tick is not lost, nor made up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine import cron
from engine.clock import timestamp
from engine.project import Project
from engine.store import inbox, schedules
from engine.store.base import Transaction
from engine.store.schedules import Mark
from engine.tick import tick

log = logging.getLogger("actionflow.schedule")

LATEST = 7 * 86_400
"""Seconds after which a tick that no server was there for is not made up for."""
LOOK_EVERY = 60.0
"""Seconds between looks at the clock, at most: one that is set or a machine that slept is noticed."""
LATE = 2 * LOOK_EVERY
"""Seconds from which on a tick is said to be made up for."""
TRY_AGAIN = 5.0
"""Seconds until ticks that could not be kept are tried again."""

Since = Mapping[tuple[str, str], int]
"""By flow and cron expression, the second up to which all is done."""


@dataclass(slots=True)
class Schedules:
    """What is due of a project's schedules. `transact` runs work in a durable transaction and waits
    for it; `now` is in seconds; `live` says the mode of the keys."""

    project: Callable[[], Project]
    transact: Callable[[Callable[[Transaction], Any]], Any]
    now: Callable[[], float] = time.time
    live: bool = False
    _known: Project | None = None
    _since: Since = field(default_factory=dict)

    def look(self) -> int:
        """Keep the ticks that are due by now; how many are new. The database is asked only when one is
        due, when flows were reloaded, and when the clock was set back. Raises StoreError."""
        project, now = self.project(), int(self.now())
        if project is self._known and not self._concerned(now):
            return 0
        kept: int
        kept, self._since = self.transact(partial(self._keep, project=project, now=now))
        self._known = project
        return kept

    def wait(self) -> float:
        """Seconds until the next tick."""
        now = self.now()
        coming = (cron.after(text, done) for (_, text), done in self._since.items())
        return min((max(one - now, 0.0) for one in coming if one is not None), default=LOOK_EVERY)

    def _concerned(self, now: int) -> bool:
        return any(
            done > now or (cron.after(text, done) or now + 1) <= now
            for (_, text), done in self._since.items()
        )

    def _keep(self, tx: Transaction, project: Project, now: int) -> tuple[int, Since]:
        """May be run more than once: what it gives counts, and it changes nothing but rows."""
        wanted = project.schedules()
        marks: Mapping[str, Mark] = {}
        if project is not self._known:
            marks = schedules.marks(tx)
            for gone in sorted(marks.keys() - wanted.keys()):
                schedules.forget(tx, gone)
        since: dict[tuple[str, str], int] = {}
        kept = 0
        for flow, text in wanted.items():
            done = self._since.get((flow, text))
            if flow in marks and marks[flow].cron == text:
                done = marks[flow].after
            if done is None or done > now:
                # New, another schedule, or the clock was set back: nothing is done for the past. What
                # was run ahead of the clock is known by its row.
                new = now
            else:
                due = cron.latest(text, now)
                new = done if due is None else max(done, due)
                if new > done:
                    kept += self._one(tx, project, flow, new, now)
            since[flow, text] = new
            if new != done or (project is not self._known and flow not in marks):
                schedules.put(tx, flow, Mark(text, new))
        return kept, since

    def _one(self, tx: Transaction, project: Project, flow: str, due: int, now: int) -> bool:
        """Keep one tick; False where it is there already, or too old."""
        if now - due > LATEST:
            log.warning(
                "flow %s was due at %s, when no server was there: too long ago, it is left out",
                flow,
                timestamp(due),
            )
            return False
        _, payload, event = tick(project.flows[flow].flow, due, live=self.live)
        before = inbox.show(tx, event.id)
        if before is None and now - due > LATE:
            log.info("flow %s was due at %s: it is run now", flow, timestamp(due))
        inbox.receive(
            tx,
            id=event.id,
            type=event.type,
            created=timestamp(due),
            livemode=event.livemode,
            payload=payload,
            received_at=timestamp(now),
        )
        return before is None


class Ticker:
    """The thread that looks when something is due. `kept` is called when there are new ticks."""

    def __init__(self, schedules: Schedules, kept: Callable[[], None]) -> None:
        self.schedules = schedules
        self._kept = kept
        self._stopping = False
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._work, name="actionflow-schedule", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join()

    def renew(self) -> None:
        """Look at once: flows were reloaded. From any thread."""
        self._bell.set()

    def look(self) -> float:
        """Look once; seconds until the next look."""
        try:
            if self.schedules.look():
                self._kept()
        except Exception as error:
            log.error("what is due by schedule could not be kept: %s", error)
            return TRY_AGAIN
        return min(self.schedules.wait(), LOOK_EVERY)

    def _work(self) -> None:
        while not self._stopping:
            self._bell.wait(self.look())
            self._bell.clear()
