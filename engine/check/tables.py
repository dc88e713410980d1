"""table.find, table.insert, table.update, table.delete: tables, columns, values and `where`."""

from __future__ import annotations

from dataclasses import replace

from engine.check.fits import misfit
from engine.check.near import did_you_mean
from engine.check.registry import code, node_rule
from engine.check.types import ANY, Type, maybe, of_column, of_row
from engine.check.walk import Here
from engine.check.where import check_where, known_column, names_one_row
from engine.model import Column, Node, Table

UNKNOWN_TABLE = code(
    "table.unknown",
    "A table that is not there",
    "A node works on the tables of project.yaml, or reads the system tables payment, refund and "
    "recurring_payment.",
)
SYSTEM = code(
    "table.system",
    "A system table written by a flow",
    "payment, refund and recurring_payment say what Stripe said. Only the locked nodes write them, "
    "so that no flow can make a payment out of nothing.",
)
MISSING = code(
    "table.missing",
    "A row without a value it must have",
    "A column that cannot be empty and has no default needs a value in every table.insert.",
)
KEY = code(
    "table.key",
    "The key of a row changed",
    "The key tells rows apart and other rows refer to it, so it stays what it was.",
)
ANY_ROW = code(
    "table.where",
    "A `where` that may match several rows",
    "Without the key or a unique column the node can meet more rows than the one that was meant. "
    "Then it fails, or changes too much.",
)
IGNORED = code(
    "table.ignored",
    "A key that has no effect here",
    "With `many: true` the node gives a list, which may be empty: `expect: one` is not looked at.",
)
CONFLICT = code(
    "table.conflict",
    "`on_conflict` that can never apply",
    "Two rows are in conflict when they have the same key or the same value in a unique column. "
    "Without such a value every run adds a row.",
    severity="warning",
)
TEMPLATE = code(
    "table.template",
    "A template left as it came",
    "The new order of a renewal is made by you: which of your columns it fills, nobody else can "
    "know. Until then the flow would make rows that mean nothing.",
)


@node_rule("table.find", "table.insert", "table.update", "table.delete")
def table_node(node: Node, here: Here) -> Type:
    """Output: a row, a row or null, or with `many` a list of rows."""
    table = _table(node, here)
    many = bool(node.keys.get("many"))
    if "where" in node.keys:
        check_where(node, here, table)
    if "values" in node.keys:
        _values(node, here, table)
    if table is None:
        return ANY
    _order_by(node, here, table)
    if "where" in node.keys and not many and not names_one_row(node, table):
        _say_any_row(node, here, table)
    if many and node.keys.get("expect") == "one":
        here.say(
            IGNORED,
            here.at(node, "expect"),
            f"'{node.id}' has `many: true` and `expect: one`.",
            "Keep one of them: `expect: one` for exactly one row, `many: true` for a list.",
        )
    row = of_row(table, here.view.tables)
    if many:
        return Type("list", item=row)
    return row if node.type == "table.insert" or node.keys.get("expect") == "one" else maybe(row)


def _table(node: Node, here: Here) -> Table | None:
    name = node.keys["table"]
    tables = here.view.tables
    table = tables.get(name)
    if table is None:
        if here.view.project is not None:
            here.say(
                UNKNOWN_TABLE,
                here.at(node, "table"),
                f"there is no table '{name}'.{did_you_mean(name, list(tables))}",
                f"Known tables: {', '.join(sorted(tables))}.",
            )
        return None
    if table.system and node.type != "table.find":
        here.say(
            SYSTEM,
            here.at(node, "table"),
            f"'{name}' is a system table, and {node.type} would write it; only locked nodes do.",
            "Read it with table.find, and keep what is yours in a table of your own.",
        )
        return None
    return table


def _values(node: Node, here: Here, table: Table | None) -> None:
    written = node.keys["values"]
    for name, value in written.items():
        path = here.at(node, "values", name)
        found = here.value(value, path)
        if table is None:
            continue
        column = known_column(name, node, here, table, "values")
        if column is None:
            continue
        if name == table.key and node.type == "table.update":
            here.say(
                KEY,
                path,
                f"'{name}' is the key of '{table.name}', and the key of a row cannot be changed.",
                "Remove it from `values`; say which row is meant in `where`.",
                key=True,
            )
            continue
        wanted = of_column(column, here.view.tables)
        if name == table.key:
            wanted = replace(wanted, name=table.name)
        wrong = misfit(found, wanted, f"column '{name}' of '{table.name}'")
        if wrong is not None:
            here.say(wrong.code, path, wrong.message, wrong.mend)
    if table is not None and node.type == "table.insert":
        _insert(node, here, table)


def _insert(node: Node, here: Here, table: Table) -> None:
    written = node.keys["values"]
    if node.keys.get("template"):
        here.say(
            TEMPLATE,
            here.at(node, "template"),
            f"'{node.id}' is still the template it came as.",
            f"Fill in the columns of '{table.name}' as your shop needs them, then remove "
            "`template: true`.",
        )
    missing = [
        column.name
        for column in table.visible
        if column.name not in written and not filled_in(column, table)
    ]
    if missing and not node.keys.get("template"):
        here.say(
            MISSING,
            here.at(node, "values"),
            f"the new row of '{table.name}' has no value for {', '.join(map(repr, missing))}.",
            "Give each a value, or in project.yaml a `default` or `optional: true`.",
            ((table.place, f"'{table.name}' is defined here"),) if table.place else (),
            key=True,
        )
    unique = [table.key, *(column.name for column in table.visible if column.unique)]
    if node.keys.get("on_conflict", "fail") != "fail" and not set(unique) & set(written):
        here.say(
            CONFLICT,
            here.at(node, "on_conflict"),
            f"`on_conflict` never applies: `values` has neither the key nor a unique column of "
            f"'{table.name}'.",
            f"Give a value for one of {', '.join(unique)}, or make another column `unique: true`.",
        )


def filled_in(column: Column, table: Table) -> bool:
    """Whether the engine or the database gives the value when none is written."""
    if column.nullable or column.has_default:
        return True
    if column.name in ("created_at", "updated_at") and column.type == "timestamp":
        return True
    return column.name == table.key and column.type == "integer"


def _order_by(node: Node, here: Here, table: Table) -> None:
    for index, name in enumerate(node.keys.get("order_by", ())):
        known_column(name.removeprefix("-"), node, here, table, "order_by", index)


def _say_any_row(node: Node, here: Here, table: Table) -> None:
    unique = [table.key, *(column.name for column in table.visible if column.unique)]
    named = ", ".join(map(repr, node.keys["where"]))
    does = {"table.find": "looks for", "table.update": "changes", "table.delete": "deletes"}
    here.say(
        ANY_ROW,
        here.at(node, "where"),
        f"'{node.id}' {does[node.type]} one row of '{table.name}', but {named} may match several.",
        f"Name one value of {' or '.join(unique)} in `where`, or write `many: true`.",
        key=True,
    )
