"""What nodes may say of one table: its columns in `where`, `values` and `order_by`.

A value is a literal of its column's type or an expression; an expression is text that holds `{{`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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
    """The definitions of a table by name: `where.order`, `values.order` (of an insert), `changes.order`
    (of an update), `order_by.order`, and what each column takes: `order.status`."""
    columns = table.visible
    names = [column.name for column in columns]
    found: dict[str, Schema] = {
        f"{table.name}.{column.name}": value(column, tables) for column in columns
    }
    refs: dict[str, Schema] = {name: {"$ref": f"#/$defs/{table.name}.{name}"} for name in names}
    compared = {column.name: _compared(column, tables, refs[column.name]) for column in columns}
    found[f"where.{table.name}"] = _mapping(table, compared)
    found[f"order_by.{table.name}"] = {"items": {"enum": [*names, *(f"-{name}" for name in names)]}}
    if not table.system:
        found[f"values.{table.name}"] = {**_mapping(table, refs), "required": required(table)}
        # The key of a row stays what it was.
        found[f"changes.{table.name}"] = _mapping(table, {**refs, table.key: False})
    return found


def rows(tables: Mapping[str, Table]) -> dict[str, Schema]:
    """The definitions of `rows`, as test cases and seed.yaml hold them: rows by table, no expressions."""
    if not tables:
        return {"rows": {"type": "object"}}
    found: dict[str, Schema] = {}
    for table in tables.values():
        columns = {column.name: written(column, tables) for column in table.visible}
        found[f"row.{table.name}"] = _mapping(table, columns)
    of: dict[str, Schema] = {
        table.name: {
            "type": "array",
            "description": titled(table),
            "items": {"$ref": f"#/$defs/row.{table.name}"},
        }
        for table in tables.values()
    }
    found["rows"] = {"type": "object", "properties": of, "additionalProperties": False}
    return found


def required(table: Table) -> list[str]:
    """The columns every new row must be given."""
    return [column.name for column in table.visible if not filled_in(column, table)]


def value(column: Column, tables: Mapping[str, Table]) -> Schema:
    """What a column may be given: a literal of its type, an expression, null where it may be empty."""
    return _either(column, tables, _plain(column, tables))


def written(column: Column, tables: Mapping[str, Table]) -> Schema:
    """What a column holds in a row that is written down: there USD is kept as usd."""
    alternatives = [one for one in _plain(column, tables) if one is not EXPRESSION]
    if column.type == "currency":
        alternatives[0] = {"type": "string", "pattern": "^[A-Za-z]{3}$"}
    return _either(column, tables, alternatives, "")


def described(column: Column, tables: Mapping[str, Table]) -> str:
    """A column in a line: what it takes, whether it is unique, its default."""
    said = [_takes(column, tables)]
    if column.unique:
        said.append("unique")
    if column.has_default:
        said.append(f"{column.default} when left out")
    return "; ".join(said)


def _takes(column: Column, tables: Mapping[str, Table]) -> str:
    said = (
        "JSON"
        if column.type == "json"
        else words(replace(of_column(column, tables), nullable=False))
    )
    if column.references:
        said = f"the key of a row of '{column.references}'"
    if column.type == "amount":
        said = "an amount in minor units (100 USD is 10000)"
    if column.one_of:
        said = f"one of {', '.join(column.one_of)}"
    return said + " or null" * column.nullable


def titled(table: Table) -> str:
    """A table in a line: its title and its columns."""
    title = f"{table.title}. " if table.title else ""
    return f"{title}Columns: {', '.join(column.name for column in table.visible)}."


def _compared(column: Column, tables: Mapping[str, Table], one: Schema) -> Schema:
    """What `where` may say of a column: a value, a list of values, or a comparison."""
    by_size = () if column.type in ("boolean", "json") else _BY_SIZE
    comparisons: Schema = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": dict.fromkeys(("not", *by_size), one),
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": one, "maxItems": 1000}
    return _either(column, tables, [*_plain(column, tables), listed, comparisons])


def _plain(column: Column, tables: Mapping[str, Table]) -> list[Schema]:
    kind = of_column(column, tables).kind
    if kind == "any":
        return [{}]
    literal = {"enum": list(column.one_of)} if column.one_of else dict(_LITERALS[kind])
    alternatives = [literal] if kind == "text" and not column.one_of else [literal, EXPRESSION]
    return [*alternatives, NOTHING] if column.nullable else alternatives


def _either(
    column: Column,
    tables: Mapping[str, Table],
    alternatives: list[Schema],
    otherwise: str = ', or an expression: "{{ … }}"',
) -> Schema:
    said = described(column, tables)
    if {} in alternatives:
        return {"title": column.name, "description": said}
    told = {"errorMessage": f"'{column.name}' takes {_takes(column, tables)}{otherwise}."}
    return {
        "title": column.name,
        "description": said,
        "anyOf": [{**one, **told} for one in alternatives],
    }


def _mapping(table: Table, properties: Mapping[str, Schema | bool]) -> Schema:
    return {
        "title": f"columns of {table.name}",
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
