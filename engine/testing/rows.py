"""Rows written in a test case, checked against the project's tables before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from engine.check.near import did_you_mean
from engine.errors import Place, Problem
from engine.model import Path, ProjectFile, Row, Table, Value
from engine.store.base import BadValue
from engine.store.codec import TableCodec
from engine.testing.case import Rows
from engine.yamlfile import Document

ANY_TIME = "2000-01-01T00:00:00Z"


def check_rows(
    rows: Rows, project: ProjectFile, document: Document, at: Path, *, whole: bool
) -> Iterator[Problem]:
    """Every wrong name and value. `whole` rows are to be inserted, others are compared.

    Values become what the database keeps (USD is usd, a time is UTC), in place.
    """
    for name, listed in rows.items():
        table = project.tables.get(name)
        if table is None:
            near = did_you_mean(name, project.tables)
            mend = f"Tables: {', '.join(project.tables)}."
            message = f"there is no table '{name}'.{near}"
            yield Problem("case.table", _key(document, (*at, name)), message, mend)
            continue
        codec = TableCodec(table, project.tables, {}, {})
        for index, row in enumerate(listed):
            path = (*at, name, index)
            wrong = list(_values(row, table, codec, document, path))
            yield from wrong
            if whole and not wrong:
                try:
                    codec.new_row(row, ANY_TIME)
                except BadValue as error:
                    yield Problem("case.value", document.place(path), str(error), "Add the value.")


def _key(document: Document, path: Path) -> Place:
    """Where the name of a table or column is written."""
    return document.key_places.get(path, document.place(path))


def _values(
    row: Row, table: Table, codec: TableCodec, document: Document, at: Path
) -> Iterator[Problem]:
    known = [column.name for column in table.visible]
    for name, value in row.items():
        path = (*at, name)
        if name not in known:
            near = did_you_mean(name, known, key=(table.name, table.key))
            message = f"table '{table.name}' has no column '{name}'.{near}"
            mend = f"Its columns: {', '.join(known)}."
            yield Problem("case.column", _key(document, path), message, mend)
            continue
        try:
            kept = codec.encoders[name](value)
        except BadValue as error:
            yield Problem("case.value", document.place(path), str(error), "Correct the value.")
            continue
        if codec.types[name] != "json":  # compared as data, kept as text
            row[name] = kept


def parents_first(rows: Rows, project: ProjectFile) -> Iterator[tuple[str, Row]]:
    """The rows, each after those it refers to: tables may refer to each other in a ring."""
    left = [(name, row) for name, listed in rows.items() for row in listed]
    while left:
        keys = {(name, row.get(project.tables[name].key)) for name, row in left}
        free = [one for one in left if not keys & set(_references(*one, project))]
        # Rows that wait for each other are the database's to refuse.
        yield from free or left
        left = [one for one in left if one not in free] if free else []


def _references(name: str, row: Row, project: ProjectFile) -> Iterator[tuple[str, Value]]:
    table = project.tables[name]
    for column in table.columns.values():
        value = row.get(column.name)
        itself = column.references == name and value == row.get(table.key)
        if column.references is not None and value is not None and not itself:
            yield column.references, value
