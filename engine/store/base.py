"""The store protocol: what the engine asks of a database, the same for every connector.

A `Row` is a plain dict of column values: int, str, bool, None, and JSON data for `json` columns;
a timestamp is text `YYYY-MM-DDTHH:MM:SSZ` (UTC), an amount an int of minor units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from engine.errors import ActionflowError
from engine.model import Change, Row, Table, Value

Where = Mapping[str, Value]
"""Column to wanted value, all of which must hold: a value (equal; None is SQL's IS NULL), a list
(one of), or one comparison `{not|above|at_least|below|at_most: value}`."""


class StoreError(ActionflowError):
    """The database refused."""


class UniqueViolation(StoreError):
    """A row with this key is already there."""


class ConstraintViolation(StoreError):
    """The row breaks a rule of its table (a missing value, or a reference to no row)."""


class StoreBusy(StoreError):
    """The database is locked, full or gone for the moment; trying again later can help."""


class Transaction(Protocol):
    """One open transaction; everything written through it commits together or not at all."""

    changes: list[Change]
    """Row changes so far, in order; a rolled-back savepoint takes its own away."""

    def get(self, table: str, key: Value) -> Row | None:
        """The row with this key, or None."""

    def find(
        self,
        table: str,
        where: Where,
        *,
        limit: int | None = None,
        order_by: Sequence[str] = (),
        lock: bool = False,
    ) -> list[Row]:
        """Rows that match, by key order unless `order_by` (a leading `-` is descending) says.

        `lock` holds the rows against other transactions until commit, where the database can.
        """

    def insert(self, table: str, values: Row) -> Row:
        """The new row, defaults and assigned key included. Raises UniqueViolation, ConstraintViolation."""

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        """Change all rows that match; `updated_at` of system tables follows by itself."""

    def delete(self, table: str, where: Where) -> list[Change]:
        """Delete all rows that match."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A part that can fail alone: an exception undoes only what was done inside, and goes on up."""

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Plain SQL with `:name` parameters, for the engine's own tables (inbox, runs, meta)."""


class Store(Protocol):
    """A database opened for one project."""

    tables: Mapping[str, Table]

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit durably on leaving, roll back on an exception. One writer at a time on SQLite."""

    def snapshot(self) -> Store:
        """A private in-memory copy to try things on; nothing done to it reaches this database."""

    def close(self) -> None:
        """Give up all connections."""
