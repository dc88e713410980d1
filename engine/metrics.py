"""What the server counts while it runs: plain numbers, because counting is on every event's way.

`engine/web/metrics.py` shows them to Prometheus.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MOST_TYPES = 300
"""Types of events with numbers of their own: Stripe has about 250, a project hears of some."""
OTHER = "other"
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Histogram:
    """How often a value fell within each bound (inclusive), and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def merge(self, counts: Sequence[int], total: float) -> None:
        """Take another's counts and sum to our own; its bounds are the same."""
        self.counts = [a + b for a, b in zip(self.counts, counts, strict=True)]
        self.total += total

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many were at or below it, as Prometheus has them."""
        found = []
        below = 0
        for bound, count in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            below += count
            found.append((str(bound), float(below)))
        return found


@dataclass(slots=True)
class Metrics:
    """Since this process started. What several threads write is written under `lock`: `events`,
    `refused`, `seconds` and `calls`."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Delivered events by type and outcome; add by `event`, holding `lock`."""
    refused: Counter[str] = field(default_factory=Counter)
    """Deliveries refused before anything was kept, by reason."""
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """User actions by name and HTTP status."""
    calls: Counter[str] = field(default_factory=Counter)
    """Tries to make a call of the outbox, by what came: done, failed (tried again), refused (given up
    at once). Add by `call`."""
    retries: Counter[str] = field(default_factory=Counter)
    """Events run again by the engine itself, by outcome."""
    seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """From a delivery's headers to its answer."""
    batches: Histogram = field(default_factory=lambda: Histogram(SIZES))
    """Jobs a transaction."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _types: set[str] = field(default_factory=set)

    def event(self, type: str, outcome: str, times: int = 1) -> None:
        """Count delivered events. Of the types Stripe may invent only so many are told apart."""
        if type not in self._types:
            if len(self._types) >= MOST_TYPES:
                type = OTHER
            else:
                self._types.add(type)
        self.events[type, outcome] += times

    def call(self, outcome: str) -> None:
        """Count a try; calls are made in several threads."""
        with self.lock:
            self.calls[outcome] += 1

    def packed(self) -> bytes:
        """What another process counted of deliveries, for `add`."""
        return orjson.dumps(
            {
                "events": [[*words, count] for words, count in self.events.items()],
                "refused": self.refused,
                "seconds": self.seconds.counts,
                "total": self.seconds.total,
            }
        )

    def add(self, packed: bytes) -> None:
        """Take another process's counts to our own."""
        found = orjson.loads(packed)
        with self.lock:
            for type, outcome, count in found["events"]:
                self.event(type, outcome, count)
            self.refused.update(found["refused"])
            self.seconds.merge(found["seconds"], found["total"])
