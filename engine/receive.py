"""What becomes of one verified event, inside a transaction: inbox, flow, and the verdict.

The same code serves the webhook server, the retries, `events replay`, the dry run and the tests.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import ActionflowError, RunError
from engine.model import Change
from engine.nodes.base import NotOurs, NotYet
from engine.project import Project
from engine.run import CompiledFlow
from engine.secrets import Mode
from engine.store import inbox, runs
from engine.store.base import StoreBusy, Transaction
from engine.store.inbox import InboxRow
from engine.stripe.event import Event, load, of, when
from engine.stripe.routing import subject_of
from engine.trace import Entry

log = logging.getLogger("actionflow.receive")

FIRST_DELAY = 5
"""Seconds until the engine tries a failed event again; doubled each time."""
LONGEST_DELAY = 3600
MOST_TRIES = 16
"""About six hours of tries; then the event rests as a dead letter, to be looked at and replayed."""

Outcome = Literal["done", "duplicate", "ignored", "waiting", "dead"]


@dataclass(slots=True)
class Verdict:
    """What was done with an event. `waiting` is answered 5xx, everything else 200."""

    outcome: Outcome
    event: Event
    reason: str = ""
    flow: str | None = None
    trace: list[Entry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    woken: int = 0
    """How many set-aside events can run now because this run made the row they were waiting for."""
    error: ActionflowError | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes events of one project. `mode` is that of the keys: events of the other mode touch nothing."""

    project: Project
    mode: Mode = "test"
    now: Callable[[], float] = time.time
    explain: bool = False

    def receive(self, tx: Transaction, data: dict[str, Any], payload: str, event: Event) -> Verdict:
        """A delivered event: into the inbox, and run unless it is finished already.

        `data` is the decoded body, `payload` its text. Raises StoreBusy: then nothing may be kept.
        """
        now = _text(self.now())
        tx.now = now
        state = inbox.receive(
            tx,
            id=event.id,
            type=event.type,
            created=_text(event.created),
            api_version=event.api_version,
            livemode=event.livemode,
            subject=subject_of(event),
            payload=payload,
            received_at=now,
        )
        if state in ("done", "ignored", "dead"):
            return Verdict("duplicate", event, f"this event was delivered before and is {state}")
        return self._run(tx, data, event, now)

    def again(self, tx: Transaction, row: InboxRow) -> Verdict:
        """An event of the inbox (its row) that is due: a retry, a replay, or one set aside before."""
        data = load(row.payload.encode())
        now = _text(self.now())
        tx.now = now
        return self._run(tx, data, of(data), now)

    def _run(self, tx: Transaction, data: dict[str, Any], event: Event, now: str) -> Verdict:
        refused = self._refused(event)
        compiled = self.project.flow_for(event)
        if refused or compiled is None:
            reason = refused or f"no flow handles {event.type}"
            inbox.ignore(tx, event.id, reason=reason, now=now)
            return Verdict("ignored", event, reason)
        trace: list[Entry] = []
        frame = compiled.frame(tx, event=data, now=now, trace=trace)
        frame.explain = self.explain
        before = len(tx.changes)
        started = time.perf_counter()
        verdict = Verdict("done", event, flow=compiled.flow.name, trace=trace)
        try:
            with tx.savepoint():
                outcome = compiled.run(frame)
        except StoreBusy:
            raise
        except NotOurs as reason:
            verdict.outcome, verdict.reason = "ignored", str(reason)
            inbox.ignore(tx, event.id, reason=str(reason), flow=verdict.flow, now=now)
        except ActionflowError as error:
            self._failed(tx, verdict, error, now)
        except Exception as error:
            # A fault of ours must not stop the events behind this one.
            log.exception("event %s: the engine itself failed", event.id)
            inner = RunError(f"the engine itself failed: {type(error).__name__}: {error}")
            self._failed(tx, verdict, inner, now)
        else:
            inbox.finish(tx, event.id, flow=compiled.flow.name, now=now)
            verdict.reason = trace[-1].get("stop", "") if outcome == "stopped" and trace else ""
            if frame.subjects:
                verdict.woken = inbox.wake(tx, frame.subjects, now=now)
        verdict.changes = tx.changes[before:]
        if verdict.outcome != "ignored":
            took = round((time.perf_counter() - started) * 1_000_000)
            self._record(tx, verdict, compiled, now, took)
        return verdict

    def _refused(self, event: Event) -> str:
        """Why an event of the other mode is not looked at; empty when it may pass."""
        if event.livemode == (self.mode == "live"):
            return ""
        theirs = "live" if event.livemode else "test"
        return f"this is a {theirs} event, the keys here are {self.mode} keys"

    def _failed(self, tx: Transaction, verdict: Verdict, error: ActionflowError, now: str) -> None:
        """Keep the event with its error; after the last try it rests as a dead letter."""
        event = verdict.event
        row = inbox.show(tx, event.id)
        tries = (row.attempts if row else 0) + 1
        at = None if tries >= MOST_TRIES else _text(self.now() + delay(tries))
        verdict.outcome = "waiting" if at else "dead"
        verdict.reason, verdict.error = str(error), error
        inbox.fail(tx, event.id, error=verdict.reason, flow=verdict.flow, next_try_at=at, now=now)
        level = logging.INFO if isinstance(error, NotYet) else logging.WARNING
        log.log(level, "event %s (%s): %s", event.id, event.type, error)

    def _record(
        self, tx: Transaction, verdict: Verdict, compiled: CompiledFlow, now: str, took: int
    ) -> None:
        runs.record_flow(
            tx,
            digest=compiled.flow.digest,
            name=compiled.flow.name,
            source=compiled.flow.source,
            now=now,
        )
        runs.record_run(
            tx,
            event_id=verdict.event.id,
            flow=compiled.flow.name,
            flow_digest=compiled.flow.digest,
            outcome="done" if verdict.outcome == "done" else "failed",
            started_at=now,
            duration_us=took,
            trace=verdict.trace,
            error=verdict.reason if verdict.error else None,
        )


def delay(tries: int) -> float:
    """Seconds to wait after so many tries: doubling, with jitter so that a crowd does not return at once."""
    base = min(FIRST_DELAY * 2.0 ** (tries - 1), LONGEST_DELAY)
    return base * random.uniform(0.8, 1.2)


def mode_of(event: Event) -> Mode:
    """The mode an event was made in; a dry run takes events of either."""
    return "live" if event.livemode else "test"


def _text(seconds: float) -> str:
    return str(when(int(seconds)))


def drain(receiver: Receiver, tx: Transaction, *, most: int = 1000) -> list[Verdict]:
    """Run every event that is due now, oldest first, until none is: woken ones come due at once."""
    verdicts: list[Verdict] = []
    while len(verdicts) < most:
        due = inbox.due(tx, now=_text(receiver.now()), limit=50)
        if not due:
            break
        verdicts += [receiver.again(tx, row) for row in due]
    return verdicts
