"""One transaction on SQLite: rows in and out, savepoints, and what changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn

from engine.model import Change, Row, Value
from engine.store.base import StoreBusy, StoreError, Where
from engine.store.rows import RowTransaction, dangling, read_only, referring
from engine.store.sqlite_errors import translated
from engine.store.statements import Statements


class SqliteTransaction(RowTransaction[Statements]):
    """See `engine.store.base.Transaction`. Made by a store, used by one thread."""

    shared = False
    for_update = ""
    skip_locked = ""
    next_seq = "NULL"
    settled = "1 = 1"
    strange = "1 = 0"

    def __init__(
        self, connection: sqlite3.Connection, plans: Mapping[str, Statements], now: str
    ) -> None:
        super().__init__(plans, now)
        self._connection = connection
        self._cursor: Any = connection.cursor()
        self._rows: dict[tuple[str, Value], Row] = {}
        """Rows read or written by key: the only writer need not read them twice."""
        self.notes: dict[tuple[str, str], None] = {}
        """What listeners are told after the commit."""

    def get(self, table: str, key: Value) -> Row | None:
        plan = self._plans.get(table) or self._unknown(table)
        codec = plan.codec
        encoded = codec.encoders[plan.key](key)
        row = self._rows.get((table, encoded))
        if row is None:
            found = self._run(plan.select_by_key, (encoded,))
            if not found:
                return None
            row = codec.decode(dict(zip(codec.names, found[0], strict=True)))
            self._rows[table, encoded] = row
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
        condition, params = plan.where(where)
        sql = plan.select + condition + plan.order(order_by)
        if limit is not None:
            sql += " LIMIT ?"
            params.append(limit)
        names, decode = plan.codec.names, plan.codec.decode
        return [decode(dict(zip(names, found, strict=True))) for found in self._run(sql, params)]

    def insert(self, table: str, values: Row) -> Row:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        row = codec.new_row(values, self.now)
        if row[key] is None:
            params = [value for name, value in row.items() if name != key]
            self._run(plan.insert_without_key, params, plan, row)
            row[key] = self._cursor.lastrowid
        else:
            self._run(plan.insert, list(row.values()), plan, row)
        row = codec.decode(row)
        self._rows[table, row[key]] = row
        self.changes.append(Change(table, row[key], None, row))
        return row

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        new = codec.new_values(values, self.now)
        sql = plan.update_by_key(tuple(new))
        changes = []
        for before in self._matching(plan, where):
            key_value = before[key]
            if new.get(key, key_value) != key_value:
                self._key_change(plan, key_value, new[key])
            self._run(sql, (*new.values(), key_value), plan, new)
            # As written is as read: the codec made it so. RETURNING takes three times the update.
            after = {**before, **codec.decode_some(dict(new))}
            self._rows[table, key_value] = after
            changes.append(Change(table, key_value, before, after))
        self.changes += changes
        return changes

    def delete(self, table: str, where: Where) -> list[Change]:
        plan = self._writable(table)
        changes = []
        for before in self._matching(plan, where):
            self._run(plan.delete_by_key, (before[plan.key],), plan, before, deleting=True)
            self._rows.pop((table, before[plan.key]), None)
            changes.append(Change(table, before[plan.key], before, None))
        self.changes += changes
        return changes

    def savepoint(self) -> _Savepoint:
        return _Savepoint(self)

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        found = self._run(sql, params or {})
        if not found:
            return []
        names = [column[0] for column in self._cursor.description]
        return [dict(zip(names, values, strict=True)) for values in found]

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Value]]) -> None:
        try:
            self._cursor.executemany(sql, params)
        except sqlite3.Error as error:
            raise self._failed(error, None, None, False) from error

    def serialize(self, keys: Iterable[str]) -> None:
        """One writer: all transactions come one after another."""

    def notify(self, channel: str, message: str = "") -> None:
        self.notes[channel, message] = None

    def end(self, why: str) -> None:
        """Let nothing more through: outside BEGIN each statement would commit by itself."""
        if self.lost is None:
            self.lost = StoreError(why)
        self._cursor = _Lost(self.lost)

    def _run(
        self,
        sql: str,
        params: Sequence[Value] | Mapping[str, Value],
        plan: Statements | None = None,
        row: Row | None = None,
        *,
        deleting: bool = False,
    ) -> list[tuple[Value, ...]]:
        try:
            return self._cursor.execute(sql, params).fetchall()  # type: ignore[no-any-return]
        except sqlite3.Error as error:
            raise self._failed(error, plan, row, deleting) from error

    def _failed(
        self, error: sqlite3.Error, plan: Statements | None, row: Row | None, deleting: bool
    ) -> StoreError:
        table = plan.codec.table if plan else None
        if plan and error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            named = referring(plan, self._plans) if deleting else self._dangling(plan, row or {})
            return named or translated(error, table, row)
        refusal = translated(error, table, row)
        if not self._connection.in_transaction:  # disk full and I/O errors roll all of it back
            self.lost = StoreBusy(f"This transaction was rolled back as a whole: {refusal}")
            self.end("")
        return refusal

    def _dangling(self, plan: Statements, row: Row) -> StoreError | None:
        """Which column of `row` refers to no row."""
        table = plan.codec.table
        for name, value in row.items():
            target = table.columns[name].references
            if value is None or target is None:
                continue
            to = self._plans[target]
            if not self._run(to.select_by_key, (value,)):
                return dangling(table, name, value, to)
        return None

    def _matching(self, plan: Statements, where: Where) -> list[Row]:
        table = plan.codec.table.name
        if len(where) == 1 and type(where.get(plan.key)) in (int, str):
            row = self.get(table, where[plan.key])
            return [] if row is None else [row]
        return self.find(table, where)


class SqliteReader(SqliteTransaction):
    """A transaction that only reads."""

    _writable = read_only


class _Lost:
    """In a cursor's place: the transaction is over, and every use says why."""

    def __init__(self, why: StoreError) -> None:
        self._why = why

    def execute(self, sql: str, params: object = None) -> NoReturn:
        raise type(self._why)(str(self._why))

    executemany = execute


class _Savepoint:
    """Plain classes here and below: `contextlib.contextmanager` would double the time per event."""

    __slots__ = ("_kept", "_name", "_tx")

    def __init__(self, tx: SqliteTransaction) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        tx = self._tx
        tx._depth += 1
        self._name = f"s{tx._depth}"
        self._kept = len(tx.changes)
        tx._run(f"SAVEPOINT {self._name}", ())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tx = self._tx
        tx._depth -= 1
        if kind is None:
            tx._run(f"RELEASE {self._name}", ())
            return
        del tx.changes[self._kept :]
        tx._rows.clear()
        if tx.lost is None:
            tx._run(f"ROLLBACK TO {self._name}", ())
            tx._run(f"RELEASE {self._name}", ())
