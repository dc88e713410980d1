"""How rows differ from those expected, said so that the one column that is wrong is seen at once."""

from __future__ import annotations

import json
from collections.abc import Iterator

from engine.model import Row, Table, Value

Difference = tuple[int | None, str]
"""The place of the expected row in its list (None for a row too many), and what differs."""


def compare(table: Table, wanted: list[Row], found: list[Row]) -> Iterator[Difference]:
    """Every difference; only the columns that `wanted` names count, in any order of rows."""
    left = list(found)
    missing: list[tuple[int, Row]] = []
    for index, row in enumerate(wanted):
        match = next((one for one in left if _fits(row, one)), None)
        if match is None:
            missing.append((index, row))
        else:
            left.remove(match)
    for index, row in missing:
        near = _nearest(table, row, left)
        if near is None:
            yield index, f"{table.name}: expected a row {text(row)}; there is none"
            continue
        left.remove(near)
        differing = [
            f"{column} is {text(near.get(column))}, expected {text(value)}"
            for column, value in row.items()
            if near.get(column) != value
        ]
        yield index, f"{table.name} {near[table.key]}: {'; '.join(differing)}"
    for row in left:
        yield None, f"{table.name} {row[table.key]}: a row too many: {text(_telling(table, row))}"


def _nearest(table: Table, row: Row, left: list[Row]) -> Row | None:
    """The row left over that is most likely the one meant: of the same key, else the most alike."""
    if table.key in row:
        return next((one for one in left if one[table.key] == row[table.key]), None)
    return max(left, key=lambda one: _alike(row, one), default=None)


def _fits(wanted: Row, found: Row) -> bool:
    return all(found[column] == value for column, value in wanted.items())


def _alike(wanted: Row, found: Row) -> int:
    return sum(found[column] == value for column, value in wanted.items())


def _telling(table: Table, row: Row) -> Row:
    """What a person looks at: no empty columns, no times of writing, nothing internal."""
    names = [c.name for c in table.visible if c.name not in (table.key, "created_at", "updated_at")]
    return {name: row[name] for name in names if row[name] is not None}


def holds(wanted: Value, found: Value) -> bool:
    """Whether `found` is `wanted`, where only the keys that `wanted` names count, at any depth."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and holds(value, found[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list) and len(found) == len(wanted) and all(map(holds, wanted, found))
        )
    return type(wanted) is type(found) and bool(wanted == found)


def text(value: Value) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)
