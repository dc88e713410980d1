"""The indexes that tables need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from engine.model import Table
from engine.store.own import ACTION, INBOX, KEY, OUTBOX, RUN, RUN_ORDER, UNFINISHED
from engine.store.statements import quoted

LONGEST_NAME = 63
"""Bytes; PostgreSQL cuts longer ones off."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index. `where` (SQL) leaves rows out that the queries it serves never want."""

    table: str
    columns: tuple[str, ...]
    unique: bool = False
    where: str = ""
    sparse: bool = False
    """Nobody looks for null in its one column: a database may leave such rows out (SQLite does, most
    of a payment's Stripe ids being null). One made with them, under the same name, does as well."""

    @property
    def name(self) -> str:
        kind = "uniq" if self.unique else "idx"
        name = f"{kind}_{self.table}__{'_'.join(self.columns)}"
        if len(name) <= LONGEST_NAME:
            return name
        return f"{name[:50]}_{blake2b(name.encode(), digest_size=6).hexdigest()}"

    @property
    def sql(self) -> str:
        """CREATE INDEX, the same text for every database."""
        columns = ", ".join(quoted(column) for column in self.columns)
        unique = "UNIQUE " if self.unique else ""
        where = f" WHERE {self.where}" if self.where else ""
        return (
            f"CREATE {unique}INDEX {quoted(self.name)} ON {quoted(self.table)} ({columns}){where}"
        )


OWN_INDEXES = (
    Index(INBOX.name, ("state", "next_try_at"), where=UNFINISHED),
    Index(INBOX.name, ("subject",), where=UNFINISHED),
    Index(INBOX.name, ("received_at", "id")),
    Index(ACTION.name, ("dedupe",), unique=True),
    Index(ACTION.name, ("state", "lease_until"), where="state <> 'done'"),
    Index(RUN.name, ("event_id",)),
    Index(RUN.name, ("outcome", "id"), where="outcome <> 'done'"),
    Index(RUN.name, ("action_id",), where="action_id IS NOT NULL"),
    Index(RUN_ORDER.name, ("order_key", "run_id"), unique=True),
    Index(RUN_ORDER.name, ("run_id",)),
    Index(KEY.name, ("prefix",), unique=True),
    Index(OUTBOX.name, ("origin", "flow", "node", "ordinal"), unique=True),
    Index(OUTBOX.name, ("state", "next_try_at"), where=UNFINISHED),
)
SYSTEM_INDEXES = (
    Index("payment", ("charge_id",), sparse=True),
)  # older events know only the charge


def indexes(tables: Mapping[str, Table]) -> list[Index]:
    """The indexes of these tables: one for each unique column and each reference."""
    found = []
    for table in tables.values():
        for column in table.columns.values():
            if column.name != table.key and (column.unique or column.references):
                sparse = table.system and column.nullable
                found.append(Index(table.name, (column.name,), column.unique, sparse=sparse))
    extra: Iterable[Index] = OWN_INDEXES + SYSTEM_INDEXES
    return found + [
        index
        for index in extra
        if index.table in tables and set(index.columns) <= tables[index.table].columns.keys()
    ]
