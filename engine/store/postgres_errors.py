"""PostgreSQL's errors as the store's: what is wrong, with which table, column and value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.pq import DiagnosticField

from engine.model import Row, Value
from engine.store.base import (
    BadValue,
    ConstraintViolation,
    StoreBusy,
    StoreConflict,
    StoreError,
    UniqueViolation,
    WriteFailedLate,
    WriteRefused,
)
from engine.store.rows import dangling, referring
from engine.store.statements import Statements
from engine.store.values import shown

KEY = re.compile(r"\((.+?)\)=\((.*?)\)(?: |$)", re.DOTALL)
"""In an error's detail, in whatever language: Key (columns)=(values) …"""

FOR_NOW = {
    "53": "it is out of room, memory or connections; look at its disk and its settings",
    "57": "it is shutting down or starting, or an administrator ended the session",
    "58": "its machine has a fault; look at its disk and its log",
    "08": "the connection failed; look at the network",
    "55P03": "others held a row or table for too long; look for long transactions",
    "57014": "a statement took too long and was ended",
    "25P03": "this transaction was idle for too long and was ended",
}
CONFLICTS = frozenset({"40001", "40P01", "26000"})
"""Serialization failure, deadlock, and a prepared statement that a pooler has lost."""
STALE_PLAN = "0A000"
MISSING = frozenset({"42P01", "42703", "3F000"})
UNFIT = frozenset({"22P02", "22003", "22007", "22008", "22001", "22P05", "22021", "42804"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server said of a statement that failed."""

    state: str
    text: str
    detail: str = ""
    table: str = ""
    column: str = ""
    constraint: str = ""


def fault_of(result: Any) -> Fault:
    """What a failed result of libpq says."""

    def said(field: DiagnosticField) -> str:
        return (result.error_field(field) or b"").decode(errors="replace")

    return Fault(
        state=said(DiagnosticField.SQLSTATE) or "08006",
        text=said(DiagnosticField.MESSAGE_PRIMARY) or result.get_error_message().strip(),
        detail=said(DiagnosticField.MESSAGE_DETAIL),
        table=said(DiagnosticField.TABLE_NAME),
        column=said(DiagnosticField.COLUMN_NAME),
        constraint=said(DiagnosticField.CONSTRAINT_NAME),
    )


def translated(
    fault: Fault,
    plan: Statements | None = None,
    row: Row | None = None,
    plans: Mapping[str, Statements] | None = None,
    *,
    deleting: bool = False,
) -> StoreError:
    """The StoreError for a fault; `row` is what was being written to the table of `plan`."""
    state, said = fault.state, f"(PostgreSQL: {fault.text}, {fault.state})"
    if state.startswith("23"):
        return _violation(fault, plan, row or {}, plans or {}, deleting)
    if state in CONFLICTS or (state == STALE_PLAN and "cached plan" in fault.text):
        return StoreConflict(f"Another transaction was in the way; try again. {said}")
    if state == "25006":
        return WriteRefused(
            "The database can only be read here: write inside `store.transaction()`, and on the "
            f"primary server, not on a standby. {said}"
        )
    for_now = FOR_NOW.get(state) or FOR_NOW.get(state[:2])
    if for_now is not None:
        return StoreBusy(f"The database is not to be had: {for_now}; then try again. {said}")
    if state in MISSING:
        return StoreError(
            "The database does not have the tables the project asks for: run `actionflow migrate`. "
            + said
        )
    if state in UNFIT:
        table = plan.codec.table.name if plan else fault.table
        return BadValue(
            f"{table or 'the database'}: a value does not fit its column. {said}",
            table=table,
            column=fault.column,
        )
    if state == "42501":
        return StoreError(
            f"The database user may not do this; grant it the right, or use its owner. {said}"
        )
    return StoreError(f"The database refused a statement. {said}")


def failed_late(fault: Fault) -> StoreConflict:
    """A statement that was sent ahead has failed, and with it the whole transaction."""
    said = f"This transaction is rolled back as a whole: a statement failed. ({fault.text})"
    return StoreConflict(said) if fault.state in CONFLICTS else WriteFailedLate(said)


def _violation(
    fault: Fault,
    plan: Statements | None,
    row: Row,
    plans: Mapping[str, Statements],
    deleting: bool,
) -> StoreError:
    name = plan.codec.table.name if plan else fault.table
    columns, values = _key(fault)
    if fault.column:
        columns = [fault.column]
    where = f"{name}.{columns[0]}" if columns else f"table '{name}'"
    value: Value = row.get(columns[0]) if columns else None
    if value is None and len(columns) == 1:
        value = values
    if fault.state == "23505":
        return UniqueViolation(
            f"{where}: a row with {shown(value)} is already there, and this column takes each "
            "value once; update that row, or give another value.",
            table=name,
            columns=columns,
            value=value,
        )
    if fault.state == "23502":
        return ConstraintViolation(
            f"{where}: the column takes no null; give it a value.", table=name, columns=columns
        )
    if fault.state == "23503" and plan is not None:
        if deleting:
            return referring(plan, plans)
        column = plan.codec.table.columns.get(columns[0]) if columns else None
        target = plans.get(column.references or "") if column is not None else None
        if column is not None and target is not None:
            return dangling(plan.codec.table, column.name, value, target)
    return ConstraintViolation(
        f"{where}: the row breaks a rule of the database ({fault.text}); change the values or the "
        "rule.",
        table=name,
        columns=columns,
        value=value,
    )


def _key(fault: Fault) -> tuple[list[str], str | None]:
    found = KEY.search(fault.detail)
    if found is None:
        return [], None
    return [part.strip().strip('"') for part in found[1].split(",")], found[2]
