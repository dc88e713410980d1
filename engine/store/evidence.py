"""Questions to the rows that are there: do they allow a change? Answers are reasons, or None."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson

from engine.model import Column, Row, Table, Value
from engine.store.statements import quoted
from engine.store.values import CHECKS, Unfit, shown

SHOWN_ROWS = 5

Query = Callable[[str], list[Row]]


def has_rows(query: Query, table: str, at_least: int = 1) -> bool:
    """Whether the table has that many rows."""
    return len(query(f"SELECT 1 AS found FROM {quoted(table)} LIMIT {at_least}")) >= at_least


def nulls(query: Query, table: Table, column: Column) -> str | None:
    """Why the column cannot become required."""
    rows = _rows(query, table, f"{quoted(column.name)} IS NULL")
    if not rows:
        return None
    return (
        f"{table.name}.{column.name}: it is to be required, but rows have null there "
        f"({_named(table, rows)}); give them a value first, or keep `optional: true`."
    )


def dangling(query: Query, table: Table, column: Column, target: Table | None) -> str | None:
    """Why the column cannot refer to `target` (None: a table that is yet to be made)."""
    missing = f"{quoted(column.name)} IS NOT NULL"
    if target is not None:
        missing += (
            f" AND NOT EXISTS (SELECT 1 FROM {quoted(target.name)} AS target WHERE "
            f"target.{quoted(target.key)} = {quoted(table.name)}.{quoted(column.name)})"
        )
    rows = _rows(query, table, missing)
    if not rows:
        return None
    return (
        f"{table.name}.{column.name}: it is to refer to '{column.references}', but rows name no "
        f"row of it ({_named(table, rows)}); correct these rows first."
    )


def repeated(query: Query, table: Table, column: Column) -> str | None:
    """Why the column cannot be unique."""
    name, key = quoted(column.name), quoted(table.key)
    found = query(
        f"SELECT {name} AS v, count(*) AS n, min({key}) AS k, max({key}) AS l "
        f"FROM {quoted(table.name)} WHERE {name} IS NOT NULL "
        f"GROUP BY {name} HAVING count(*) > 1 ORDER BY {name} LIMIT {SHOWN_ROWS}"
    )
    if not found:
        return None
    rows = "; ".join(
        f"{shown(row['v'])} in {row['n']} rows, {table.key} {row['k']!r} to {row['l']!r}"
        for row in found
    )
    return (
        f"{table.name}.{column.name}: it is to be unique, but values are there more than once "
        f"({rows}); correct these rows first."
    )


def unfit(query: Query, table: Table, column: Column, kind: str) -> str | None:
    """Why a column that this engine did not make cannot be taken as one of this type."""
    name, key = quoted(column.name), quoted(table.key)
    sql = f"SELECT {key} AS k, {name} AS v FROM {quoted(table.name)} WHERE {name} IS NOT NULL"
    for row in query(sql):
        expected = _expected(kind, row["v"])
        if expected is not None:
            return (
                f"{table.name}.{column.name}: row {shown(row['k'])} holds {shown(row['v'])}, "
                f"expected {expected}; correct the rows first, or choose another type."
            )
    return None


def _expected(kind: str, value: Value) -> str | None:
    """What should have been there instead; None when it is as this engine would have kept it."""
    if kind == "boolean":
        return None if type(value) is bool or value in (0, 1) else "0 or 1"
    if kind == "json":
        try:
            orjson.loads(value)
        except (ValueError, TypeError):
            return "JSON text"
        return None
    try:
        kept = CHECKS[kind](value)
    except Unfit as found:
        return found.expected
    return None if kept == value and type(kept) is type(value) else f"it as {shown(kept)}"


def _rows(query: Query, table: Table, condition: str) -> list[Row]:
    key = quoted(table.key)
    return query(
        f"SELECT {key} AS k FROM {quoted(table.name)} WHERE {condition} "
        f"ORDER BY {key} LIMIT {SHOWN_ROWS}"
    )


def _named(table: Table, rows: Iterable[Row]) -> str:
    return f"{table.key} " + ", ".join(repr(row["k"]) for row in rows)
