"""SQLite's errors as the store's: what is wrong, with which table, column and value."""

from __future__ import annotations

import re
import sqlite3

from engine.model import Row, Table
from engine.store.base import (
    BadValue,
    ConstraintViolation,
    StoreBusy,
    StoreError,
    UniqueViolation,
    WriteRefused,
)
from engine.store.values import shown

WRONG_TYPE = 3091  # SQLITE_CONSTRAINT_DATATYPE, which Python 3.11 has no name for
NAMED = re.compile(r"(?:UNIQUE|NOT NULL) constraint failed: (.+)")
FOR_NOW = {
    sqlite3.SQLITE_BUSY: "another process is writing to it; wait until it is done and try again",
    sqlite3.SQLITE_LOCKED: "another process is writing to it; wait until it is done and try again",
    sqlite3.SQLITE_FULL: "the disk (or the database's page limit) is full; make room and try again",
    sqlite3.SQLITE_IOERR: "reading or writing the file failed; look at the disk and try again",
    sqlite3.SQLITE_NOMEM: "there is not enough memory; make room and try again",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; look at its path and rights",
    sqlite3.SQLITE_PROTOCOL: "its lock is contended; try again",
}


def translated(
    error: sqlite3.Error, table: Table | None = None, row: Row | None = None
) -> StoreError:
    """The StoreError for an SQLite error; `row` is what was being written to `table`."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.IntegrityError):
        return _violation(error, code, table, row or {})
    primary = (code or 0) & 0xFF
    if primary in FOR_NOW:
        return StoreBusy(f"The database is not to be had: {FOR_NOW[primary]}. (SQLite: {error})")
    if primary == sqlite3.SQLITE_READONLY:
        return WriteRefused(
            "The database can only be read here: write inside `store.transaction()`, or make the "
            f"file writable. (SQLite: {error})"
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            f"The file is damaged or no database: restore it from a backup. (SQLite: {error})"
        )
    if (
        "no such table" in str(error)
        or "no such column" in str(error)
        or "has no column" in str(error)
    ):
        return StoreError(
            "The database does not have the tables the project asks for: run `actionflow migrate`. "
            f"(SQLite: {error})"
        )
    return StoreError(f"The database refused a statement. (SQLite: {error})")


def _violation(error: sqlite3.Error, code: int | None, table: Table | None, row: Row) -> StoreError:
    name = table.name if table else ""
    named = NAMED.fullmatch(str(error))
    columns = [part.rpartition(".")[2] for part in named[1].split(", ")] if named else []
    if table is None and named:
        name = named[1].split(", ")[0].rpartition(".")[0]
    where = f"{name}.{columns[0]}" if columns else f"table '{name}'"
    value = row.get(columns[0]) if columns else None
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return UniqueViolation(
            f"{where}: a row with {shown(value)} is already there, and this column takes each "
            "value once; update that row, or give another value.",
            table=name,
            columns=columns,
            value=value,
        )
    if code == sqlite3.SQLITE_CONSTRAINT_NOTNULL:
        return ConstraintViolation(
            f"{where}: the column takes no null; give it a value.",
            table=name,
            columns=columns,
        )
    if code == WRONG_TYPE:
        return BadValue(
            f"{name}: the database refused the type of a value ({error}).",
            table=name,
            column="",
        )
    return ConstraintViolation(
        f"{where}: the row breaks a rule of the database ({error}); change the values or the rule.",
        table=name,
        columns=columns,
        value=value,
    )
