"""The latest changes in memory, so that who comes back after a short break costs no query."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from engine.live.interest import Interest
from engine.live.messages import Told
from engine.model import Value

MOST_CHANGES = 10_000
MOST_BYTES = 8 * 1024 * 1024
"""Changes kept, and bytes of their rows as JSON text."""

Places = dict[Value, deque[Told]]
"""The changes of a table by what a column was before or after them."""


class Recent:
    """Every change after `start`, in order, found by table and by the columns that are asked for."""

    def __init__(self, start: int) -> None:
        self.start = start
        self._size = 0
        self._changes: deque[Told] = deque()
        self._tables: dict[str, deque[Told]] = {}
        self._columns: dict[tuple[str, str], Places] = {}

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def room(self) -> int:
        """How many more changes can be put before those that are there; 0 when there is no room."""
        return MOST_CHANGES - len(self._changes) if self._size < MOST_BYTES else 0

    def add(self, told: Told) -> None:
        """The next change; the oldest go when there are too many."""
        self._changes.append(told)
        self._size += told.change.size
        self._tables.setdefault(told.change.table, deque()).append(told)
        for name, places in self._columns_of(told):
            for value in told.change.values(name):
                places.setdefault(value, deque()).append(told)
        while len(self._changes) > MOST_CHANGES or self._size > MOST_BYTES:
            self._drop()

    def reaching_back(self, earlier: Sequence[Told], start: int) -> Recent:
        """The same, with the changes that come right before; they begin after `start`."""
        longer = Recent(start)
        for told in (*earlier, *self._changes):
            longer.add(told)
        return longer

    def after(self, interest: Interest, seq: int) -> list[Told]:
        """The changes after a seq that may concern this interest, in order, each once."""
        found: dict[int, Told] = {}
        for told in self._near(interest):
            for one in reversed(told):  # who comes back was seldom away for long
                if one.change.seq <= seq:
                    break
                found[one.change.seq] = one
        return [found[seq] for seq in sorted(found)]

    def _near(self, interest: Interest) -> list[deque[Told]]:
        if interest.index is None:
            return [self._tables.get(interest.table, deque())]
        column = (interest.table, interest.index)
        places = self._columns.get(column)
        if places is None:
            places = self._columns[column] = {}
            for told in self._tables.get(interest.table, ()):
                for value in told.change.values(interest.index):
                    places.setdefault(value, deque()).append(told)
        return [places[value] for value in interest.wanted[interest.index] if value in places]

    def _columns_of(self, told: Told) -> list[tuple[str, Places]]:
        table = told.change.table
        return [(name, places) for (of, name), places in self._columns.items() if of == table]

    def _drop(self) -> None:
        told = self._changes.popleft()
        self.start = told.change.seq
        self._size -= told.change.size
        self._tables[told.change.table].popleft()
        for name, places in self._columns_of(told):
            for value in told.change.values(name):
                places[value].popleft()
                if not places[value]:
                    del places[value]
