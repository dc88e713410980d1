"""One transaction on SQLite: rows in and out, and what changed.

What is read is remembered (the only writer need not read it twice), and writes that are known to
succeed are sent later, many at once (engine/store/sqlite_later.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import repeat

from engine.model import Change, Row, Value
from engine.store.base import G, R, Where
from engine.store.by_key import fits, rest_of
from engine.store.sqlite_later import Spot
from engine.store.sqlite_plan import SqlitePlan
from engine.store.sqlite_savepoint import Savepoint, kept, opened, undone
from engine.store.sqlite_send import SqliteSending

MOST_REMEMBERED = 64
"""Rows of one answer that are kept in mind; more are a report, and nobody writes them one by one."""


class SqliteTransaction(SqliteSending):
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
        self._rows: dict[Spot, Row] = {}
        """Rows read or written, by key."""
        self._holders: dict[tuple[str, str, Value], Value] = {}
        """By table, unique column and value the key of the row that has it; None where none has."""
        self._numbers: dict[str, int] = {}
        """By table the last number given to a row that waits."""

    # --- reading

    def get(self, table: str, key: Value) -> Row | None:
        plan = self._plans.get(table) or self._unknown(table)
        row = self._rows.get((table, key)) if type(key) is int or type(key) is str else None
        if row is None:
            encoded = plan.codec.encoders[plan.key](key)
            row = self._rows.get((table, encoded))
        if row is None:
            found = self._ask(plan.select_by_key, (encoded,))
            row = self._remember(plan, found)[0] if found else None
        return row

    def find(
        self,
        table: str,
        where: Where,
        *,
        limit: int | None = None,
        order_by: Sequence[str] = (),
        lock: bool = False,  # one writer: its rows are its own already
    ) -> list[Row]:
        plan = self._plans.get(table) or self._unknown(table)
        named = ""
        if limit != 0 and (mine := self._by_key(plan, where)) is not None:
            return mine
        if len(where) == 1 and limit != 0:
            [(named, wanted)] = where.items()
            if named in plan.named and (known := self._known(plan, named, wanted)) is not None:
                return known
        condition, params = plan.where(where)
        sql = plan.select + condition + plan.order(order_by)
        if limit is not None:
            sql += " LIMIT ?"
            params.append(limit)
        found = self._remember(plan, self._ask(sql, params))
        if named in plan.named and type(where[named]) is str:
            self._holders[table, named, where[named]] = found[0][plan.key] if found else None
        return found

    def expect(self, table: str, column: str, values: Collection[Value]) -> None:
        plan = self._plans[table]
        if column == plan.key:
            wanted = [value for value in values if (table, value) not in self._rows]
        else:
            wanted = [value for value in values if (table, column, value) not in self._holders]
        if not wanted:
            return
        condition, params = plan.where({column: wanted})
        found = self._remember(plan, self._ask(plan.select + condition, params))
        if column in plan.named:
            holders = {row[column]: row[plan.key] for row in found}
            for value in wanted:
                self._holders[table, column, value] = holders.get(value)

    def _known(self, plan: SqlitePlan, name: str, wanted: Value) -> list[Row] | None:
        """The rows with this value, or one of these, in a unique column; None if that takes a look."""
        table = plan.codec.table.name
        values = wanted if type(wanted) is list else [wanted]
        rows = []
        for value in values:
            if type(value) is not str:
                return None
            key = self._holders.get((table, name, value), self)
            if key is self:
                return None
            if key is not None:
                row = self._rows.get((table, key))
                if row is None:
                    return None
                if row not in rows:
                    rows.append(row)
        if len(rows) > 1:
            rows.sort(key=lambda row: row[plan.key])
        return rows

    def _remember(self, plan: SqlitePlan, found: Sequence[tuple[Value, ...]]) -> list[Row]:
        codec, table, key = plan.codec, plan.codec.table.name, plan.key
        rows = [*map(dict, map(zip, repeat(codec.names), found))]
        if codec.decoders:
            for row in rows:
                codec.decode(row)
        if len(rows) > MOST_REMEMBERED:
            return rows
        return [self._rows.setdefault((table, row[key]), row) for row in rows]

    # --- writing

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
        for before in self._matching(plan, where):
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
        for before in self._matching(plan, where):
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

    def _matching(self, plan: SqlitePlan, where: Where) -> list[Row]:
        return self.find(plan.codec.table.name, where)

    def _by_key(self, plan: SqlitePlan, where: Where) -> list[Row] | None:
        """The row with a key, if it has what else is asked for; None where that takes a look."""
        key = where.get(plan.key)
        if type(key) is not int and type(key) is not str:
            return None
        rest = [] if len(where) == 1 else rest_of(plan, where)
        if rest is None:
            return None
        row = self.get(plan.codec.table.name, key)
        return [] if row is None or not fits(row, rest) else [row]

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
