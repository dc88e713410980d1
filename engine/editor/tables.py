"""What nodes may say of one table: its columns in `where`, `values` and `order_by`.

A value is a literal of its column's type or an expression; an expression is text that holds `{{`.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.catalogue import Schema
from engine.check.tables import filled_in
from engine.check.types import of_column, words
from engine.model import Column, Table

EXPRESSION: Schema = {"type": "string", "pattern": r"\{\{"}
NOTHING: Schema = {"type": "null"}
_LITERALS: dict[str, Schema] = {
    "integer": {"type": "integer"},
    "amount": {"type": "integer", "minimum": 0},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": ["string", "integer"]},
    "currency": {"type": "string", "pattern": "^[a-z]{3}$"},
    # 012 and 1e3 are text here, but numbers in the eyes of an editor.
    "text": {"type": ["string", "number"]},
}
_BY_SIZE = ("above", "at_least", "below", "at_most")


def shapes(table: Table, tables: Mapping[str, Table]) -> dict[str, Schema]:
    """The schemas of `where`, `values` (of an insert), `changes` (of an update) and `order_by`."""
    values = {column.name: value(column, tables) for column in table.visible}
    names = list(values)
    return {
        "where": _mapping({column.name: compared(column, tables) for column in table.visible}),
        "values": {**_mapping(values), "required": required(table)},
        # The key of a row stays what it was.
        "changes": _mapping({**values, table.key: False}),
        "order_by": {"items": {"enum": [*names, *(f"-{name}" for name in names)]}},
    }


def required(table: Table) -> list[str]:
    """The columns every new row must be given."""
    return [column.name for column in table.visible if not filled_in(column, table)]


def value(column: Column, tables: Mapping[str, Table]) -> Schema:
    """What a column may be given: a literal of its type, an expression, null where it may be empty."""
    return _either(column, tables, _plain(column, tables))


def compared(column: Column, tables: Mapping[str, Table]) -> Schema:
    """What `where` may say of a column: a value, a list of values, or a comparison."""
    plain = _plain(column, tables)
    one = {"anyOf": plain}
    by_size = () if column.type in ("boolean", "json") else _BY_SIZE
    comparisons: Schema = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {"not": one, **dict.fromkeys(by_size, one)},
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": one, "maxItems": 1000}
    return _either(column, tables, [*plain, listed, comparisons])


def described(column: Column, tables: Mapping[str, Table]) -> str:
    """A column in a line: its type, whether it may be empty, its default."""
    said = [words(of_column(column, tables)) if column.type != "json" else "JSON"]
    if column.references:
        said = [f"the key of a row of '{column.references}'" + " or null" * column.nullable]
    if column.type == "amount":
        said.append("in minor units (100 USD is 10000)")
    if column.one_of:
        said.append(f"one of: {', '.join(column.one_of)}")
    if column.unique:
        said.append("unique")
    if column.has_default:
        said.append(f"{column.default} when left out")
    return "; ".join(said)


def titled(table: Table) -> str:
    """A table in a line: its title and its columns."""
    title = f"{table.title}. " if table.title else ""
    return f"{title}Columns: {', '.join(column.name for column in table.visible)}."


def _plain(column: Column, tables: Mapping[str, Table]) -> list[Schema]:
    kind = of_column(column, tables).kind
    if kind == "any":
        return [{}]
    literal = {"enum": list(column.one_of)} if column.one_of else dict(_LITERALS[kind])
    alternatives = [literal] if kind == "text" and not column.one_of else [literal, EXPRESSION]
    return [*alternatives, NOTHING] if column.nullable else alternatives


def _either(column: Column, tables: Mapping[str, Table], alternatives: list[Schema]) -> Schema:
    said = described(column, tables)
    if {} in alternatives:
        return {"title": column.name, "description": said}
    told = {
        "errorMessage": f"'{column.name}' is {said}; or an expression in quotes: \"{{{{ … }}}}\"."
    }
    return {
        "title": column.name,
        "description": said,
        "anyOf": [{**one, **told} for one in alternatives],
    }


def _mapping(properties: Mapping[str, Schema | bool]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}
