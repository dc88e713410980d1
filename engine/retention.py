"""Keeps the database from growing for ever: finished events, runs, calls and actions are forgotten.

Every server process does it, an hour apart, in the background; rows another one has are passed by.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.clock import timestamp
from engine.model import RetentionRules
from engine.store.base import Transaction
from engine.store.retention import SWEEPS, Kind, Place, forget

log = logging.getLogger("actionflow.retention")

AT_ONCE = 100
"""Rows looked at in one transaction: some milliseconds of it."""
PAUSE = 0.05
"""Seconds between two transactions, for the events that came meanwhile."""
EVERY = 3600.0
"""Seconds between two sweeps."""
FIRST = 60.0
"""Seconds from the start to the first sweep."""
DAY = 86_400


@dataclass(slots=True)
class Retention:
    """Forgets by a project's rules. `transact` runs work in a durable transaction and waits for it;
    `now` is in seconds; `pause` is called between transactions and says whether to stop."""

    rules: Callable[[], RetentionRules]
    transact: Callable[[Callable[[Transaction], Any]], Any]
    now: Callable[[], float] = time.time
    pause: Callable[[], bool] = lambda: False

    def sweep(self) -> dict[Kind, int]:
        """Go through everything once; how many rows were forgotten, by kind."""
        rules = self.rules()
        forgotten: dict[Kind, int] = {}
        for kind in SWEEPS:
            days = rules.days(kind)
            forgotten[kind] = 0 if days is None else self._sweep(kind, days)
        if any(forgotten.values()):
            told = ", ".join(f"{count} {kind}" for kind, count in forgotten.items() if count)
            log.info("forgotten, by `retention` in project.yaml: %s", told)
        return forgotten

    def _sweep(self, kind: Kind, days: int) -> int:
        older_than = timestamp(self.now() - days * DAY)
        total = 0
        count: int
        place: Place | None = None
        while True:
            work = partial(forget, kind=kind, older_than=older_than, after=place, limit=AT_ONCE)
            count, place = self.transact(work)
            total += count
            if place is None or self.pause():
                return total


class Keeper:
    """The thread that sweeps now and then."""

    def __init__(self, retention: Retention) -> None:
        self.retention = retention
        retention.pause = self._pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="actionflow-retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _pause(self) -> bool:
        return self._stopping.wait(PAUSE)

    def _work(self) -> None:
        wait = FIRST
        # Servers that were started together do not sweep together.
        while not self._stopping.wait(wait * random.uniform(0.5, 1.5)):
            wait = EVERY
            try:
                self.retention.sweep()
            except Exception as error:
                log.error("what is old could not be forgotten: %s", error)
