"""Rows that are written down go into a database: each after those it refers to."""

from __future__ import annotations

from collections.abc import Iterator

from engine.check.rows import Rows
from engine.model import ProjectFile, Row, Value
from engine.store.base import Transaction


def write_rows(tx: Transaction, rows: Rows, project: ProjectFile) -> int:
    """Insert rows by table, system tables too; how many there were. Raises StoreError."""
    count = 0
    with tx.system_writes():
        for table, row in parents_first(rows, project):
            tx.insert(table, row)
            count += 1
    return count


def parents_first(rows: Rows, project: ProjectFile) -> Iterator[tuple[str, Row]]:
    """The rows, each after those it refers to: tables may refer to each other in a ring."""
    left = [(name, row) for name, listed in rows.items() for row in listed]
    while left:
        keys = {(name, row.get(project.tables[name].key)) for name, row in left}
        free: list[tuple[str, Row]] = []
        waiting: list[tuple[str, Row]] = []
        for one in left:
            (waiting if keys & set(_references(*one, project)) else free).append(one)
        # Rows that wait for each other are the database's to refuse.
        yield from free or left
        left = waiting if free else []


def _references(name: str, row: Row, project: ProjectFile) -> Iterator[tuple[str, Value]]:
    table = project.tables[name]
    for column in table.columns.values():
        value = row.get(column.name)
        itself = column.references == name and value == row.get(table.key)
        if column.references is not None and value is not None and not itself:
            yield column.references, value
