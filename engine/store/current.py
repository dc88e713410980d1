"""Whether a database has the tables of the project file; asked at every start, reads little."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from engine.model import Table
from engine.store import meta
from engine.store.base import DatabaseOutdated, Store, StoreBusy, StoreError
from engine.store.compare import remembered
from engine.store.own import with_own
from engine.store.statements import quoted

TABLES = "tables"
"""Key in actionflow_meta: what the last migration knew of the tables, as JSON."""


def require_current(store: Store) -> None:
    """Raises DatabaseOutdated unless the database has the tables of the store. Reads little."""
    with store.reader() as tx:
        try:
            kept = meta.read(tx, TABLES)
            for table in store.tables.values():
                # With its table's name before it, or SQLite takes a missing column for a text.
                here = quoted(table.name)
                columns = ", ".join(f"{here}.{quoted(name)}" for name in table.columns)
                tx.execute(f"SELECT {columns} FROM {here} LIMIT 0")
        except StoreBusy:
            raise
        except StoreError:
            kept = None
    if kept != known(store.tables):
        raise DatabaseOutdated(
            "The database does not have the tables of project.yaml, and of this version of Actionflow, "
            "as they now are. Run `actionflow migrate`: it shows what it would change first, and keeps your data."
        )


def known(tables: Mapping[str, Table]) -> str:
    """The text a migration leaves under TABLES when these tables are there."""
    data = remembered(with_own(tables))
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
