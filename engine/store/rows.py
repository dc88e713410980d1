"""What the transactions of every connector share: what they know, and refusals in the same words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NoReturn, TypeVar

from engine.errors import did_you_mean
from engine.model import Change, Table, Value
from engine.store.base import (
    BadValue,
    ConstraintViolation,
    StoreError,
    UnknownTable,
    WriteRefused,
)
from engine.store.statements import Statements
from engine.store.values import shown

P = TypeVar("P", bound=Statements)


class RowTransaction(Generic[P]):
    """The part of `engine.store.base.Transaction` that asks nothing of the database."""

    def __init__(self, plans: Mapping[str, P], now: str) -> None:
        self.changes: list[Change] = []
        self.now = now
        self._plans = plans
        self._depth = 0
        self._system = 0
        self.pending: Callable[[], None] | None = None
        """See `engine.store.base.Transaction`."""
        self.lost: StoreError | None = None
        """Why nothing more can be done in this transaction, once that is so."""

    def system_writes(self) -> SystemWrites:
        return SystemWrites(self)

    def _writable(self, table: str) -> P:
        plan = self._plans.get(table) or self._unknown(table)
        if plan.codec.table.system and not self._system:
            raise WriteRefused(
                f"'{table}' is a system table: only the engine's locked nodes write it, from what "
                "Stripe says. Read it in a flow, and keep your own facts in your own tables."
            )
        return plan

    def _unknown(self, table: str) -> NoReturn:
        known = ", ".join(f"'{name}'" for name in self._plans)
        raise UnknownTable(
            f"there is no table '{table}'; the project has {known}."
            f"{did_you_mean(table, self._plans)}"
        )

    def _key_change(self, plan: P, found: Value, wanted: Value) -> NoReturn:
        raise BadValue(
            f"{plan.codec.table.name}.{plan.key}: found {shown(wanted)} for row {shown(found)}; "
            "expected the same, the key of a row cannot be changed. Leave it out of the values, or "
            "delete the row and insert a new one.",
            table=plan.codec.table.name,
            column=plan.key,
            value=wanted,
        )


class SystemWrites:
    """A plain class: `contextlib.contextmanager` would double the time per event."""

    __slots__ = ("_tx",)

    def __init__(self, tx: RowTransaction[Any]) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        self._tx._system += 1

    def __exit__(self, *exc: object) -> None:
        self._tx._system -= 1


def read_only(table: str) -> NoReturn:
    """In place of `_writable`, in a reader."""
    raise WriteRefused(
        f"'{table}' can only be read here; write inside `store.transaction()` instead."
    )


def dangling(table: Table, name: str, value: Value, to: Statements) -> ConstraintViolation:
    """A column of a row refers to no row."""
    return ConstraintViolation(
        f"{table.name}.{name}: found {shown(value)}, but '{to.codec.table.name}' has no row with "
        f"this {to.key}; insert that row first, or give the {to.key} of one there is.",
        table=table.name,
        columns=(name,),
        value=value,
    )


def referring(plan: Statements, plans: Mapping[str, Statements]) -> ConstraintViolation:
    """Other rows keep a row from being deleted; says which tables could hold them."""
    table = plan.codec.table.name
    columns = [
        f"{other}.{column.name}"
        for other, its in plans.items()
        for column in its.codec.table.columns.values()
        if column.references == table
    ]
    return ConstraintViolation(
        f"table '{table}': other rows still refer to this one (by {' or '.join(columns)}); "
        "delete those first, or keep it.",
        table=table,
        columns=(plan.key,),
    )
