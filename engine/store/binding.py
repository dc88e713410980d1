"""The names a project may give its tables, and the order table it is bound to for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.model import ProjectFile, Table, Value
from engine.store.own import PREFIX
from engine.store.schema import system_tables

BINDING = ("project", "order_table", "order_key")
"""Keys in actionflow_meta: set by the first migration, never changed."""


def bound(project: ProjectFile) -> dict[str, str]:
    """What the database shall remember of this project."""
    key = project.tables[project.order_table].key if project.order_table in project.tables else ""
    return dict(zip(BINDING, (project.name, project.order_table, key), strict=True))


def refusals(
    project: ProjectFile, remembered: Mapping[str, Value], there: Mapping[str, object]
) -> Iterator[str]:
    """Why this project cannot have this database. `there` has the tables the database has."""
    yield from _names(project)
    order = remembered.get("order_table")
    if order is None:
        if project.order_table not in project.tables:
            yield (
                f"the order table '{project.order_table}' is not among the tables; name one of "
                f"{', '.join(repr(name) for name in project.tables)} in `payment: order_table:`."
            )
        return
    if remembered["project"] != project.name:
        yield (
            f"this database belongs to the project '{remembered['project']}', and this is "
            f"'{project.name}'; give this project a `database` of its own, or its old name back."
        )
    if project.order_table != order:
        yield (
            f"the order table is '{order}', and project.yaml now names '{project.order_table}'. "
            "Binding an order table is final: payments, refunds and subscriptions refer to its "
            f"rows and would lose their orders. Write `payment: {{order_table: {order}}}` again, "
            "or begin with a new database."
        )
    elif order not in project.tables:
        yield (
            f"the order table '{order}' is gone from project.yaml. Binding an order table is "
            "final, it can be neither dropped nor renamed: payments refer to its rows. Put it back."
        )
    elif project.tables[order].key != remembered["order_key"]:
        yield (
            f"the key of the order table '{order}' is '{remembered['order_key']}', and "
            f"project.yaml now says '{project.tables[order].key}'. Payments refer to orders by it, "
            f"so it stays; write `key: {remembered['order_key']}` again."
        )
    if order not in there:
        yield (
            f"the database has lost its order table '{order}': someone dropped or renamed it "
            "outside of Actionflow. Name it back, or restore the database from a backup."
        )


def _names(project: ProjectFile) -> Iterator[str]:
    order = project.tables.get(project.order_table)
    reserved = set(system_tables(order)) if order is not None else set()
    seen: dict[str, Table] = {}
    for table in project.tables.values():
        folded = table.name.casefold()
        if folded in reserved and not table.system:
            yield (
                f"table '{table.name}': this is the name of a system table, which only the "
                "engine's locked nodes write; give yours another name."
            )
        elif folded.startswith((PREFIX, "sqlite_")):
            yield (
                f"table '{table.name}': names that begin with '{PREFIX}' or 'sqlite_' belong to "
                "the engine and the database; give yours another name."
            )
        elif folded in seen:
            yield (
                f"tables '{seen[folded].name}' and '{table.name}': the database does not tell "
                "capital letters from small ones; give one another name."
            )
        else:
            seen[folded] = table
        columns: dict[str, str] = {}
        for name in table.columns:
            if name.casefold() in columns:
                yield (
                    f"columns '{table.name}.{columns[name.casefold()]}' and '{name}': the database "
                    "does not tell capital letters from small ones; give one another name."
                )
            columns[name.casefold()] = name
