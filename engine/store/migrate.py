"""Making the database fit the project file: planned first, applied whole or not at all.

What is no longer in the project file is left in place; what cannot be done without risk to data is
refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.model import ProjectFile, Value
from engine.store import meta
from engine.store.base import MigrationRefused
from engine.store.binding import BINDING, bound, refusals
from engine.store.codec import TableCodec
from engine.store.compare import Comparison
from engine.store.connect import path_of, utc_now
from engine.store.current import TABLES, known
from engine.store.operations import AlterTable, Operation
from engine.store.own import META, with_own
from engine.store.sqlite_schema import SqliteEditor
from engine.store.sqlite_store import UNWIRE, WIRE, SqliteStore
from engine.store.statements import literal


@dataclass(frozen=True, slots=True)
class Step:
    """One change: a sentence for people, and the SQL that does it (none where nothing is done)."""

    sentence: str
    statements: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The statements as one text, without the last semicolon."""
        return ";\n".join(self.statements)


def plan(project: ProjectFile, base: Path) -> list[Step]:
    """What `apply` would do to the project's database; empty when it is up to date.

    A relative file starts at `base`, the project's folder. Writes nothing, makes no file. Raises
    MigrationRefused, with all reasons.
    """
    with _opened(project, base, create=False) as store, store.editor() as editor:
        return _plan(editor, project)[0]


def apply(project: ProjectFile, base: Path) -> list[Step]:
    """Do it, in one transaction, and give what was done. Raises MigrationRefused, StoreError."""
    with _opened(project, base, create=True) as store, store.editor(write=True) as editor:
        steps, operations = _plan(editor, project)
        for step in steps:
            for statement in step.statements:
                editor.execute(statement)
        for operation in operations:
            if isinstance(operation, AlterTable):
                editor.check_references(operation.table)
        if steps:
            meta.write(editor, TABLES, known(project.tables))
        return steps


@contextmanager
def _opened(project: ProjectFile, base: Path, *, create: bool) -> Iterator[SqliteStore]:
    path = path_of(project.database, base)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    there = path if create or path.exists() else None
    store = SqliteStore(there, project.tables, clock=utc_now, create=create)
    try:
        yield store
    finally:
        store.close()


def _plan(editor: SqliteEditor, project: ProjectFile) -> tuple[list[Step], list[Operation]]:
    wanted = with_own(project.tables)
    actual = editor.inspect()
    past = None
    binding: dict[str, Value] = {}
    if META.name in actual:
        past = meta.read(editor, TABLES)
        binding = {key: meta.read(editor, key) for key in BINDING}
    reasons = list(refusals(project, binding, actual))
    if reasons:
        raise MigrationRefused(reasons)
    comparison = Comparison(
        wanted,
        actual,
        orjson.loads(past) if past else {},
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
    tables = known(project.tables)
    if past != tables and not any(step.statements for step in steps):
        note = f"UPDATE {META.name} SET value = {literal(tables)} WHERE key = {literal(TABLES)}"
        steps.append(Step("Notes that the project file's tables are now these.", (note,)))
    return steps, operations


def _bind(project: ProjectFile) -> Step:
    values = ", ".join(f"({literal(k)}, {literal(v)})" for k, v in bound(project).items())
    return Step(
        f"Binds the order table '{project.order_table}' to the project '{project.name}'. This is "
        "final: payments will refer to its rows.",
        (f"INSERT INTO {META.name} (key, value) VALUES {values}",),
    )
