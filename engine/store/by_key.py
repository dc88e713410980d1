"""A condition that names the key: what else it asks for can be compared here, on a row that is known.

So a flow may say `where: {id: …, status: [pending, failed]}` without the database being asked once more.
"""

from __future__ import annotations

from engine.model import Row, Value
from engine.store.base import Where
from engine.store.statements import Statements

COMPARED = frozenset({"integer", "amount", "text", "currency"})
"""Kinds of which all databases and Python say the same: equal or not."""

Rest = list[tuple[str, list[Value]]]
"""Columns, and for each the values of which it must have one."""


def rest_of(plan: Statements, where: Where) -> Rest | None:
    """What this condition asks for beside the key; None where only the database can say.

    Raises UnknownColumn and BadValue as `Statements.where` does.
    """
    rest: Rest = []
    codec = plan.codec
    for name, wanted in where.items():
        if name == plan.key:
            continue
        codec.column(name)
        values = wanted if type(wanted) is list else [wanted]
        if codec.types[name] not in COMPARED:
            return None
        for value in values:
            if type(value) is not str and type(value) is not int:
                return None
        encode = codec.encoders[name]
        rest.append((name, [encode(value) for value in values]))
    return rest


def fits(row: Row, rest: Rest) -> bool:
    """Whether the row has what is asked for."""
    return all(row[name] in values for name, values in rest)
