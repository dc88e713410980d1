"""Rows by pages: in a fixed order, each page going on behind the last row of the one before."""

from __future__ import annotations

from collections.abc import Iterator

from engine.live.interest import Interest
from engine.model import Row, Table, Value
from engine.store.base import BadValue, Transaction
from engine.web.query import BadQuery, Wanted, cursor_text, cursor_values

MOST_LOOKED_AT = 10_000
"""Rows that one request may read to find those the caller may see."""
AT_ONCE = 500


class TooBroad(BadQuery):
    """So few of the rows that match may be read that looking on would take too long."""


def page(tx: Transaction, table: Table, wanted: Wanted) -> tuple[list[Row], str | None]:
    """The rows of one page, without internal columns, and what to ask the next one with.

    Raises BadQuery, TooBroad.
    """
    [interest] = (one for one in wanted.interests if one.table == table.name)
    column, descending = wanted.order or (table.key, False)
    by_key = column == table.key
    start = None
    if wanted.after is not None:
        start = cursor_values(wanted.after, 1 if by_key else 2)
    names = [one.name for one in table.visible]
    rows: list[Row] = []
    try:
        for count, row in enumerate(_rows(tx, table, interest, column, descending, start), 1):
            if count > MOST_LOOKED_AT:
                raise TooBroad(
                    "too_broad",
                    f"The first {MOST_LOOKED_AT} rows that match hold too few that may be read; "
                    "filter by a column that the read rule is about.",
                )
            seen = {name: row[name] for name in names}
            if not interest.allowed(seen):
                continue
            if len(rows) == wanted.limit:
                last = rows[-1]
                key = last[table.key]
                return rows, cursor_text([key] if by_key else [last[column], key])
            rows.append(seen)
    except BadValue as error:
        raise BadQuery("bad_after", f"{error}") from error
    return rows, None


def _rows(
    tx: Transaction,
    table: Table,
    interest: Interest,
    column: str,
    descending: bool,
    start: list[Value] | None,
) -> Iterator[Row]:
    """Every row that matches, from behind `start`, read some at a time."""
    key, order = table.key, f"-{column}" if descending else column
    base: dict[str, Value] = {name: list(values) for name, values in interest.wanted.items()}
    if key in base:  # as many rows as the request names keys
        for row in tx.find(table.name, base, order_by=(order,)):
            if start is None or _behind(row, start, column, key, descending):
                yield row
        return
    if column != key and column in base:  # one stretch of rows for each value
        for value in sorted(base[column], reverse=descending):
            if start is None or value == start[0]:
                yield from _stretch(tx, table, {**base, column: value}, start and start[1])
                start = None
        return
    behind = "below" if descending else "above"
    if column != key and start is not None:
        yield from _stretch(tx, table, {**base, column: start[0]}, start[1])
    at = start[0] if start else None
    while True:
        more = {} if at is None else {column: {behind: at}}
        found = tx.find(table.name, {**base, **more}, limit=AT_ONCE, order_by=(order,))
        yield from found
        if len(found) < AT_ONCE:
            return
        at = found[-1][column]
        if column != key:
            yield from _stretch(tx, table, {**base, column: at}, found[-1][key])


def _stretch(tx: Transaction, table: Table, where: Row, after: Value) -> Iterator[Row]:
    """The rows that match, by key, behind the row with a key."""
    while True:
        more = {} if after is None else {table.key: {"above": after}}
        found = tx.find(table.name, {**where, **more}, limit=AT_ONCE)
        yield from found
        if len(found) < AT_ONCE:
            return
        after = found[-1][table.key]


def _behind(row: Row, start: list[Value], column: str, key: str, descending: bool) -> bool:
    at, value = start[0], row[column]
    if type(value) is not type(at):
        raise BadQuery("bad_after", "after: expected the `next` of an answer in this order.")
    if value == at:
        return bool(column != key and row[key] > start[1])
    return bool(value < at if descending else value > at)
