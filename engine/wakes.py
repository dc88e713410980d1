"""Which set-aside events can go on since runs made the rows they were waiting for: asked once for many."""

from __future__ import annotations

from collections.abc import Sequence

from engine.store import waking
from engine.store.base import Transaction
from engine.verdict import Verdict


class Wakes:
    """The Stripe objects whose rows the runs of one transaction made."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: list[tuple[Verdict, Sequence[str]]] = []

    def add(self, verdict: Verdict, subjects: Sequence[str]) -> None:
        """The event's run made rows with these Stripe ids."""
        self._made.append((verdict, subjects))

    def wake(self, tx: Transaction) -> None:
        """Have events tried again that were set aside before these runs; the verdicts say how many."""
        if not self._made:
            return
        made, self._made = self._made, []
        found = waking.asleep(tx, {one for _, subjects in made for one in subjects})
        for verdict, subjects in made if found else ():
            if not found.isdisjoint(subjects):
                verdict.woken = waking.wake(tx, subjects, now=tx.now, but=verdict.event.id)
