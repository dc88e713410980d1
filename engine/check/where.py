"""`where`: columns compared with values; which of them pick one row, and which may be null."""

from __future__ import annotations

from dataclasses import replace

from engine.check.codes import NULL_WHERE, VALUE
from engine.check.fits import misfit
from engine.check.near import did_you_mean
from engine.check.registry import code
from engine.check.types import NOTHING, Type, of_column
from engine.check.walk import Here
from engine.model import Column, Node, Table, Value

UNKNOWN_COLUMN = code(
    "table.column",
    "A column that is not there",
    "`where`, `values` and `order_by` name columns of the node's table.",
)
NO_ORDER = code(
    "table.order",
    "A comparison by size of values that have none",
    "above, at_least, below and at_most compare integers, amounts, texts and timestamps.",
)


def known_column(
    name: str, node: Node, here: Here, table: Table, key: str, *at: str | int
) -> Column | None:
    """The column, or None after reporting that there is none of this name."""
    column = table.columns.get(name)
    if column is not None and not column.internal:
        return column
    known = [one.name for one in table.visible]
    near = did_you_mean(name, known, key=(table.name, table.key))
    mend = f"Columns of '{table.name}': {', '.join(known)}."
    if name.isdigit():
        mend = "Inside of { } a comma begins the next entry: write numbers without commas, as 1000."
    here.say(
        UNKNOWN_COLUMN,
        here.at(node, key, *(at or (name,))),
        f"'{table.name}' has no column '{name}'.{near}",
        mend,
        ((table.place, f"'{table.name}' is defined here"),) if table.place else (),
        key=not at,
    )
    return None


def check_where(node: Node, here: Here, table: Table | None) -> None:
    """Every column of a `where` and what it is compared with."""
    for name, written in node.keys["where"].items():
        path = here.at(node, "where", name)
        if isinstance(written, dict):
            ((comparison, value),) = written.items()
            path = (*path, comparison)
        else:
            comparison, value = "", written
        values = (
            list(enumerate(value))
            if isinstance(value, list) and not comparison
            else [(None, value)]
        )
        column = known_column(name, node, here, table, "where") if table else None
        for index, one in values:
            place = path if index is None else (*path, index)
            found = here.value(one, place)
            if column is None or table is None:
                continue
            wanted = of_column(column, here.view.tables)
            if name == table.key:
                wanted = replace(wanted, name=table.name)
            _compared(found, wanted, column, table, comparison, here, place)


def _compared(
    found: Type,
    wanted: Type,
    column: Column,
    table: Table,
    comparison: str,
    here: Here,
    path: tuple[str | int, ...],
) -> None:
    what = f"column '{column.name}' of '{table.name}'"
    if comparison not in ("", "not") and column.type in ("boolean", "json"):
        here.say(
            NO_ORDER,
            path,
            f"{what} is {column.type}, and `{comparison}` compares by size.",
            "Compare with a value, or with `not`.",
            key=True,
        )
        return
    if column.type == "json":
        here.say(
            VALUE,
            path,
            f"{what} holds JSON, which `where` cannot compare.",
            "Look the row up by another column, and look into the JSON in a branch.",
        )
        return
    if found.kind == "list" and not comparison and found.item is not None:
        found = found.item  # one of these
    if found.kind == "null":
        if not column.nullable and found.literal is not NOTHING:
            here.say(
                NULL_WHERE,
                path,
                f"{what} is never null, and is compared with null.",
                "Remove it, or compare with a value.",
            )
        return
    if found.nullable:
        then = "every row whose column is empty matches" if column.nullable else "no row matches"
        here.say(
            NULL_WHERE,
            path,
            f"{what} is compared with a value that may be null; then {then}.",
            "Check the value before, in a branch (is not none), or give a fallback: | default(…).",
        )
        return
    # Any text may be looked for; only one that is written down can be known never to be there.
    if found.literal is NOTHING:
        wanted = replace(wanted, one_of=())
        found = replace(found, one_of=())
    wrong = misfit(found, wanted, what, nulls=False)
    if wrong is not None:
        here.say(wrong.code, path, wrong.message, wrong.mend)


def names_one_row(node: Node, table: Table) -> bool:
    """Whether a `where` compares the key, or a unique column, with one value."""
    for name, written in node.keys["where"].items():
        column = table.columns.get(name)
        if column is None or column.internal:
            return True  # said already
        if (name == table.key or column.unique) and _one(written):
            return True
    return False


def _one(written: Value) -> bool:
    return written is not None and not isinstance(written, dict | list)
