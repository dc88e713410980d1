"""table.find, table.insert, table.update, table.delete: the builder's hands on rows."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import RunError
from engine.model import Node, Row, Table, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.shape import shown
from engine.store.base import UniqueViolation


@node_type("table.find")
def find(node: Node, compiler: Compiler) -> Step:
    """Output: the row or null; with `many`, a list of rows."""
    table = _table(node, compiler)
    where = compiler.value(node, "where")
    many = bool(node.keys.get("many"))
    order_by = tuple(node.keys.get("order_by", ()))
    limit = node.keys.get("limit", 1000) if many else 2
    hidden = _hidden(table)

    def step(frame: Frame) -> Value:
        frame.inputs = wanted = where(frame.values)
        rows = frame.tx.find(table.name, wanted, limit=limit, order_by=order_by)
        if many:
            return [_seen(row, hidden) for row in rows]
        return _one(node, table, rows, wanted, hidden)

    return step


@node_type("table.insert")
def insert(node: Node, compiler: Compiler) -> Step:
    """Output: the new row, or with `on_conflict` the row that was there (updated or as it was)."""
    table = _own_table(node, compiler)
    values = compiler.value(node, "values")
    on_conflict = node.keys.get("on_conflict", "fail")

    def step(frame: Frame) -> Value:
        frame.inputs = given = values(frame.values)
        if on_conflict == "fail":
            return frame.tx.insert(table.name, given)
        try:
            with frame.tx.savepoint():
                return frame.tx.insert(table.name, given)
        except UniqueViolation:
            there = _in_the_way(frame, table, given)
            if there is None:
                raise
        if on_conflict == "ignore":
            frame.notes.append({"conflict": "ignored: the row is there already"})
            return there
        frame.notes.append({"conflict": "updated the row that was there"})
        changes = frame.tx.update(table.name, {table.key: there[table.key]}, given)
        return changes[0].after

    return step


@node_type("table.update")
def update(node: Node, compiler: Compiler) -> Step:
    """Output: the row as it now is, or null where none matched; with `many`, a list of rows."""
    table = _own_table(node, compiler)
    where, values = compiler.value(node, "where"), compiler.value(node, "values")
    many = bool(node.keys.get("many"))

    def step(frame: Frame) -> Value:
        wanted, given = where(frame.values), values(frame.values)
        frame.inputs = {"where": wanted, "values": given}
        changes = frame.tx.update(table.name, wanted, given)
        if len(changes) == 1 and not many:
            return changes[0].after
        rows = [change.after for change in changes]
        if many:
            return rows
        return _one(node, table, [row for row in rows if row is not None], wanted, ())

    return step


@node_type("table.delete")
def delete(node: Node, compiler: Compiler) -> Step:
    """Output: the row as it was, or null where none matched; with `many`, a list of rows."""
    table = _own_table(node, compiler)
    where = compiler.value(node, "where")
    many = bool(node.keys.get("many"))

    def step(frame: Frame) -> Value:
        frame.inputs = wanted = where(frame.values)
        rows = [change.before for change in frame.tx.delete(table.name, wanted)]
        if many:
            return rows
        return _one(node, table, [row for row in rows if row is not None], wanted, ())

    return step


def _table(node: Node, compiler: Compiler) -> Table:
    name = node.keys["table"]
    table = compiler.project.tables.get(name)
    if table is None:
        raise RunError(
            f"there is no table '{name}'. Known: {', '.join(compiler.project.tables)}.",
            node=node.id,
            place=compiler.place(node, "table"),
        )
    return table


def _own_table(node: Node, compiler: Compiler) -> Table:
    table = _table(node, compiler)
    if table.system:
        raise RunError(
            f"'{table.name}' is a system table; only locked nodes write it. Read it with "
            "table.find, and keep what you need in a table of your own.",
            node=node.id,
            place=compiler.place(node, "table"),
        )
    return table


def _hidden(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns.values() if column.internal)


def _seen(row: Row, hidden: tuple[str, ...]) -> Row:
    return {name: row[name] for name in row if name not in hidden} if hidden else row


def _one(
    node: Node, table: Table, rows: list[Row], wanted: Mapping[str, Value], hidden: tuple[str, ...]
) -> Row | None:
    if len(rows) > 1:
        raise RunError(
            f"more than one row of '{table.name}' has {shown(wanted)}. Name its key in `where`, or"
            " write `many: true`."
        )
    if rows:
        return _seen(rows[0], hidden)
    if node.keys.get("expect") == "one":
        raise RunError(
            f"no row of '{table.name}' has {shown(wanted)}, but `expect: one` asks for one. Check "
            "the values, or leave `expect` out where no row is a normal case."
        )
    return None


def _in_the_way(frame: Frame, table: Table, given: Mapping[str, Value]) -> Row | None:
    """The row whose key or unique value kept the new one out."""
    unique = [table.key, *(column.name for column in table.columns.values() if column.unique)]
    for name in unique:
        if given.get(name) is not None:
            rows = frame.tx.find(table.name, {name: given[name]}, limit=1)
            if rows:
                return rows[0]
    return None
