"""The tables of a project, to look at: the builder's own and the system's, their rows by key."""

from __future__ import annotations

from engine.errors import BadInput
from engine.model import ProjectFile, Table, Value
from engine.store.base import Transaction
from engine.studio.masking import mask

PAGE = 50


def table_list(project: ProjectFile) -> dict[str, Value]:
    """Every table with its columns, the builder's before the system's."""
    listed = sorted(project.tables.values(), key=lambda table: table.system)
    return {"tables": [_table(project, table) for table in listed]}


def table_page(
    tx: Transaction,
    project: ProjectFile,
    name: str,
    *,
    before: str | None = None,
    key: str | None = None,
    limit: int = PAGE,
) -> dict[str, Value] | None:
    """A page of rows, the highest key first, or the one row with this key; None: no such table.

    `before` is the key of the last row seen. Raises BadInput.
    """
    table = project.tables.get(name)
    if table is None:
        return None
    where: dict[str, Value] = {}
    if key:
        where = {table.key: _key(table, key)}
    elif before:
        where = {table.key: {"below": _key(table, before)}}
    rows = tx.find(name, where, limit=limit, order_by=(f"-{table.key}",))
    names = [column.name for column in table.visible]
    return {
        "table": _table(project, table),
        "rows": [mask({column: row[column] for column in names}) for row in rows],
        "before": rows[-1][table.key] if len(rows) == limit else None,
    }


def _table(project: ProjectFile, table: Table) -> dict[str, Value]:
    return {
        "name": table.name,
        "title": table.title,
        "system": table.system,
        "orders": table.name == project.order_table,
        "key": table.key,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "optional": column.nullable,
                "references": column.references,
            }
            for column in table.visible
        ],
    }


def _key(table: Table, text: str) -> Value:
    if table.columns[table.key].type != "integer":
        return text
    try:
        return int(text)
    except ValueError:
        raise BadInput(
            f"'{text[:40]}' is no key of '{table.name}': expected a whole number, such as 1."
        ) from None
