"""Writes that are sent later, many in one statement: those that are known to succeed.

What a transaction has read tells of many writes that nothing can be wrong with them (the codec has
checked their values; the row is there, or nothing has its unique values). Such a write changes
nothing that is read before it is sent: whoever asks the database has it sent first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from engine.model import Value

if TYPE_CHECKING:
    from engine.store.sqlite_plan import SqlitePlan

Spot = tuple[str, Value]
"""A table and a key in it."""
Write = tuple["SqlitePlan", Spot, str, Sequence[Value]]
"""A table's plan, the row, the UPDATE (empty for an insert), and its parameters."""

_SQL = itemgetter(2)


class Later:
    """The writes of one transaction that were not sent yet, in order."""

    __slots__ = ("new", "writes")

    def __init__(self) -> None:
        self.writes: list[Write] = []
        """In order."""
        self.new: set[Spot] = set()
        """Rows that are not in the database yet."""

    def insert(self, plan: SqlitePlan, spot: Spot, row: Sequence[Value]) -> None:
        """A row, in column order."""
        self.writes.append((plan, spot, "", row))
        self.new.add(spot)

    def update(self, plan: SqlitePlan, spot: Spot, sql: str, params: Sequence[Value]) -> None:
        """One row, by its key."""
        self.writes.append((plan, spot, sql, params))

    def forget(self, mark: int) -> None:
        """Drop the writes from the `mark`th on."""
        for _, spot, sql, _ in self.writes[mark:]:
            if not sql:
                self.new.discard(spot)
        del self.writes[mark:]

    def send(self, cursor: Any, mark: int) -> None:
        """Send the first `mark` writes. Raises sqlite3.Error.

        New rows first: their order among tables does not matter (none that waits refers to another
        that waits), and no update decides whether one can be made. Then each table's updates.
        """
        writes = self.writes[:mark]
        del self.writes[:mark]
        tables: dict[SqlitePlan, tuple[list[Sequence[Value]], list[Write]]] = {}
        for write in writes:
            plan = write[0]
            rows, updates = tables.get(plan) or tables.setdefault(plan, ([], []))
            if write[2]:
                updates.append(write)
            else:
                rows.append(write[3])
                self.new.discard(write[1])
        for plan, (rows, _) in tables.items():
            if rows:
                plan.bulk.send(cursor, rows)
        for _, updates in tables.values():
            for sql, same in groupby(updates, _SQL):
                cursor.executemany(sql, [write[3] for write in same])
