"""What was done with an event, how the log tells it, and when one that failed is tried again."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import ActionflowError
from engine.logs import about, say
from engine.model import Change
from engine.store.traces import plain
from engine.stripe.event import Event
from engine.tick import is_tick
from engine.trace import Entry

log = logging.getLogger("actionflow.receive")

FIRST_DELAY = 5
"""Seconds until the engine tries a failed event again; doubled each time."""
LONGEST_DELAY = 3600
MOST_TRIES = 16
"""About six hours of tries; then the event rests as a dead letter, to be looked at and replayed."""

Outcome = Literal["done", "duplicate", "ignored", "waiting", "dead"]


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class Verdict:
    """What was done with an event. `waiting` is answered 5xx, everything else 200."""

    outcome: Outcome
    event: Event
    reason: str
    flow: str | None
    run: str | None
    """Names the run in logs: the event and how many runs it has had, `evt_…/2`; None without a run."""
    entries: list[Entry]
    """The run's trace as it was recorded."""
    changes: list[Change]
    early: bool
    """Something it needs was not there: events that come later, or earlier ones, may bring it."""
    woken: int
    """How many set-aside events can run now because this run made the row they were waiting for."""
    error: ActionflowError | None

    def __init__(
        self,
        outcome: Outcome,
        event: Event,
        reason: str = "",
        flow: str | None = None,
        run: str | None = None,
    ) -> None:
        self.outcome = outcome
        self.event = event
        self.reason = reason
        self.flow = flow
        self.run = run
        self.entries = []
        self.changes = []
        self.early = False
        self.woken = 0
        self.error = None

    @property
    def trace(self) -> list[Entry]:
        """The run's trace as plain data."""
        return plain(self.entries)


def delay(tries: int) -> float:
    """Seconds to wait after so many tries: doubling, with jitter so that a crowd does not return at once."""
    base = min(FIRST_DELAY * 2.0 ** (tries - 1), LONGEST_DELAY)
    return base * random.uniform(0.8, 1.2)


def first_of_tick(verdict: Verdict) -> bool:
    """Whether this was the first try of a tick (engine/tick.py), which nobody delivers."""
    return is_tick(verdict.event) and verdict.run in (None, f"{verdict.event.id}/1")


def _about(verdict: Verdict) -> about:
    event = verdict.event
    return about(run=verdict.run, event=event.id, kind=event.type, flow=verdict.flow)


def say_tried_again(verdict: Verdict) -> None:
    """Log what became of an event that the engine tried again, or of a tick that it ran."""
    event = verdict.event
    with _about(verdict):
        log.info(
            "event %s (%s): %s" if first_of_tick(verdict) else "event %s (%s) was tried again: %s",
            event.id,
            event.type,
            verdict.outcome,
            extra={"outcome": verdict.outcome},
        )


def say_flow_lines(verdict: Verdict, lines: Sequence[str]) -> None:
    """Log the lines of a flow's `log` nodes."""
    with _about(verdict):
        say(lines)
