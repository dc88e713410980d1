"""One transaction on PostgreSQL: rows in and out, savepoints, and what changed.

READ COMMITTED. What is written is locked first and compared with what this transaction has read of
it (RowChanged), so that a flow that reads a row and writes what it computed from it is right beside
others. What is locked, or was made here, is not asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NoReturn

from engine.model import Change, Row, Value
from engine.store.base import G, R, Where
from engine.store.by_key import fits, rest_of
from engine.store.postgres_known import Raw
from engine.store.postgres_plan import PostgresPlan
from engine.store.postgres_savepoint import PostgresSavepoint
from engine.store.postgres_talk import LOCK_KEYS, Talk, numbers
from engine.store.postgres_text import array
from engine.store.rows import read_only

LOCK = " FOR NO KEY UPDATE"
"""Enough to keep others from changing a row (keys never change), and new rows may refer to it."""
LOCK_TO_DELETE = " FOR UPDATE"


class PostgresTransaction(Talk):
    """See `engine.store.base.Transaction`. Made by a store, used by one thread."""

    def get(self, table: str, key: Value) -> Row | None:
        plan = self._plans.get(table) or self._unknown(table)
        key = plan.codec.encoders[plan.key](key)
        found = self._lookup(plan, {plan.key: key})
        if found is None:
            found = self._ask(plan.select_by_key, (key,))
            self._saw(plan, found)
        return _row(plan, found[0]) if found else None

    def find(
        self,
        table: str,
        where: Where,
        *,
        limit: int | None = None,
        order_by: Sequence[str] = (),
        lock: bool = False,
    ) -> list[Row]:
        plan = self._plans.get(table) or self._unknown(table)
        found = None if order_by else self._lookup(plan, where)
        if found is None:
            found = self._select(plan, where, limit, order_by, LOCK * lock)
        return [_row(plan, raw) for raw in found[:limit]]

    def expect(self, table: str, column: str, values: Collection[Value]) -> None:
        """All of them are read and locked at once, and not asked for again."""
        plan = self._plans.get(table) or self._unknown(table)
        if self._depth or not values:
            return  # a savepoint rolled back would let the locks go
        found = self._ask(plan.select_any(column, LOCK), (array(values),))
        self._known.expected(plan, column, values, found)

    def insert(self, table: str, values: Row) -> Row:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        row = codec.new_row(values, self.now)
        given = row[key] is not None
        if not given and not self._insert_ahead(plan, row):
            params = [value for name, value in row.items() if name != key]
            row[key] = self._ask(plan.insert_without_key, params, plan, row)[0][0]
        elif given:
            self._ask(plan.insert, list(row.values()), plan, row)
            if codec.auto_key:
                self._pass_by(plan, row[key])
        self._known.hold(plan, row[key], tuple(row.values()))
        row = codec.decode(row)
        self.changes.append(Change(table, row[key], None, row, plan.hidden))
        return row

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        new = codec.new_values(values, self.now)
        sql = plan.update_by_key(tuple(new))
        changes = []
        for raw in self._matching(plan, where, LOCK):
            before = _row(plan, raw)
            key_value = before[key]
            if new.get(key, key_value) != key_value:
                self._key_change(plan, key_value, new[key])
            params = (*new.values(), key_value)
            if plan.plain.issuperset(new) and not self._careful:
                self._tell(sql, params)
            else:
                self._ask(sql, params, plan, new)
            after = {**before, **codec.as_read(dict(new), values)}
            kept = dict(zip(codec.names, raw, strict=True))
            self._known.hold(plan, key_value, tuple({**kept, **new}.values()))
            changes.append(Change(table, key_value, before, after, plan.hidden))
        self.changes += changes
        return changes

    def delete(self, table: str, where: Where) -> list[Change]:
        plan = self._writable(table)
        changes = []
        for raw in self._matching(plan, where, LOCK_TO_DELETE):
            before = _row(plan, raw)
            key_value = before[plan.key]
            self._ask(plan.delete_by_key, (key_value,), plan, before, deleting=True)
            self._known.hold(plan, key_value, None)
            changes.append(Change(table, key_value, before, None, plan.hidden))
        self.changes += changes
        return changes

    def _select(
        self,
        plan: PostgresPlan,
        where: Where,
        limit: int | None,
        order_by: Sequence[str],
        lock: str,
    ) -> list[Raw]:
        condition, params = plan.where(where)
        sql = plan.select + condition + plan.order(order_by)
        if limit is not None:
            sql += " LIMIT ?"
            params.append(limit)
        found = self._ask(sql + lock, params)
        if lock:
            self._known.take(plan, found)
        else:
            self._saw(plan, found)
        return found

    def _matching(self, plan: PostgresPlan, where: Where, lock: str) -> list[Raw]:
        """The rows to write, locked; those that are ours already need not be asked for."""
        found = self._lookup(plan, where)
        return self._select(plan, where, None, (), lock) if found is None else found

    def _lookup(self, plan: PostgresPlan, where: Where) -> list[Raw] | None:
        """The rows, in key order, where they are locked, or known not to be; None else."""
        if len(where) != 1:
            return self._lookup_more(plan, where)
        [(column, wanted)] = where.items()
        encode = plan.codec.encoders.get(column)
        values = wanted if type(wanted) is list else [wanted]
        if encode is None or not all(type(value) in (int, str) for value in values):
            return None
        values = [encode(value) for value in values]
        if column == plan.key and len(values) == 1:
            held = self._known.held(plan.codec.table.name, values[0])
            if held is not None:
                return [held]
        return self._known.lookup(plan, column, values)

    def _lookup_more(self, plan: PostgresPlan, where: Where) -> list[Raw] | None:
        """The same of a condition that names the key and something else."""
        rest = rest_of(plan, where) if plan.key in where else None
        found = None if rest is None else self._lookup(plan, {plan.key: where[plan.key]})
        if found is None or rest is None:
            return None
        names = plan.codec.names
        return [raw for raw in found if fits(dict(zip(names, raw, strict=True)), rest)]

    def _saw(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        self._known.saw(plan, rows)

    def _insert_ahead(self, plan: PostgresPlan, row: Row) -> bool:
        """Send an insert ahead where it cannot clash, and give it its key; False where it may."""
        known = self._known
        if self._careful or not plan.codec.auto_key:
            return False
        for name in plan.unique:
            if row[name] is not None and not known.absent(plan, name, row[name]):
                return False
        for name, target in plan.references.items():
            if row[name] is not None and known.held(target, row[name]) is None:
                return False
        table = plan.codec.table.name
        keys = self._keys.get(table)
        if not keys:
            wanted = known.count_absent(plan)
            if not wanted:
                return False
            found = self._ask(plan.next_keys, (wanted,))
            keys = self._keys[table] = [key for (key,) in reversed(found)]
        if not keys:
            return False
        row[plan.key] = keys.pop()
        self._tell(plan.insert, list(row.values()))
        return True

    def _pass_by(self, plan: PostgresPlan, key: Value) -> None:
        """Have the numbers the database gives begin after this one, which was given by hand."""
        # One at a time: a smaller number set after a larger one would go back.
        name = plan.codec.table.name
        self._tell(LOCK_KEYS, (numbers([f"numbers of {name}"]),))
        self._tell(plan.pass_by, (key,))

    def savepoint(self) -> PostgresSavepoint:
        return PostgresSavepoint(self)

    def attempt(self, work: Callable[[G], R], given: G) -> R:
        with self.savepoint():
            return work(given)


class PostgresReader(PostgresTransaction):
    """A transaction that only reads, on one moment of the database."""

    def _writable(self, table: str) -> NoReturn:
        read_only(table)

    def _saw(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        """Nothing is written, so nothing has to be compared."""


def _row(plan: PostgresPlan, raw: Raw) -> Row:
    return plan.codec.decode(dict(zip(plan.codec.names, raw, strict=True)))
