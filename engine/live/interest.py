"""What a subscriber may see, and how a change finds those whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.live.subscriber import Subscriber
from engine.model import Row, Value
from engine.store.changes import Logged


@dataclass(frozen=True, slots=True)
class Interest:
    """The rows of one table that a subscriber asked for and may read.

    All of `wanted` (column to possible values) must hold, and `allowed`; `index` names the column of
    `wanted` by which a change finds its subscribers, None where every change has to be looked at.
    """

    table: str
    wanted: Mapping[str, frozenset[Value]]
    allowed: Callable[[Row], bool]
    index: str | None = None

    def sees(self, row: Row | None) -> bool:
        """Whether this row is in sight."""
        if row is None:
            return False
        for column, values in self.wanted.items():
            if row[column] not in values:
                return False
        return self.allowed(row)


@dataclass(slots=True)
class Line:
    """The subscribers of one table: by a column's value, and those who look at every change."""

    key: str
    everyone: dict[Subscriber, Interest] = field(default_factory=dict)
    by: dict[str, dict[Value, dict[Subscriber, Interest]]] = field(default_factory=dict)

    def places(self, interest: Interest) -> Iterator[dict[Subscriber, Interest]]:
        """Where an interest stands."""
        if interest.index is None:
            yield self.everyone
            return
        column = self.by.setdefault(interest.index, {})
        for value in interest.wanted[interest.index]:
            yield column.setdefault(value, {})

    def clean(self, interest: Interest) -> None:
        """Let go of places that are empty."""
        if interest.index is not None:
            column = self.by.get(interest.index, {})
            for value in interest.wanted[interest.index]:
                if not column.get(value, True):
                    del column[value]
            if not column:
                self.by.pop(interest.index, None)

    def near(self, change: Logged) -> Mapping[Subscriber, Interest]:
        """Everyone whom a change may concern."""
        if not self.by:
            return self.everyone
        found = {}
        for column, values in self.by.items():
            for value in change.values(column):
                found.update(values.get(value, {}))
        return {**self.everyone, **found} if found else self.everyone
