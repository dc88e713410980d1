"""A write transaction on PostgreSQL, from its connection to its commit."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from engine.store.postgres_commit import commit
from engine.store.postgres_tx import PostgresTransaction

if TYPE_CHECKING:
    from engine.store.postgres_store import PostgresStore

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
CHANGES = "changes"
"""The channel on which a commit of changed rows is told."""


class Writing:
    """A write transaction as a context manager."""

    __slots__ = ("_careful", "_link", "_store", "_tx")

    def __init__(self, store: PostgresStore, careful: bool) -> None:
        self._store = store
        self._careful = careful

    def __enter__(self) -> PostgresTransaction:
        store = self._store
        store.take_turn()
        try:
            self._link = store.begin(BEGIN)
        except BaseException:
            store.leave_turn()
            raise
        self._tx = PostgresTransaction(
            self._link, store.plans, store.clock(), channel=store.channel, careful=self._careful
        )
        return self._tx

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tx, link, store = self._tx, self._link, self._store
        try:
            if kind is None:
                if tx.lost is not None:
                    raise type(tx.lost)(str(tx.lost))
                if tx.changes:
                    store.log.record(tx)
                    tx.notify(CHANGES)
                commit(link, store.session)
        finally:
            tx.end("This transaction is over; open another with `store.transaction()`.")
            store.leave_turn()
            if link.open:
                store.roll_back(link)
            else:
                store.give_back(link)
