"""One transaction on SQLite: rows in and out, and what changed.

What is read is remembered (the only writer need not read it twice), and writes that are known to
succeed are sent later, many at once (engine/store/sqlite_later.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from engine.model import Change, Row, Value
from engine.store.base import Where
from engine.store.rows import read_only
from engine.store.sqlite_later import Spot, SqlitePlan
from engine.store.sqlite_savepoint import Savepoint
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
        encoded = plan.codec.encoders[plan.key](key)
        row = self._rows.get((table, encoded))
        if row is None:
            found = self._ask(plan.select_by_key, (encoded,))
            if not found:
                return None
            [row] = self._remember(plan, found)
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
        named = next(iter(where)) if len(where) == 1 and limit != 0 else ""
        if named in plan.named and (known := self._known(plan, named, where[named])) is not None:
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
        table, key, names, decode = (
            plan.codec.table.name,
            plan.key,
            plan.codec.names,
            plan.codec.decode,
        )
        rows = [decode(dict(zip(names, values, strict=True))) for values in found]
        if len(rows) > MOST_REMEMBERED:
            return rows
        return [self._rows.setdefault((table, row[key]), row) for row in rows]

    # --- writing

    def insert(self, table: str, values: Row) -> Row:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        row = codec.new_row(values, self.now)
        if row[key] is None and self._sure(plan, table, row):
            row[key] = number = self._number(plan, table)
            self.later.insert(plan, (table, number), list(row.values()))
        elif row[key] is None:
            params = [value for name, value in row.items() if name != key]
            self._write(plan.insert_without_key, params, plan, row)
            row[key] = self.cursor.lastrowid
            self._numbers.pop(table, None)
        else:
            self._write(plan.insert, list(row.values()), plan, row)
            self._numbers.pop(table, None)
        for name in plan.unique:
            if row[name] is not None:
                self._holders[table, name, row[name]] = row[key]
        row = codec.as_read(row, values)
        self._rows[table, row[key]] = row
        self.changes.append(Change(table, row[key], None, row, plan.hidden))
        return row

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        new = codec.new_values(values, self.now)
        sql = plan.update_by_key(tuple(new))
        plain = plan.plain.issuperset(new) and not self._careful
        changes = []
        for before in self._matching(plan, where):
            key_value = before[key]
            if new.get(key, key_value) != key_value:
                self._key_change(plan, key_value, new[key])
            params = (*new.values(), key_value)
            if plain and self.lost is None:
                self.later.update(plan, (table, key_value), sql, params)
            else:
                self._write(sql, params, plan, new)
                self._holders.clear()
            # As written is as read: the codec made it so. RETURNING takes three times the update.
            after = {**before, **codec.as_read(dict(new), values)}
            self._rows[table, key_value] = after
            changes.append(Change(table, key_value, before, after, plan.hidden))
        self.changes += changes
        return changes

    def delete(self, table: str, where: Where) -> list[Change]:
        plan = self._writable(table)
        changes = []
        for before in self._matching(plan, where):
            self._write(plan.delete_by_key, (before[plan.key],), plan, before, deleting=True)
            self._rows.pop((table, before[plan.key]), None)
            self._holders.clear()
            changes.append(Change(table, before[plan.key], before, None, plan.hidden))
        self.changes += changes
        return changes

    def _sure(self, plan: SqlitePlan, table: str, row: Row) -> bool:
        """Whether nothing can be wrong with this new row, as far as this transaction knows."""
        if self._careful or self.lost is not None:
            return False
        for name in plan.unique:
            value = row[name]
            if value is not None and self._holders.get((table, name, value), self) is not None:
                return False
        for name, target in plan.references:
            value = row[name]
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
        table = plan.codec.table.name
        if len(where) == 1 and type(where.get(plan.key)) in (int, str):
            row = self.get(table, where[plan.key])
            return [] if row is None else [row]
        return self.find(table, where)

    # --- savepoints

    def savepoint(self) -> Savepoint:
        return Savepoint(self)

    def forget(self, mark: int) -> None:
        """A savepoint is undone: the writes from the `mark`th on, and all that was known."""
        self.later.forget(mark)
        self._rows.clear()
        self._holders.clear()
        self._numbers.clear()


class SqliteReader(SqliteTransaction):
    """A transaction that only reads."""

    _writable = read_only
