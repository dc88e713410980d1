"""A PostgreSQL database to try things on: one transaction, rolled back in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from engine.store.base import StoreError
from engine.store.postgres_link import Link
from engine.store.postgres_tx import PostgresReader, PostgresTransaction

if TYPE_CHECKING:
    from engine.store.postgres_store import PostgresStore

Tx = TypeVar("Tx", bound=PostgresTransaction)

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"


class PostgresSnapshot:
    """A store whose transactions are savepoints of one that is rolled back when it is closed."""

    def __init__(self, store: PostgresStore, link: Link) -> None:
        self.tables = store.tables
        self._store = store
        self._link = link
        link.begin(BEGIN)
        link.ask("SELECT 1")  # what is seen is decided by the first statement

    @property
    def lost(self) -> str | None:
        return None

    @contextmanager
    def transaction(
        self, *, careful: bool = False, ahead: bool = False
    ) -> Iterator[PostgresTransaction]:
        link = self._link
        tx = self._tx(PostgresTransaction, careful)
        link.tell("SAVEPOINT trying")
        try:
            yield tx
            if tx.lost is not None:
                raise type(tx.lost)(str(tx.lost))
        except BaseException:
            tx.end("This transaction is over.")
            self._undo()
            raise
        tx.end("This transaction is over; open another with `store.transaction()`.")
        link.ask("RELEASE trying")

    @contextmanager
    def reader(self) -> Iterator[PostgresReader]:
        tx = self._tx(PostgresReader, True)
        self._link.tell("SAVEPOINT trying")
        self._link.tell("SET LOCAL transaction_read_only = on")
        try:
            yield tx
        finally:
            tx.end("This read is over; open another with `store.reader()`.")
            self._undo()

    def snapshot(self) -> PostgresSnapshot:
        raise StoreError("this is a snapshot already; take another from the store it came from.")

    def claim_server(self) -> bool:
        raise StoreError("a snapshot is for trying things, not for serving.")

    def listen(self, channel: str, heard: Callable[[str], None]) -> Callable[[], None]:
        return lambda: None  # nothing of it is ever committed

    def watch(self, wake: Callable[[], None]) -> None:
        """Nothing of it is ever committed."""

    def close(self) -> None:
        self._link.close()  # the server rolls back

    def _tx(self, kind: type[Tx], careful: bool) -> Tx:
        store = self._store
        return kind(self._link, store.plans, store.clock(), channel=store.channel, careful=careful)

    def _undo(self) -> None:
        if not self._link.broken:
            self._link.tell("ROLLBACK TO trying")
            self._link.ask("RELEASE trying")
