"""Making the database fit the project file: planned first, applied whole or not at all.

What is no longer in the project file is left in place; what cannot be done without risk to data is
refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from engine.model import ProjectFile, Table, Value
from engine.store import meta
from engine.store.base import (
    DatabaseOutdated,
    MigrationRefused,
    Store,
    StoreBusy,
    StoreError,
)
from engine.store.binding import BINDING, bound, refusals
from engine.store.codec import TableCodec
from engine.store.compare import Comparison, remembered
from engine.store.operations import AlterTable, Operation
from engine.store.own import META, with_own
from engine.store.sqlite_schema import SqliteEditor
from engine.store.sqlite_store import UNWIRE, WIRE, SqliteStore
from engine.store.statements import quoted

TABLES = "tables"
"""Key in actionflow_meta: what the last migration knew of the tables, as JSON."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change: a sentence for people, and the SQL that does it (none where nothing is done)."""

    sentence: str
    sql: tuple[str, ...] = ()


def plan(store: SqliteStore, project: ProjectFile) -> list[Step]:
    """What `apply` would do; empty when the database is up to date. Raises MigrationRefused."""
    with store.editor() as editor:
        return _plan(editor, project)[0]


def apply(store: SqliteStore, project: ProjectFile) -> list[Step]:
    """Do it, in one transaction, and give what was done. Raises MigrationRefused, StoreError."""
    with store.editor(write=True) as editor:
        steps, operations = _plan(editor, project)
        for step in steps:
            for sql in step.sql:
                editor.execute(sql)
        for operation in operations:
            if isinstance(operation, AlterTable):
                editor.check_references(operation.table)
        if steps:
            meta.write(editor, TABLES, _known(project.tables))
        return steps


def require_current(store: Store) -> None:
    """Raises DatabaseOutdated unless the database has the tables of the store. Reads little."""
    with store.reader() as tx:
        try:
            known = meta.read(tx, TABLES)
            for table in store.tables.values():
                columns = ", ".join(quoted(name) for name in table.columns)
                tx.execute(f"SELECT {columns} FROM {quoted(table.name)} LIMIT 0")
        except StoreBusy:
            raise
        except StoreError:
            known = None
    if known != _known(store.tables):
        raise DatabaseOutdated(
            "The database does not have the tables of project.yaml as they now are. Run "
            "`actionflow migrate`: it shows what it would change first, and keeps your data."
        )


def is_current(store: Store) -> bool:
    """Whether there is nothing to migrate."""
    try:
        require_current(store)
    except DatabaseOutdated:
        return False
    return True


def _plan(editor: SqliteEditor, project: ProjectFile) -> tuple[list[Step], list[Operation]]:
    wanted = with_own(project.tables)
    actual = editor.inspect()
    known = None
    binding: dict[str, Value] = {}
    if META.name in actual:
        known = meta.read(editor, TABLES)
        binding = {key: meta.read(editor, key) for key in BINDING}
    reasons = list(refusals(project, binding, actual))
    if reasons:
        raise MigrationRefused(reasons)
    comparison = Comparison(
        wanted,
        actual,
        orjson.loads(known) if known else {},
        editor.execute,
        lambda table, column: TableCodec(table, wanted, WIRE, UNWIRE).blank[column.name],
    )
    comparison.run()
    if comparison.reasons:
        raise MigrationRefused(comparison.reasons)
    operations = comparison.operations
    steps = [
        Step(operation.sentence, sql)
        for operation, sql in zip(operations, editor.render(operations, wanted), strict=True)
    ]
    if binding.get("order_table") is None:
        steps.append(_bind(project))
    if not steps and known != _known(project.tables):
        steps.append(Step("Notes what the tables now are; nothing in them changes."))
    return steps, operations


def _bind(project: ProjectFile) -> Step:
    values = ", ".join(f"({_literal(k)}, {_literal(v)})" for k, v in bound(project).items())
    return Step(
        f"Binds the order table '{project.order_table}' to the project '{project.name}'. This is "
        "final: payments will refer to its rows.",
        (f"INSERT INTO {META.name} (key, value) VALUES {values}",),
    )


def _known(tables: Mapping[str, Table]) -> str:
    data = remembered(with_own(tables))
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
