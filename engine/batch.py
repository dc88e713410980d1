"""The events of one transaction: each is run alone, and what is sure of all is written at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.clock import timestamp
from engine.errors import ActionflowError, RunError
from engine.logs import ABOUT
from engine.model import Row, Value
from engine.nodes.base import Frame, NotOurs, NotOursYet, NotYet
from engine.run import CompiledFlow
from engine.store import inbox, runs
from engine.store.again import raced
from engine.store.base import StoreBusy, Transaction
from engine.store.inbox import InboxRow, State
from engine.stripe.event import Event, load, of
from engine.stripe.routing import subject_of
from engine.verdict import MOST_TRIES, Verdict, delay, say_flow_lines, say_tried_again
from engine.wakes import Wakes

if TYPE_CHECKING:
    from engine.receive import Receiver

log = logging.getLogger("actionflow.receive")

FINISHED = frozenset({"done", "ignored", "dead"})


class Batch:
    """The events of one transaction.

    `write` comes before the commit, and before anything else reads inbox or runs; `committed` after.
    """

    def __init__(self, receiver: Receiver, tx: Transaction, events: Sequence[Event]) -> None:
        """`events` are those that will be received. Others about the same wait for this transaction."""
        self.tx = tx
        self._receiver = receiver
        self._known: dict[str, State] = {}
        self._done: list[Row] = []
        self._runs: list[tuple[Value, ...]] = []
        self._afterwards: list[Callable[[], None]] = []
        """What is logged once the transaction is durable."""
        self._flows: dict[str, CompiledFlow] = {}
        """The flows that ran, by digest."""
        self._started: dict[str, CompiledFlow | None] = {}
        """By event the flow it starts, where that was looked up."""
        self._subjects = {event.id: subject_of(event) for event in events}
        self._wakes = Wakes()
        if events:
            if tx.shared:
                keys = {*self._subjects, *filter(None, self._subjects.values())}
                tx.serialize(sorted(keys))
            self._known = inbox.states(tx, list(self._subjects))
            self._expect(events)

    def _expect(self, events: Sequence[Event]) -> None:
        """Have what these events' runs will ask for read in one go."""
        if len(events) == 1:
            return
        flows: dict[str, tuple[CompiledFlow, list[Event]]] = {}
        flow_for = self._receiver.project.flow_for
        for event in events:
            self._started[event.id] = compiled = flow_for(event)
            if compiled is not None and compiled.expects and event.id not in self._known:
                flows.setdefault(compiled.flow.name, (compiled, []))[1].append(event)
        for compiled, theirs in flows.values():
            for expect in compiled.expects:
                expect(self.tx, theirs)

    def receive(self, data: dict[str, Any], payload: str, event: Event) -> Verdict:
        """See `Receiver.receive`."""
        state = self._known.get(event.id)
        tries = 0
        if state in FINISHED:
            return Verdict("duplicate", event, f"this event was delivered before and is {state}")
        self.tx.now = now = timestamp(self._receiver.now())
        arrival: Row = {
            "id": event.id,
            "type": event.type,
            "created": timestamp(event.created),
            "api_version": event.api_version,
            "livemode": event.livemode,
            "subject": self._subjects[event.id],
            "payload": payload,
            "received_at": now,
        }
        if state:  # delivered again, unfinished
            row = inbox.show(self.tx, event.id)
            tries = row.attempts if row else 0
        return self._run(data, event, now, None if state else arrival, tries)

    def again(self, row: InboxRow) -> Verdict:
        """See `Receiver.again`."""
        data = load(row.payload.encode())
        self.tx.now = now = timestamp(self._receiver.now())
        verdict = self._run(data, of(data), now, None, row.attempts)
        self.after_commit(partial(say_tried_again, verdict))
        return verdict

    def write(self) -> None:
        """Write what has gathered."""
        tx = self.tx
        self._wakes.wake(self.tx)
        if self._done:
            inbox.receive_done(tx, self._done)
            self._done = []
        for digest, compiled in self._flows.items():
            if digest not in self._receiver.recorded:
                flow = compiled.flow
                runs.record_flow(tx, digest=digest, name=flow.name, source=flow.source, now=tx.now)
        if self._runs:
            runs.record_runs(tx, self._runs)
            self._runs = []

    def after_commit(self, work: Callable[[], None]) -> None:
        """Have this done once the transaction is durable: counting, logging."""
        self._afterwards.append(work)

    def committed(self) -> None:
        """The transaction is durable: what was done can be said."""
        self._receiver.recorded.update(self._flows)
        for work in self._afterwards:
            work()

    def _run(
        self, data: dict[str, Any], event: Event, now: str, arrival: Row | None, tries: int
    ) -> Verdict:
        """Run the event's flow; `arrival` is its inbox row where that is not written yet, `tries` how
        often it has failed."""
        receiver, tx = self._receiver, self.tx
        refused = receiver.refusal(event)
        compiled = self._started.get(event.id) or receiver.project.flow_for(event)
        if refused or compiled is None:
            verdict = Verdict("ignored", event, refused or f"no flow handles {event.type}")
            self._ignore(verdict, now, arrival)
            return verdict
        before = len(tx.changes)
        flow, run = compiled.flow, f"{event.id}/{tries + 1}"
        verdict = Verdict("done", event, "", flow.name, run)
        told = ABOUT.set({"run": run, "event": event.id, "flow": flow.name})
        started = time.perf_counter_ns()
        try:
            frame, outcome = self._attempt(compiled, data, verdict)
        except StoreBusy:
            raise
        except NotOurs as reason:
            verdict.outcome, verdict.reason = "ignored", str(reason)
            verdict.early = isinstance(reason, NotOursYet)
            self._ignore(verdict, now, arrival)
            verdict.changes = tx.changes[before:]
            return verdict
        except ActionflowError as error:
            self._failed(verdict, error, now, arrival)
        except Exception as error:
            # A fault of ours must not stop the events behind this one.
            log.exception("event %s: the engine itself failed", event.id)
            inner = RunError(f"the engine itself failed: {type(error).__name__}: {error}")
            self._failed(verdict, inner, now, arrival)
        else:
            entries = verdict.entries
            if outcome == "stopped" and entries:
                verdict.reason = entries[-1].get("stop", "")
            if arrival is None:
                inbox.finish(tx, event.id, flow=verdict.flow, now=now)
            else:
                arrival["flow"] = flow.name
                self._done.append(arrival)
            self._known[event.id] = "done"
            if frame.subjects:
                self._wakes.add(verdict, frame.subjects)
            if frame.log:
                self.after_commit(partial(say_flow_lines, verdict, frame.log))
        finally:
            ABOUT.reset(told)
        verdict.changes = tx.changes[before:]
        self._flows[flow.digest] = compiled
        self._runs.append(
            runs.as_kept(
                event_id=event.id,
                flow=flow.name,
                flow_digest=flow.digest,
                outcome="done" if verdict.outcome == "done" else "failed",
                started_at=now,
                duration_us=(time.perf_counter_ns() - started) // 1000,
                trace=verdict.entries,
                error=verdict.reason if verdict.error else None,
            )
        )
        return verdict

    def _attempt(
        self, compiled: CompiledFlow, data: dict[str, Any], verdict: Verdict
    ) -> tuple[Frame, str]:
        """The run itself, undone when it raises, and made once more when others were in its way."""
        tx = self.tx
        for last in (False, True):
            frame = compiled.frame(tx, event=data, now=tx.now, trace=verdict.entries)
            frame.parsed, frame.explain = verdict.event, self._receiver.explain
            try:
                return frame, tx.attempt(compiled.run, frame)
            except Exception as error:
                if last or not raced(tx, error):
                    raise
                verdict.entries.clear()
        raise AssertionError("the second attempt returns or raises")

    def _ignore(self, verdict: Verdict, now: str, arrival: Row | None) -> None:
        event = verdict.event
        self._keep(arrival)
        inbox.ignore(self.tx, event.id, reason=verdict.reason, flow=verdict.flow, now=now)
        self._known[event.id] = "ignored"

    def _failed(
        self, verdict: Verdict, error: ActionflowError, now: str, arrival: Row | None
    ) -> None:
        """Keep the event with its error; after the last try it rests as a dead letter."""
        event = verdict.event
        self._keep(arrival)
        row = inbox.show(self.tx, event.id)
        tries = (row.attempts if row else 0) + 1
        at = None if tries >= MOST_TRIES else timestamp(self._receiver.now() + delay(tries))
        verdict.outcome = "waiting" if at else "dead"
        verdict.reason, verdict.error = str(error), error
        verdict.early = isinstance(error, NotYet)
        inbox.fail(
            self.tx, event.id, error=verdict.reason, flow=verdict.flow, next_try_at=at, now=now
        )
        self._known[event.id] = verdict.outcome
        level = logging.INFO if verdict.early else logging.WARNING
        log.log(level, "event %s (%s): %s", event.id, event.type, error)

    def _keep(self, arrival: Row | None) -> None:
        """Before an event is set aside: runs so far do not wake it."""
        self._wakes.wake(self.tx)
        if arrival is not None:
            inbox.receive(self.tx, **arrival)
