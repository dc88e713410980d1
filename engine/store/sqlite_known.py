"""What a transaction on SQLite knows of rows: it is the only writer, so what was read once is so still."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from itertools import repeat

from engine.model import Row, Value
from engine.store.base import Where
from engine.store.by_key import fits, rest_of
from engine.store.sqlite_later import Spot
from engine.store.sqlite_plan import SqlitePlan
from engine.store.sqlite_send import SqliteSending

MOST_REMEMBERED = 64
"""Rows of one answer that are kept in mind; more are a report, and nobody writes them one by one."""


class SqliteKnowing(SqliteSending):
    """The part of a transaction that reads rows, and remembers them."""

    def __init__(
        self, connection: sqlite3.Connection, plans: Mapping[str, SqlitePlan], now: str
    ) -> None:
        super().__init__(connection, plans, now)
        self._rows: dict[Spot, Row] = {}
        """Rows read or written, by key."""
        self._holders: dict[tuple[str, str, Value], Value] = {}
        """By table, unique column and value the key of the row that has it; None where none has."""

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
        if limit != 0:
            if (known := self._by_key(plan, where)) is not None:
                return known
            if len(where) == 1:
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
