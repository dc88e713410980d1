"""One stretch of a user action: its flow run up to the next call, or to the end, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.answer import Answer, refused_by
from engine.clock import timestamp
from engine.errors import ActionflowError
from engine.flowfile import flow_from_text
from engine.logs import say
from engine.model import Value
from engine.nodes.base import Frame
from engine.nodes.journal import ActionRefused, CallNeeded, Journal
from engine.project import Project
from engine.run import CompiledFlow, FlowCompiler
from engine.store import actions, runs, waking
from engine.store.again import raced
from engine.store.base import StoreBusy, Transaction

LEASE = 90
"""Seconds a process may take over one stretch and its call before another may take over."""


def run_of(id: int) -> str:
    """What an action is called where runs are named: in logs, as the origin of calls."""
    return f"action {id}"


class Raced(Exception):
    """Another transaction was in the way of a stretch; it is run again from its start, once."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next stretch of action `id`. `reply` is what the call of the step `asked` gave; `now` is in
    seconds."""

    id: int
    project: Project
    publishable_key: str | None
    now: Callable[[], float]
    asked: str = ""
    reply: Value = None

    def __call__(self, tx: Transaction) -> Answer | dict[str, Value]:
        """The answer, or the call that comes next, committed with what was done. Raises StoreBusy."""
        # Held: where two processes are at it, because a lease has ended, the second sees what the
        # first has done.
        record = actions.show(tx, self.id, lock=True)
        assert record is not None
        if record.answer is not None:
            return Answer(record.answer["status"], record.answer["body"], replayed=True)
        if record.call is not None and (self.reply is None or record.call["step"] != self.asked):
            # Taken up after a crash, or gone on with by another: the call that is under way, under
            # its key, before anything else.
            return {**record.call, "begun": record.created_at}
        compiled = self._version(tx, record)
        try:
            return self._run(tx, record, compiled, last=False)
        except Raced:
            return self._run(tx, record, compiled, last=True)

    def _run(
        self, tx: Transaction, record: actions.Record, compiled: CompiledFlow, *, last: bool
    ) -> Answer | dict[str, Value]:
        kept = record.journal or {"now": record.created_at, "outputs": {}, "steps": {}}
        journal = Journal(self.id, kept["now"], dict(kept["outputs"]), dict(kept["steps"]))
        if record.call is not None:
            journal.steps[record.call["step"]] = self.reply
        tx.now = journal.now
        frame = compiled.frame(
            tx,
            event=None,
            now=journal.now,
            caller={"id": record.caller_id, "role": record.caller_role},
            inputs=record.input,
            trace=[],
            origin=run_of(self.id),
        )
        frame.journal = journal
        frame.values["run"]["publishable_key"] = self.publishable_key
        started = time.perf_counter()
        needed, answer = self._attempt(tx, compiled, frame, last)
        if frame.subjects:
            waking.wake(tx, frame.subjects, now=self._text())
        runs.record_stretch(
            tx,
            action_id=self.id,
            event_id=None,
            flow=compiled.flow.name,
            flow_digest=compiled.flow.digest,
            outcome="done" if answer is None or answer.status < 400 else "failed",
            started_at=journal.now,
            duration_us=round((time.perf_counter() - started) * 1_000_000),
            trace=frame.trace,
            error=answer.body["detail"] if answer and answer.status >= 400 else None,
        )
        call: dict[str, Value] | None = None
        if needed is not None:
            call = {"step": needed.step, **needed.call.as_json()}
        actions.save(
            tx,
            self.id,
            state="done" if answer else "calling",
            # A refused stretch may be half in the journal; its answer is all a retry needs.
            journal=journal.as_json() if needed else kept,
            call=call,
            answer=answer.as_json() if answer else None,
            lease_until=None if answer else self._text(LEASE),
            now=self._text(),
        )
        say(frame.log)
        if answer is not None:
            return answer
        assert call is not None
        return call

    def _attempt(
        self, tx: Transaction, compiled: CompiledFlow, frame: Frame, last: bool
    ) -> tuple[CallNeeded | None, Answer | None]:
        try:
            with tx.savepoint():
                try:
                    compiled.run(frame)
                    return None, Answer(200, dict(compiled.returns(frame.values)))
                except CallNeeded as needed:
                    return needed, None
                except ActionRefused as refused:
                    if not refused.keep:
                        raise
                    return None, refused_by(refused, compiled.flow.name)
        except ActionflowError as error:
            if not last and raced(tx, error):
                raise Raced from error
            if isinstance(error, StoreBusy):
                raise
            return None, refused_by(error, compiled.flow.name)

    def _version(self, tx: Transaction, record: actions.Record) -> CompiledFlow:
        """The flow as it was when the action began."""
        current = self.project.action(record.action)
        if current is not None and current.flow.digest == record.flow_digest:
            return current
        source = runs.source(tx, record.flow_digest)
        name = f"{current.flow.name if current else record.action}.yaml"
        flow = flow_from_text(source or "", name)
        flows = {other.flow.name: other.flow for other in self.project.flows.values()}
        return FlowCompiler(flow, self.project.file, flows).compile()

    def _text(self, ahead: int = 0) -> str:
        return timestamp(self.now() + ahead)
