"""One transaction on SQLite: rows in and out, and what changed.

What is read is remembered (engine/store/sqlite_known.py), and writes that are known to succeed are sent
later, many at once (engine/store/sqlite_later.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from engine.model import Change, Row, Value
from engine.store.base import G, R, Where
from engine.store.sqlite_known import SqliteKnowing
from engine.store.sqlite_plan import SqlitePlan
from engine.store.sqlite_savepoint import Savepoint, kept, opened, undone


class SqliteTransaction(SqliteKnowing):
    """See `engine.store.base.Transaction`. Made by a store, used by one thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        plans: Mapping[str, SqlitePlan],
        now: str,
        *,
        careful: bool = False,
    ) -> None:
        super().__init__(connection, plans, now)
        self._careful = careful
        self._numbers: dict[str, int] = {}
        """By table the last number given to a row that waits."""

    def insert(self, table: str, values: Row) -> Row:
        plan = self._writable(table)
        row, kept = plan.shapes.row(values, self.now)
        key = row[plan.key]
        if key is None and self._sure(plan, table, kept):
            key = row[plan.key] = kept[plan.key_at] = self._number(plan, table)
            self.later.insert(plan, (table, key), kept)
        else:
            self._insert_now(plan, kept)
            self._numbers.pop(table, None)
            if key is None:
                key = row[plan.key] = self.cursor.lastrowid
        for name, at in plan.unique_at:
            value = kept[at]
            if value is not None:
                self._holders[table, name, value] = key
        self._rows[table, key] = row
        self.changes.append(Change(table, key, None, row, plan.hidden))
        return row

    def _insert_now(self, plan: SqlitePlan, kept: list[Value]) -> None:
        named = dict(zip(plan.codec.names, kept, strict=True))
        if kept[plan.key_at] is not None:
            self._write(plan.insert, kept, plan, named)
        else:
            del kept[plan.key_at]
            self._write(plan.insert_without_key, kept, plan, named)
            kept.insert(plan.key_at, None)

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        plan = self._writable(table)
        key = plan.key
        setting = plan.setting(tuple(values))
        new, kept = setting.make(values, self.now)
        changes: list[Change] = []
        for before in self.find(table, where):
            key_value = before[key]
            if setting.key_at is not None and kept[setting.key_at] != key_value:
                self._key_change(plan, key_value, kept[setting.key_at])
            params = (*kept, key_value)
            if setting.plain and not self._careful and self.lost is None:
                self.later.update(plan, (table, key_value), setting.sql, params)
            else:
                named = dict(zip(setting.columns, kept, strict=True))
                self._write(setting.sql, params, plan, named)
                self._holders.clear()
            if changes:
                new = setting.make(values, self.now)[0]  # each row has json data of its own
            # As written is as read: the codec made it so. RETURNING takes three times the update.
            after = {**before, **new}
            self._rows[table, key_value] = after
            change = Change(table, key_value, before, after, plan.hidden)
            change.columns = setting.seen
            changes.append(change)
        self.changes += changes
        return changes

    def delete(self, table: str, where: Where) -> list[Change]:
        plan = self._writable(table)
        changes: list[Change] = []
        for before in self.find(table, where):
            self._write(plan.delete_by_key, (before[plan.key],), plan, before, deleting=True)
            self._rows.pop((table, before[plan.key]), None)
            self._holders.clear()
            changes.append(Change(table, before[plan.key], before, None, plan.hidden))
        self.changes += changes
        return changes

    def _sure(self, plan: SqlitePlan, table: str, kept: Sequence[Value]) -> bool:
        """Whether nothing can be wrong with this new row, as far as this transaction knows."""
        if self._careful or self.lost is not None:
            return False
        for name, at in plan.unique_at:
            value = kept[at]
            if value is not None and self._holders.get((table, name, value), self) is not None:
                return False
        for at, target in plan.references_at:
            value = kept[at]
            if value is not None:
                spot = (target, value)
                if spot not in self._rows or spot in self.later.new:
                    return False
        return True

    def _number(self, plan: SqlitePlan, table: str) -> int:
        """The number of a new row, as the database would give it."""
        last = self._numbers.get(table)
        if last is None:
            last = self._ask(plan.last_number, (table,))[0][0]
        self._numbers[table] = number = last + 1
        return number

    # --- savepoints

    def savepoint(self) -> Savepoint:
        return Savepoint(self)

    def attempt(self, work: Callable[[G], R], given: G) -> R:
        changes = opened(self)
        try:
            result = work(given)
        except BaseException:
            undone(self, changes)
            raise
        kept(self)
        return result

    def forget(self, mark: int) -> None:
        """A savepoint is undone: the writes from the `mark`th on, and all that was known."""
        self.later.forget(mark)
        self._rows.clear()
        self._holders.clear()
        self._numbers.clear()
