"""A case under way: its steps played through the engine inside one transaction, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import cron
from engine.actions import Actions, Asked
from engine.answer import Answer
from engine.clock import timestamp
from engine.errors import BadInput, Place
from engine.model import Row
from engine.outbox import Outbox
from engine.project import Project
from engine.receive import Receiver, drain, mode_of
from engine.rows import write_rows
from engine.store import inbox, runs
from engine.store.base import Transaction
from engine.stripe.event import EventRead
from engine.testing.case import Act, Delivery, Due, Pause, Step, TestCase, Written
from engine.testing.comparison import compare, holds, text
from engine.testing.coverage import Coverage
from engine.testing.others import Others
from engine.tick import cron_of, tick
from engine.verdict import Verdict

Failure = tuple[Place, str]
MOST_CALLS = 1000
"""Calls after commit that one step may lead to; more is a flow that calls for ever."""


@dataclass(slots=True)
class World:
    """What has happened so far; the rows are in `tx`. `now` is in seconds."""

    project: Project
    case: TestCase
    tx: Transaction
    coverage: Coverage
    now: float
    others: Others
    outcomes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    answers: list[Failure] = field(default_factory=list)
    """Answers of actions that were not as expected."""

    @classmethod
    def of(cls, project: Project, case: TestCase, tx: Transaction, coverage: Coverage) -> World:
        """The beginning of a case: its given rows, nothing else."""
        now = datetime.fromisoformat(case.now).timestamp()
        told = [step.event.created for step in case.steps if isinstance(step, Delivery)]
        # What is given was there before anything of the case happened.
        tx.now = timestamp(max(min([now, *told]) - 1, 0))
        write_rows(tx, case.given, project.file)
        tx.now = timestamp(now)
        return cls(project, case, tx, coverage, now, Others(case.replies))

    def copy(self) -> World:
        """The same, to go on another way; the caller undoes what the other way did to the rows."""
        return World(
            self.project,
            self.case,
            self.tx,
            self.coverage,
            self.now,
            self.others.copy(),
            list(self.outcomes),
            list(self.errors),
            list(self.answers),
        )

    def take(self, step: Step) -> None:
        """Do one step, and whatever it makes due. Raises ActionflowError."""
        receiver = Receiver(self.project, now=lambda: self.now)
        if isinstance(step, Written):
            write_rows(self.tx, step.rows, self.project.file)
            return
        if isinstance(step, Pause):
            self.now += step.seconds
        elif isinstance(step, Act):
            self._act(step)
        else:
            data, payload, event = self._due(step) if isinstance(step, Due) else step[1:]
            receiver = Receiver(self.project, mode_of(event), lambda: self.now)
            verdict = receiver.receive(self.tx, data, payload, event)
            self.outcomes.append(verdict.outcome)
            self._note([verdict])
        self._note(drain(receiver, self.tx))
        self._call_out()

    def _due(self, step: Due) -> EventRead:
        """Go on to the next moment of the flow's schedule."""
        due = cron.after(cron_of(step.flow) or "", int(self.now))
        assert due is not None, "reading the case has seen that it comes"
        self.now = due
        return tick(step.flow, due, live=False)

    def _note(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.flow:
                self.coverage.add(verdict.flow, verdict.trace)
            if verdict.error:
                self.errors.append(str(verdict.error))

    def _transact(self, work: Callable[[Transaction], Any]) -> Any:
        """The engine's own transactions are savepoints of the case's."""
        with self.tx.savepoint():
            return work(self.tx)

    def _act(self, step: Act) -> None:
        actions = Actions(
            lambda: self.project,
            self._transact,
            self.others,
            "pk_test_replies",
            lambda: self.now,
            self.others.ask,
        )
        caller = step.caller
        seen = self._last_run()
        answer = actions.act(Asked(step.action, caller["id"], caller["role"], dict(step.given)))
        self._runs_since(seen)
        self.answers += _answered(step, answer)

    def _call_out(self) -> None:
        """Make the calls that runs asked for, as the outbox does after a commit."""
        outbox = Outbox(
            lambda: self.project, self._transact, lambda: self.now, self.others.send, lambda: 0.5
        )
        seen = self._last_run()
        for _ in range(MOST_CALLS):
            calls = outbox.lease(1)
            if not calls:
                break
            outbox.deliver(calls[0])
        else:
            raise BadInput(f"more than {MOST_CALLS} calls were made after one step.")
        self._runs_since(seen)

    def _last_run(self) -> int:
        latest = runs.listing(self.tx, limit=1)
        return latest[0].id if latest else 0

    def _runs_since(self, seen: int) -> None:
        """Count the cases that the runs after this one took."""
        for listed in runs.listing(self.tx, limit=MOST_CALLS):
            if listed.id <= seen:
                break
            run = runs.show(self.tx, listed.id)
            if run is not None and run.flow in self.project.flows:
                self.coverage.add(run.flow, run.trace)

    # --- the end

    def differences(self) -> Iterator[Failure]:
        """How the end differs from what the case expects."""
        case = self.case
        yield from self.answers
        if case.outcomes is not None and self.outcomes != case.outcomes:
            told = f"{', '.join(self.outcomes)}; expected {', '.join(case.outcomes)}"
            yield case.place_of("expect", "outcomes"), f"outcomes are {told}"
        if case.error is not None and not any(case.error in error for error in self.errors):
            told = "; ".join(self.errors) or "no run failed"
            yield case.place_of("expect", "error"), f"expected the error '{case.error}'; {told}"
        if case.error is None and case.outcomes is None:
            for event in _unfinished(self.tx):
                yield case.place, f"{event.type} {event.id} failed: {event.reason}"
        yield from self._calls()
        for name, rows in case.tables.items():
            table = self.project.file.tables[name]
            for index, told in compare(table, rows, self.tx.find(name, {})):
                where = ("expect", "tables", name, *(() if index is None else (index,)))
                yield case.place_of(*where), told

    def _calls(self) -> Iterator[Failure]:
        wanted, made = self.case.calls, self.others.calls
        if wanted is None:
            return
        for index, (expected, call) in enumerate(zip(wanted, made, strict=False)):
            if not holds(expected, call):
                told = f"call {index + 1} is {text(call)}"
                yield self.case.place_of("expect", "calls", index), told
        if len(made) != len(wanted):
            told = ", ".join(str(call["call"]) for call in made) or "none"
            where = self.case.place_of("expect", "calls")
            yield where, f"{len(made)} calls were made ({told}); expected {len(wanted)}"


def _answered(step: Act, answer: Answer) -> Iterator[Failure]:
    body: Row = answer.body
    if step.answer is None:
        if answer.status >= 400:
            yield step.place, f"{step.action} was refused: {body['code']}: {body['detail']}"
    elif not holds(step.answer, body):
        yield step.place, f"{step.action} answered {text(body)}; expected {text(step.answer)}"


def _unfinished(tx: Transaction) -> Iterator[inbox.InboxRow]:
    states: tuple[inbox.State, ...] = ("waiting", "dead")
    for state in states:
        yield from inbox.listing(tx, state=state)
