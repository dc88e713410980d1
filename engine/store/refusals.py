"""What a database refuses, and why: the errors of every connector."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import ActionflowError
from engine.model import Value


class StoreError(ActionflowError):
    """The database refused."""


class UnknownTable(StoreError):
    """There is no such table in the project."""


class UnknownColumn(StoreError):
    """There is no such column in the table."""


class BadValue(StoreError):
    """A value does not fit its column; nothing was written."""

    def __init__(self, message: str, *, table: str, column: str, value: Value = None) -> None:
        super().__init__(message)
        self.table = table
        self.column = column
        self.value = value


class WriteRefused(StoreError):
    """Only the engine's own locked nodes write system tables, and a reader writes nothing."""


class Violation(StoreError):
    """The row cannot stand beside the rows that are there."""

    def __init__(
        self,
        message: str | None = None,
        *,
        table: str | None = None,
        columns: Sequence[str] = (),
        value: Value = None,
    ) -> None:
        super().__init__(message)
        self.table = table
        self.columns = tuple(columns)
        self.value = value


class UniqueViolation(Violation):
    """A row with this key is already there."""


class ConstraintViolation(Violation):
    """The row breaks a rule of its table (a missing value, or a reference to no row)."""


class StoreBusy(StoreError):
    """The database is locked, full or gone for the moment; trying again later can help."""


class WriterBusy(StoreBusy):
    """Too many events are waiting; Stripe will send this one again."""


class CommitUnknown(StoreBusy):
    """The connection broke during the commit, and the database could not be asked what became of it:
    all of the transaction was written, or nothing. Look before doing the same work again."""


class StoreLost(StoreBusy):
    """The disk has failed, and nobody knows what it holds of the last commits: this process neither
    reads nor writes any more."""


class StoreConflict(StoreBusy):
    """Another transaction was in the way; nothing was written, and the same work can be run again
    at once."""


class WriteFailedLate(StoreConflict):
    """A write that was sent later than it was asked for was refused; the same work, run again
    carefully (`Store.transaction`), learns of it where it belongs."""


class RowChanged(StoreConflict):
    """Another transaction changed a row between this one's reading and writing it; what was
    computed from it is stale. Run the same work again, from the reading on."""


class ServerAlreadyRunning(StoreError):
    """Another server process works on this database, and it can have only one."""


class MigrationRefused(StoreError):
    """The database cannot become what the project file asks for; nothing was changed."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


class DatabaseOutdated(StoreError):
    """The database does not have the tables of the project file yet."""
