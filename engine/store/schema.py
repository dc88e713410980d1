"""The system tables, read from schemas/tables/*.yaml."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from engine.model import Column, Table, Value
from engine.paths import share
from engine.yamlfile import read_path

ORDER = "$order"
"""Stands for the bound order table in the files."""


def system_tables(order: Table) -> dict[str, Table]:
    """payment, recurring_payment and refund, with `order` as the table payments belong to."""
    return {
        table.name: replace(
            table,
            columns={
                name: replace(column, references=order.name)
                if column.references == ORDER
                else column
                for name, column in table.columns.items()
            },
        )
        for table in _unbound()
    }


@cache
def _unbound() -> tuple[Table, ...]:
    return tuple(
        _table(path.stem, read_path(path).data)
        for path in sorted(share("schemas").joinpath("tables").glob("*.yaml"))
    )


def _table(name: str, written: Value) -> Table:
    columns = {
        column: Column(
            name=column,
            type=spec["type"],
            nullable=spec.get("optional", False),
            unique=spec.get("unique", False),
            default=spec.get("default"),
            has_default="default" in spec,
            references=spec.get("references"),
            one_of=tuple(spec.get("one_of", ())),
            internal=spec.get("internal", False),
        )
        for column, spec in written["columns"].items()
    }
    return Table(name, columns, key=written["key"], system=True, title=written["title"])
