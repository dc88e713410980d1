"""When a front is given up: turns without a word are counted, however long they took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.front.watch import ASK_EVERY, PATIENCE, PATIENCE_AT_START, Watch

HOUR = 3600.0


class Loop:
    """Its turns are taken by hand, and it sleeps as long as it is told to before each."""

    def __init__(self, asleep: float = 0.0) -> None:
        self.asleep = asleep
        self.now = 0.0
        self.next: Callable[[], None] | None = None

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, what: Callable[[], None]) -> Loop:
        self.now += seconds
        self.next = what
        return self

    def cancel(self) -> None:
        self.next = None


class Watched:
    """A front and its watch."""

    def __init__(self, asleep: float = 0.0) -> None:
        self.asked = 0
        self.given_up = 0
        self.loop: Any = Loop(asleep)
        self.watch = Watch(self.loop, self._ask, self._give_up)

    def turn(self, times: int = 1) -> None:
        """So many turns in which it says nothing."""
        for _ in range(times):
            self.loop.now += self.loop.asleep
            turn, self.loop.next = self.loop.next, None
            assert turn is not None, "the watch has ended"
            turn()

    def _ask(self) -> None:
        self.asked += 1

    def _give_up(self) -> None:
        self.given_up += 1


@pytest.mark.parametrize("asleep", [0.0, HOUR])
def test_one_that_answers_is_asked_once_a_turn_and_kept(asleep: float) -> None:
    front = Watched(asleep)
    front.watch.patience = PATIENCE
    for count in range(1, 5 * PATIENCE):
        assert (front.asked, front.given_up) == (count, 0)
        front.watch.heard()
        front.turn()


@pytest.mark.parametrize("asleep", [0.0, HOUR])
def test_one_that_is_silent_is_given_up_after_so_many_turns_and_no_fewer(asleep: float) -> None:
    front = Watched(asleep)
    front.watch.patience = PATIENCE
    for _ in range(3):
        front.turn(PATIENCE - 1)
        assert front.given_up == 0
        front.watch.heard()
    asked = front.asked
    front.turn(PATIENCE)
    assert (front.asked, front.given_up) == (asked + 1, 0), "it was asked only once more"
    front.turn()
    assert front.given_up == 1
    assert front.loop.next is None
    assert front.loop.now >= PATIENCE * ASK_EVERY


def test_one_that_starts_has_more_time() -> None:
    front = Watched()
    front.turn(PATIENCE_AT_START - 1)
    assert front.given_up == 0
    front.turn()
    assert front.given_up == 1


def test_one_that_is_gone_is_asked_no_more() -> None:
    front = Watched()
    front.watch.stop()
    assert front.loop.next is None
