"""Runs a builder's test cases: events delivered as Stripe would, the rows compared at the end."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from engine.casefile import Delivery, Pause, Step, TestCase, Written
from engine.comparison import compare
from engine.coverage import Taken, taken
from engine.errors import ActionflowError, Place
from engine.project import Project, write_rows
from engine.receive import LONGEST_DELAY, Receiver, Verdict, drain, mode_of
from engine.store import inbox
from engine.store.base import Store, Transaction

MOST_ORDERS = 720
"""All orders of six events; of more events so many are picked, always the same."""


@dataclass(slots=True)
class Result:
    """What came of a case: no failures means it passed. `taken` are the branch cases its runs took."""

    case: TestCase
    failures: list[tuple[Place, str]] = field(default_factory=list)
    taken: set[Taken] = field(default_factory=set)
    orders: int = 0
    """In how many orders its events were delivered."""
    of: int = 1
    """How many orders there are."""


class Bench:
    """One database in memory, on which case after case is run and undone."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._store: Store = project.scratch({})

    def close(self) -> None:
        """Give up the database."""
        self._store.close()

    def run(self, case: TestCase) -> Result:
        """Run one case, in every order of its steps when it says `shuffle`."""
        result = Result(case)
        orders: Iterable[Sequence[Step]] = [case.steps]
        if case.shuffle:
            result.of = math.factorial(len(case.steps))
            orders = _orders(case.steps)
        for steps in orders:
            result.orders += 1
            result.failures = list(self._once(case, steps, result.taken))
            if result.failures:
                if case.shuffle:
                    told = " → ".join(map(_name, steps))
                    result.failures.insert(0, (case.place, f"in this order: {told}"))
                break
        return result

    def _once(
        self, case: TestCase, steps: Sequence[Step], seen: set[Taken]
    ) -> Iterator[tuple[Place, str]]:
        with self._undone() as tx:
            run = _Run(self.project, tx, case, seen)
            try:
                write_rows(tx, case.given)
                for step in steps:
                    run.take(step)
                if case.shuffle:
                    # In some orders an event comes before what it needs, and is tried again.
                    run.take(Pause(LONGEST_DELAY))
            except ActionflowError as error:
                yield case.place, str(error)
                return
            yield from run.differences()

    @contextlib.contextmanager
    def _undone(self) -> Iterator[Transaction]:
        """A transaction that is always rolled back: the next case finds the database empty."""
        with contextlib.suppress(_Undo), self._store.transaction() as tx:
            yield tx
            raise _Undo


class _Undo(Exception):
    """Ends a transaction without keeping anything."""


class _Run:
    """One delivery of a case's steps in one order."""

    def __init__(
        self, project: Project, tx: Transaction, case: TestCase, seen: set[Taken]
    ) -> None:
        self.project, self.tx, self.case, self.seen = project, tx, case, seen
        self.now = datetime.fromisoformat(case.now).timestamp()
        self.outcomes: list[str] = []
        self.errors: list[str] = []
        self.receiver = Receiver(project, now=lambda: self.now)

    def take(self, step: Step) -> None:
        """Do one step, and whatever it makes due."""
        tx = self.tx
        if isinstance(step, Written):
            write_rows(tx, step.rows)
            return
        if isinstance(step, Pause):
            self.now += step.seconds
        else:
            _, data, event = step
            self.receiver = Receiver(self.project, mode_of(event), lambda: self.now)
            payload = orjson.dumps(data).decode()
            verdict = self.receiver.receive(tx, data, payload, event)
            self.outcomes.append(verdict.outcome)
            self._note([verdict])
        self._note(drain(self.receiver, tx))

    def _note(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.flow:
                self.seen.update(taken(verdict.flow, verdict.trace, self.project))
            if verdict.error:
                self.errors.append(str(verdict.error))

    def differences(self) -> Iterator[tuple[Place, str]]:
        """How the end differs from what the case expects."""
        case = self.case
        if case.outcomes is not None and self.outcomes != case.outcomes:
            told = f"{', '.join(self.outcomes)}; expected {', '.join(case.outcomes)}"
            yield case.place_of("expect", "outcomes"), f"outcomes are {told}"
        if case.error is not None and not any(case.error in error for error in self.errors):
            told = "; ".join(self.errors) or "no run failed"
            yield case.place_of("expect", "error"), f"expected the error '{case.error}'; {told}"
        if case.error is None and case.outcomes is None:
            for event in _unfinished(self.tx):
                yield case.place, f"{event.type} {event.id} failed: {event.reason}"
        for name, rows in case.tables.items():
            table = self.project.file.tables[name]
            for index, told in compare(table, rows, self.tx.find(name, {})):
                path = ("expect", "tables", name) if index is None else (
                    "expect", "tables", name, index
                )
                yield case.place_of(*path), told


def _unfinished(tx: Transaction) -> Iterator[inbox.InboxRow]:
    states: tuple[inbox.State, ...] = ("waiting", "dead")
    for state in states:
        yield from inbox.listing(tx, state=state)


def _orders(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Every order of the steps; of very many a fixed choice, so that a failure comes again."""
    if math.factorial(len(steps)) <= MOST_ORDERS:
        yield from itertools.permutations(steps)
        return
    chance = random.Random(len(steps))
    for _ in range(MOST_ORDERS):
        yield chance.sample(steps, len(steps))


def _name(step: Step) -> str:
    if isinstance(step, Delivery):
        return step.name
    return "rows are written" if isinstance(step, Written) else f"{step.seconds} s pass"
