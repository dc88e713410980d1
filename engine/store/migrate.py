"""Making the database fit the project file: planned first, applied whole or not at all.

What is no longer in the project file is left in place; what cannot be done without risk to data is
refused, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.model import ProjectFile, Value
from engine.store import meta
from engine.store.base import MigrationRefused
from engine.store.binding import BINDING, bound, refusals
from engine.store.codec import TableCodec
from engine.store.compare import Comparison
from engine.store.connect import Editor, editing
from engine.store.current import TABLES, known
from engine.store.operations import AlterTable, Operation
from engine.store.own import META, with_own
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
    with editing(project, base, write=False) as editor:
        return _plan(editor, project)[0]


def apply(project: ProjectFile, base: Path) -> list[Step]:
    """Do it, in one transaction, and give what was done. Raises MigrationRefused, StoreError."""
    with editing(project, base, write=True) as editor:
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


def _plan(editor: Editor, project: ProjectFile) -> tuple[list[Step], list[Operation]]:
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
        lambda table, column: TableCodec(table, wanted, editor.wire, {}).blank[column.name],
        editor.kinds,
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
