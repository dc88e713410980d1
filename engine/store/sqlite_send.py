"""What a transaction on SQLite sends to the database, and when: its statements, savepoints, errors.

A savepoint reaches the database only when something that can fail is written in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from engine.model import Row, Value
from engine.store.base import StoreBusy, StoreError, Violation, WriteFailedLate
from engine.store.rows import RowTransaction, dangling, referring
from engine.store.sqlite_bulk import bulk_of
from engine.store.sqlite_errors import translated
from engine.store.sqlite_later import Later
from engine.store.sqlite_plan import SqlitePlan


class SqliteSending(RowTransaction[SqlitePlan]):
    """The part of a transaction that talks to the database."""

    shared = False
    for_update = ""
    skip_locked = ""
    next_seq = "NULL"
    settled = "1 = 1"
    strange = "1 = 0"

    def __init__(
        self, connection: sqlite3.Connection, plans: Mapping[str, SqlitePlan], now: str
    ) -> None:
        super().__init__(plans, now)
        self._connection = connection
        self.cursor: Any = connection.cursor()
        self.later = Later()
        self.marks: list[int] = []
        """For each open savepoint how many writes waited when it began."""
        self.made = 0
        """How many of these savepoints the database knows."""
        self.notes: dict[tuple[str, str], None] = {}
        """What listeners are told after the commit."""

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        send = self._ask if _only_reads(sql) else self._write
        found = send(sql, params or {})
        if not found:
            return []
        names = [column[0] for column in self.cursor.description]
        return [dict(zip(names, values, strict=True)) for values in found]

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Value]]) -> None:
        self.make_savepoints()
        bulk = bulk_of(sql)
        try:
            if bulk is None:
                self.cursor.executemany(sql, params)
            else:
                bulk.send_named(self.cursor, params)
        except sqlite3.Error as error:
            raise self._failed(error, None, None, False) from error

    def insert_rows(self, sql: str, names: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
        self.make_savepoints()
        bulk = bulk_of(sql)
        assert bulk is not None, "an INSERT of one row"
        assert bulk.names == names, "each named once, in this order"
        try:
            bulk.send(self.cursor, rows)
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
        self.cursor = _Lost(self.lost)

    def catch_up(self) -> None:
        """Send what waits, so that the database can be asked."""
        while self.made < len(self.marks) and self.marks[self.made] < len(self.later.writes):
            self._make_savepoint()
        self._send(len(self.later.writes))
        for depth in range(self.made, len(self.marks)):
            self.marks[depth] = 0

    def make_savepoints(self) -> None:
        """Send what waits, and have the database know of all open savepoints: something that can
        fail is about to be written in them."""
        while self.made < len(self.marks):
            self._make_savepoint()
        if self.later.writes:
            self._send(len(self.later.writes))

    def _make_savepoint(self) -> None:
        before = self.marks[self.made]
        self._send(before)
        for depth in range(self.made, len(self.marks)):
            self.marks[depth] -= before
        self.made += 1
        self.run(f"SAVEPOINT s{self.made}")

    def _send(self, mark: int) -> None:
        try:
            self.later.send(self.cursor, mark)
        except sqlite3.Error as error:
            refusal = translated(error)
            late = WriteFailedLate(f"A write that had waited was refused: {refusal}")
            self.lost = late if isinstance(refusal, Violation) else StoreBusy(str(refusal))
            self.end("")
            raise self.lost from error

    def _ask(
        self, sql: str, params: Sequence[Value] | Mapping[str, Value]
    ) -> list[tuple[Value, ...]]:
        if self.later.writes:
            self.catch_up()
        return self.run(sql, params)

    def _write(
        self,
        sql: str,
        params: Sequence[Value] | Mapping[str, Value],
        plan: SqlitePlan | None = None,
        row: Row | None = None,
        *,
        deleting: bool = False,
    ) -> list[tuple[Value, ...]]:
        self.make_savepoints()
        try:
            return self.cursor.execute(sql, params).fetchall()  # type: ignore[no-any-return]
        except sqlite3.Error as error:
            raise self._failed(error, plan, row, deleting) from error

    def run(
        self, sql: str, params: Sequence[Value] | Mapping[str, Value] = ()
    ) -> list[tuple[Value, ...]]:
        """One statement, now."""
        try:
            return self.cursor.execute(sql, params).fetchall()  # type: ignore[no-any-return]
        except sqlite3.Error as error:
            raise self._failed(error, None, None, False) from error

    def _failed(
        self, error: sqlite3.Error, plan: SqlitePlan | None, row: Row | None, deleting: bool
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

    def _dangling(self, plan: SqlitePlan, row: Row) -> StoreError | None:
        """Which column of `row` refers to no row."""
        table = plan.codec.table
        for name, value in row.items():
            target = table.columns[name].references
            if value is None or target is None:
                continue
            to = self._plans[target]
            if not self.run(to.select_by_key, (value,)):
                return dangling(table, name, value, to)
        return None


@lru_cache(1024)
def _only_reads(sql: str) -> bool:
    return sql.lstrip()[:6].upper() == "SELECT"


class _Lost:
    """In a cursor's place: the transaction is over, and every use says why."""

    def __init__(self, why: StoreError) -> None:
        self._why = why

    def execute(self, sql: str, params: object = None) -> NoReturn:
        raise type(self._why)(str(self._why))

    def executemany(self, sql: str, params: object) -> NoReturn:
        self.execute(sql, params)
