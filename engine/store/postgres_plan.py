"""The statements of one table on PostgreSQL."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.store.codec import TableCodec
from engine.store.statements import Statements, literal, quoted

ONE_ROW = re.compile(r"\bVALUES\s*(\(.*\))\s*\Z", re.DOTALL)
NAMED = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")


class PostgresPlan(Statements):
    """The statements, and what this connector must know of the table besides."""

    def __init__(self, codec: TableCodec) -> None:
        super().__init__(codec)
        table = codec.table
        self.key_at = codec.names.index(table.key)
        self.insert_without_key += f" RETURNING {quoted(table.key)}"
        columns = table.columns.values()
        self.unique = tuple(one.name for one in columns if one.unique and one.name != table.key)
        self.references = {one.name: one.references for one in columns if one.references}
        self.plain = frozenset(codec.names) - {table.key, *self.unique, *self.references}
        """Columns that can be set without breaking a rule of the database."""
        self.numbers = (
            f"pg_get_serial_sequence({literal(self.name)}, {literal(table.key)})::regclass"
        )
        self.pass_by = (
            "SELECT setval(s, $1::bigint) FROM "
            f"(SELECT {self.numbers} AS s) AS numbers WHERE s IS NOT NULL "
            "AND $1::bigint > coalesce(pg_sequence_last_value(s), 0)"
        )
        self.next_keys = (
            f"SELECT nextval({self.numbers}) FROM generate_series(1, ?::int) "
            f"WHERE {self.numbers} IS NOT NULL"
        )

    def select_any(self, column: str, lock: str) -> str:
        """Rows with any of these values in a text column or key, in key order."""
        kind = "bigint" if self.codec.types[column] == "integer" else "text"
        return (
            f"{self.select} WHERE {quoted(column)} = ANY(?::{kind}[]) "
            f"ORDER BY {quoted(self.key)}{lock}"
        )


@lru_cache(256)
def for_rows(sql: str, rows: int) -> str | None:
    """An INSERT of one row with `:name` parameters as one of several, `:name_0` and so on; None where
    it is no such statement."""
    found = ONE_ROW.search(sql)
    if found is None:
        return None
    each = (NAMED.sub(rf":\g<1>_{number}", found[1]) for number in range(rows))
    return sql[: found.start(1)] + ", ".join(each)
