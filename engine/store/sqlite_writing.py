"""A write transaction on SQLite from BEGIN to COMMIT, and who is told of it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from engine.store.base import CommitUnknown, StoreBusy, StoreLost
from engine.store.sqlite_errors import translated
from engine.store.sqlite_sync import LogSync
from engine.store.sqlite_tx import SqliteTransaction

if TYPE_CHECKING:
    from engine.store.sqlite_store import SqliteStore


class Writing:
    """A write transaction as a context manager."""

    __slots__ = ("_ahead", "_careful", "_store", "_tx")

    def __init__(self, store: SqliteStore, careful: bool, ahead: bool) -> None:
        self._store = store
        self._careful = careful
        self._ahead = ahead

    def __enter__(self) -> SqliteTransaction:
        store = self._store
        if store.sync is not None:
            store.sync.check()
        store.take_turn()
        try:
            self._tx = SqliteTransaction(
                store.connection, store.plans, store.clock(), careful=self._careful
            )
            store.connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            store.leave_turn()
            if isinstance(error, sqlite3.Error):
                raise translated(error) from error
            raise
        return self._tx

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tx, connection, sync = self._tx, self._store.connection, self._store.sync
        number = 0
        try:
            if kind is None:
                if tx.lost is not None:
                    raise tx.lost if isinstance(tx.lost, StoreBusy) else StoreBusy(str(tx.lost))
                tx.make_savepoints()
                if tx.changes:
                    self._store.log.record(tx)
                if sync is None:
                    connection.execute("COMMIT")
                else:
                    number = self._commit(sync)
        except sqlite3.Error as refused:
            raise translated(refused) from refused
        finally:
            tx.end("This transaction is over; open another with `store.transaction()`.")
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            finally:
                self._store.leave_turn()
        if kind is not None:
            return
        tell = partial(_tell, self._store, bool(tx.changes), tuple(tx.notes))
        if sync is None or sync.has(number):
            tell()
        elif self._ahead:
            # It knows nothing of the transaction: in a cycle, all of a batch would outlive it.
            tx.pending = partial(_settle, sync, number, tell)
        else:
            try:
                _settle(sync, number, tell)
            except StoreLost as lost:
                raise CommitUnknown(str(lost)) from lost

    def _commit(self, sync: LogSync) -> int:
        store = self._store
        number = sync.commit()
        if store.checkpointer is not None:
            # Committed it is: what fails now is told by the next sync, or the next commit.
            with contextlib.suppress(sqlite3.Error, StoreLost):
                store.checkpointer.wrote(store.connection, number)
        return number


def _settle(sync: LogSync, number: int, tell: Callable[[], None]) -> None:
    """Wait until a commit is durable, then tell of it."""
    sync.wait(number)
    tell()


def _tell(store: SqliteStore, changed: bool, notes: Iterable[tuple[str, str]]) -> None:
    if changed:
        for wake in store.wakes:
            wake()
    for channel, message in notes:
        store.ears.tell(channel, message)
