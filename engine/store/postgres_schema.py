"""PostgreSQL's tables: looked at in its catalog, made and changed by SQL, in the session's schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NoReturn

from engine.model import Row, Table, Value
from engine.store.base import ConstraintViolation
from engine.store.operations import (
    ActualColumn,
    ActualTable,
    AddColumn,
    AddIndex,
    AlterTable,
    CreateTable,
    Keep,
    NumberKey,
    Operation,
)
from engine.store.postgres_ddl import add_column, alter, create
from engine.store.postgres_errors import translated
from engine.store.postgres_link import Link, Refused
from engine.store.statements import literal, quoted
from engine.store.values import Check

KINDS = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "bool": "boolean",
    "timestamptz": "timestamp",
    "json": "json",
    "jsonb": "json",
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
}
"""What of the database's types is taken as which kind; `kinds` says which kind a column needs."""

COLUMNS = """
    SELECT c.relname AS table, a.attname AS column, t.typname AS type,
        format_type(a.atttypid, a.atttypmod) AS shown, NOT a.attnotnull AS nullable,
        a.atthasdef AS has_default, a.attidentity::text AS identity,
        coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS serial
    FROM pg_class c
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY c.relname, a.attnum
"""
CONSTRAINTS = """
    SELECT c.relname AS table, k.contype::text AS kind, a.attname AS column, o.relname AS other
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS n (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.attnum
    LEFT JOIN pg_class o ON o.oid = k.confrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND k.contype IN ('p', 'f')
    ORDER BY c.relname, k.conname, n.place
"""
INDEXES = """
    SELECT c.relname AS table, x.relname AS index,
        CASE WHEN i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL
            THEN a.attname END AS unique_column
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_class x ON x.oid = i.indexrelid
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE c.relnamespace = current_schema()::regnamespace AND i.indisvalid
"""
MISSING_IN = re.compile(r'"([^"]+)"[^"]*$')


class PostgresEditor:
    """Looks at the schema of a database, and writes the SQL that changes it."""

    kinds: Mapping[str, str] = {
        "integer": "integer",
        "amount": "integer",
        "boolean": "boolean",
        "timestamp": "timestamp",
        "json": "json",
        "text": "text",
        "currency": "text",
    }

    wire: Mapping[str, Check] = {}

    def __init__(self, link: Link) -> None:
        self._link = link
        self._identity: dict[tuple[str, str], str] = {}

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Run one statement; the rows of a SELECT."""
        try:
            return self._link.ask_named(sql, params or {})
        except Refused as refused:
            if refused.fault.state == "23503":
                _dangling(refused)
            raise translated(refused.fault) from refused

    def check_references(self, table: str) -> None:
        """PostgreSQL has checked them when it made the reference."""

    def inspect(self) -> dict[str, ActualTable]:
        """All tables (and views, which take their names) of the schema, by name."""
        columns: dict[str, dict[str, ActualColumn]] = {}
        self._identity = {}
        for row in self.execute(COLUMNS):
            there = columns.setdefault(row["table"], {})
            if row["column"] is None:
                continue
            numbered = row["identity"] == "d" or row["serial"]
            self._identity[row["table"], row["column"]] = row["identity"]
            there[row["column"]] = ActualColumn(
                row["column"],
                KINDS.get(row["type"]) or str(row["shown"]),
                nullable=row["nullable"],
                has_default=row["has_default"] or row["identity"] != "",
                numbered=numbered,
            )
        keys: dict[str, list[str]] = {}
        references: dict[str, dict[str, str]] = {}
        for row in self.execute(CONSTRAINTS):
            if row["kind"] == "p":
                keys.setdefault(row["table"], []).append(row["column"])
            else:
                references.setdefault(row["table"], {})[row["column"]] = row["other"]
        indexes = self.execute(INDEXES)
        return {
            name: ActualTable(
                name=name,
                columns=found,
                key=tuple(keys.get(name, ())),
                references=references.get(name, {}),
                unique=frozenset(
                    row["unique_column"]
                    for row in indexes
                    if row["table"] == name and row["unique_column"]
                ),
                indexes=frozenset(row["index"] for row in indexes if row["table"] == name),
            )
            for name, found in columns.items()
        }

    def render(
        self, operations: Iterable[Operation], tables: Mapping[str, Table]
    ) -> list[tuple[str, ...]]:
        """The SQL of each operation, in this order."""
        listed = list(operations)
        making = [one.table.name for one in listed if isinstance(one, CreateTable)]
        rendered: list[tuple[str, ...]] = []
        later: list[str] = []
        for number, operation in enumerate(listed):
            match operation:
                case CreateTable(table):
                    yet_to_come = set(making[making.index(table.name) + 1 :])
                    sql, open_ends = create(table, tables, yet_to_come)
                    later += open_ends
                    following = listed[number + 1] if number + 1 < len(listed) else None
                    ends = later if not isinstance(following, CreateTable) else []
                    rendered.append((sql, *ends))
                case AddColumn(table, column, default):
                    rendered.append((add_column(table, column, default, tables),))
                case AlterTable(name, nullable, references):
                    rendered.append(alter(name, nullable, references))
                case NumberKey(table):
                    rendered.append(self._number(table))
                case AddIndex(index):
                    rendered.append((index.sql,))
                case Keep():
                    rendered.append(())
        return rendered

    def _number(self, table: Table) -> tuple[str, ...]:
        here, key = quoted(table.name), quoted(table.key)
        change = f"ALTER TABLE {here} ALTER COLUMN {key}"
        if self._identity.get((table.name, table.key)) == "a":
            return (f"{change} SET GENERATED BY DEFAULT",)
        sequence = f"pg_get_serial_sequence({literal(here)}, {literal(table.key)})"
        return (
            f"{change} DROP DEFAULT",
            f"{change} ADD GENERATED BY DEFAULT AS IDENTITY",
            f"SELECT setval({sequence}, greatest(max({key}), 1), count(*) > 0) FROM {here}",
        )


def _dangling(refused: Refused) -> NoReturn:
    target = MISSING_IN.search(refused.fault.detail)
    table = refused.fault.table
    raise ConstraintViolation(
        f"table '{table}': rows refer to rows of '{target[1] if target else '?'}' that are not "
        f"there ({refused.fault.detail.strip()}); correct these rows first.",
        table=table,
    ) from refused
