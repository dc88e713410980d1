"""The store protocol: what the engine asks of a database, the same for every connector.

A `Row` is a plain dict of column values: int, str, bool, None, and JSON data for `json` columns;
a timestamp is text `YYYY-MM-DDTHH:MM:SSZ` (UTC), an amount an int of minor units.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from engine.model import Change, Row, Table, Value
from engine.store.refusals import (
    BadValue,
    CommitUnknown,
    ConstraintViolation,
    DatabaseOutdated,
    MigrationRefused,
    RowChanged,
    ServerAlreadyRunning,
    StoreBusy,
    StoreConflict,
    StoreError,
    StoreLost,
    UniqueViolation,
    UnknownColumn,
    UnknownTable,
    Violation,
    WriteFailedLate,
    WriterBusy,
    WriteRefused,
)

__all__ = [
    "BadValue",
    "Clock",
    "CommitUnknown",
    "ConstraintViolation",
    "DatabaseOutdated",
    "G",
    "MigrationRefused",
    "R",
    "RowChanged",
    "ServerAlreadyRunning",
    "Store",
    "StoreBusy",
    "StoreConflict",
    "StoreError",
    "StoreLost",
    "Transaction",
    "UniqueViolation",
    "UnknownColumn",
    "UnknownTable",
    "Violation",
    "Where",
    "WriteFailedLate",
    "WriteRefused",
    "WriterBusy",
]

Where = Mapping[str, Value]
"""Column to wanted value, all of which must hold: a value (equal; None is SQL's IS NULL), a list
(one of), or comparisons `{not|above|at_least|below|at_most: value}`. A row whose column is null
is `not` every value, and neither above nor below any. An empty where matches every row."""

G = TypeVar("G")
R = TypeVar("R")

Clock = Callable[[], str]
"""The time now, as timestamp text."""


class Transaction(Protocol):
    """One open transaction; everything written through it commits together or not at all.

    After a StoreError leave the innermost savepoint (or the transaction) by an exception before
    going on: PostgreSQL accepts nothing else, and SQLite may have rolled all of it back, in which
    case every later call raises StoreBusy and the transaction cannot commit. To try an insert that
    may clash, put the savepoint around the insert and catch UniqueViolation outside the savepoint.
    """

    changes: list[Change]
    """Row changes so far, in order; a rolled-back savepoint takes its own away."""

    now: str
    """What `created_at` and `updated_at` are set to. A run sets it to its own `now`."""

    shared: bool
    """Whether others write to this database at the same time. Where they do, a UniqueViolation or
    a RowChanged can be a race, and the same work may do well when it is run again."""

    for_update: str
    """SQL to end a select with that holds its rows: `FOR UPDATE`, empty where there is one writer."""

    skip_locked: str
    """SQL to end a sub-select with that picks due work: `FOR UPDATE SKIP LOCKED` where the
    database has several writers, empty where it has one."""

    next_seq: str
    """SQL for the seq of the `:n`th change (from 0) that this transaction logs. PostgreSQL, where
    transactions commit in another order than they count: `(pg_current_xact_id()::text::bigint << 20)
    + :n`, so that the log has the order of transactions. SQLite, with one writer: `NULL`, the next."""

    settled: str
    """SQL condition: no change with a smaller `seq` than these can still appear in the log.
    PostgreSQL: `seq < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20)`."""

    pending: Callable[[], None] | None
    """Set at the end of a transaction that went `ahead`, where its commit is not durable yet: waits
    until it is, then wakes those who watch and listen. Any thread may call it, once. Raises
    StoreLost."""

    strange: str
    """SQL condition: a change whose `seq` no transaction of this database can have given. PostgreSQL
    counts transactions anew in another cluster, where a dump may have been restored."""

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
        Raises UnknownTable, UnknownColumn, BadValue.
        """

    def expect(self, table: str, column: str, values: Collection[Value]) -> None:
        """A hint that rows with these values in a text column that is unique, or with these keys,
        will be asked for one by one: a connector may read them in one go. Values as they are kept."""

    def insert(self, table: str, values: Row) -> Row:
        """The new row, defaults and assigned key included.

        `created_at` and `updated_at` columns of type timestamp are set to `now` unless given.
        Raises BadValue, UniqueViolation, ConstraintViolation, WriteRefused.
        """

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        """Change all rows that match, in key order; a timestamp `updated_at` follows by itself.

        The key of a row cannot be changed. Raises as `insert` does, and RowChanged when a row is
        no longer as this transaction (since its outermost savepoint) has read it.
        """

    def delete(self, table: str, where: Where) -> list[Change]:
        """Delete all rows that match, in key order.

        Raises ConstraintViolation where others refer to one, RowChanged as `update` does.
        """

    def system_writes(self) -> AbstractContextManager[None]:
        """Inside, system tables can be written; elsewhere that raises WriteRefused.

        For the locked nodes only: `with frame.tx.system_writes(): frame.tx.update("payment", …)`.
        """

    def savepoint(self) -> AbstractContextManager[None]:
        """A part that can fail alone: an exception undoes what was done inside, and goes on up."""

    def attempt(self, work: Callable[[G], R], given: G) -> R:
        """What `work(given)` gives, done in a savepoint."""

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        """Plain SQL with `:name` parameters, for the engine's own tables (inbox, runs, meta).

        SQL both databases know (INSERT … ON CONFLICT … RETURNING). A boolean comes back as the
        database keeps it (0 and 1 on SQLite). Not recorded in `changes`.
        """

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Value]]) -> None:
        """The same statement for each of these parameters, in one go; it gives no rows."""

    def insert_rows(self, sql: str, names: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
        """As `execute_many` of an INSERT of one row: the parameters are these, each named once in it,
        and the rows have their values in this order."""

    def serialize(self, keys: Iterable[str]) -> None:
        """Wait until no other transaction holds any of these keys, and hold them until the end.

        Best before anything else is written: then transactions about the same things come one after
        another instead of running into each other's rows half way. Nothing to do with one writer.
        """

    def notify(self, channel: str, message: str = "") -> None:
        """Tell the listeners of all processes once this has committed (SQLite: of this process).

        `message` is short (an id, not a row), at most 1000 characters.
        """


class Store(Protocol):
    """A database opened for one project."""

    tables: Mapping[str, Table]

    @property
    def lost(self) -> str | None:
        """Why this process must be started again before it can go on with this database: its disk has
        failed (`StoreLost`). None while all is well."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from whatever thread, soon after a transaction that changed rows commits: of
        this process, and where the database can tell (PostgreSQL's NOTIFY) of any other.

        It must return at once and never raise. A committing transaction writes its changes into the
        log itself (`engine.store.changes.Recorder`), just before the commit.
        """

    def transaction(
        self, *, careful: bool = False, ahead: bool = False
    ) -> AbstractContextManager[Transaction]:
        """Begin; commit durably on leaving, roll back on an exception. SQLite: one at a time.

        Raises StoreBusy when it cannot begin or commit; then nothing was written, but for
        CommitUnknown, where nobody knows; and StoreConflict when the same work should be run again.
        A connector may put off the outcome of statements that cannot fail but
        by a fault; `careful` has each answered at once, so that the error comes where it belongs.
        `ahead` lets a connector return before the commit is durable: then `pending` is set, and
        nobody may be told of anything in it before that was called.
        """

    def reader(self) -> AbstractContextManager[Transaction]:
        """A read-only transaction on one moment of the database, that never waits for the writer
        (an in-memory store has one connection, so there it does)."""

    def snapshot(self) -> Store:
        """The database as it is now, to try things on: nothing done to it reaches the database.

        SQLite: a copy in memory. PostgreSQL: a transaction that is rolled back when it is closed.
        """

    def claim_server(self) -> bool:
        """Say that this process is a server, until `close`; True when it is the only one, so that
        leases left by others are void. Raises ServerAlreadyRunning when the database takes only one
        server process and has one."""

    def listen(self, channel: str, heard: Callable[[str], None]) -> Callable[[], None]:
        """Have `heard` called with each message notified on this channel; gives what ends it.

        It is called in another thread and must be quick. After a lost connection it is called with
        an empty message: anything may have been missed.
        """

    def close(self) -> None:
        """Give up all connections."""
