"""Runs test cases one after another on a database in memory, in every order of delivery."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.check.rows import Rows
from engine.errors import ActionflowError
from engine.project import Project
from engine.store.base import Store, Transaction
from engine.testing.case import Pause, Step, TestCase
from engine.testing.coverage import Coverage
from engine.testing.world import Failure, World
from engine.verdict import LONGEST_DELAY

MOST_ORDERS = 720
"""All orders of six steps; of more steps so many are picked, always the same."""


@dataclass(slots=True)
class Result:
    """What came of a case: no failures means it passed. `orders` of `of` orders were tried."""

    case: TestCase
    failures: list[Failure] = field(default_factory=list)
    orders: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True)
class Played:
    """How a case ended: what became of each event, and all rows by table."""

    outcomes: list[str]
    rows: Rows


class Bench:
    """One database in memory, on which case after case is run and undone."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.coverage = Coverage(project)
        self._store: Store = project.scratch({})

    def close(self) -> None:
        """Give up the database."""
        self._store.close()

    def run(self, case: TestCase) -> Result:
        """Run one case, in every order of its steps when it says `shuffle`."""
        result = Result(case)
        with contextlib.suppress(_Undo), self._store.transaction() as tx:
            try:
                world = World.of(self.project, case, tx, self.coverage)
            except ActionflowError as error:
                result.failures.append((case.place_of("given"), str(error)))
                raise _Undo from error
            if not case.shuffle:
                self._orders(world, result, [], [[step] for step in case.steps])
            elif math.factorial(len(case.steps)) <= MOST_ORDERS:
                result.of = math.factorial(len(case.steps))
                self._orders(world, result, [], [case.steps] * len(case.steps))
            else:
                result.of = math.factorial(len(case.steps))
                for order in _some(case.steps):
                    if not result.failures:
                        self._orders(world, result, [], [[step] for step in order])
            raise _Undo
        return result

    def play(self, case: TestCase) -> Played:
        """Do the case's steps once, in order. Raises ActionflowError."""
        with contextlib.suppress(_Undo), self._store.transaction() as tx:
            world = World.of(self.project, case, tx, self.coverage)
            for step in case.steps:
                world.take(step)
            rows = {name: tx.find(name, {}) for name in self.project.file.tables}
            raise _Undo
        return Played(world.outcomes, rows)

    def _orders(
        self,
        world: World,
        result: Result,
        done: list[Step],
        choices: Sequence[Sequence[Step]],
    ) -> None:
        """Go every way from here: each of the next choices not taken yet. What orders begin with
        alike is played once."""
        if len(done) == len(choices):
            result.orders += 1
            self._end(world, result, done)
            return
        for step in choices[len(done)]:
            if any(step is one for one in done):
                continue
            with _undone(world.tx):
                way = world.copy()
                try:
                    way.take(step)
                except ActionflowError as error:
                    self._fail(result, [*done, step], [(result.case.place, str(error))])
                else:
                    self._orders(way, result, [*done, step], choices)
            if result.failures:
                return

    def _end(self, world: World, result: Result, done: list[Step]) -> None:
        if result.case.shuffle:
            # In some orders an event comes before what it needs, and is tried again.
            world.take(Pause(LONGEST_DELAY))
        failures = list(world.differences())
        if failures:
            self._fail(result, done, failures)

    def _fail(self, result: Result, done: list[Step], failures: list[Failure]) -> None:
        if result.case.shuffle:
            told = f"in this order: {' → '.join(map(str, done))}"
            result.failures.append((result.case.place, told))
        result.failures += failures


class _Undo(Exception):
    """Ends a transaction or savepoint without keeping anything."""


@contextlib.contextmanager
def _undone(tx: Transaction) -> Iterator[None]:
    """A part whose rows are taken back at its end, so that another way can be gone."""
    with contextlib.suppress(_Undo), tx.savepoint():
        yield
        raise _Undo


def _some(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """A choice of orders that is the same each time, so that a failure comes again."""
    chance = random.Random(len(steps))
    for _ in range(MOST_ORDERS):
        yield chance.sample(steps, len(steps))
