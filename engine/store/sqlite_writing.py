"""A write transaction on SQLite from BEGIN to COMMIT, and who is told of it."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import TYPE_CHECKING

from engine.store.base import StoreBusy
from engine.store.sqlite_errors import translated
from engine.store.sqlite_tx import SqliteTransaction

if TYPE_CHECKING:
    from engine.store.sqlite_store import SqliteStore


class Writing:
    """A write transaction as a context manager."""

    __slots__ = ("_careful", "_store", "_tx")

    def __init__(self, store: SqliteStore, careful: bool) -> None:
        self._store = store
        self._careful = careful

    def __enter__(self) -> SqliteTransaction:
        store = self._store
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
        tx, connection = self._tx, self._store.connection
        try:
            if kind is None:
                if tx.lost is not None:
                    raise tx.lost if isinstance(tx.lost, StoreBusy) else StoreBusy(str(tx.lost))
                tx.make_savepoints()
                if tx.changes:
                    self._store.log.record(tx)
                connection.execute("COMMIT")
        except sqlite3.Error as refused:
            raise translated(refused) from refused
        finally:
            tx.end("This transaction is over; open another with `store.transaction()`.")
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            finally:
                self._store.leave_turn()
        if kind is None and self._store.checkpointer is not None:
            self._store.checkpointer.wrote()
        if kind is None and tx.changes:
            for wake in self._store.wakes:
                wake()
        if kind is None and tx.notes:
            for channel, message in tx.notes:
                self._store.ears.tell(channel, message)
