"""A savepoint of a transaction on PostgreSQL, with what the transaction knows at that point."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.store.postgres_tx import PostgresTransaction


class PostgresSavepoint:
    """A plain class, as it is made for each event."""

    __slots__ = ("_changes", "_mark", "_name", "_tx")

    def __init__(self, tx: PostgresTransaction) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        tx = self._tx
        tx._depth += 1
        self._name = f"s{tx._depth}"
        self._changes = len(tx.changes)
        self._mark = tx._known.begin(outermost=tx._depth == 1)
        tx._tell(f"SAVEPOINT {self._name}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tx = self._tx
        tx._depth -= 1
        if kind is None:
            tx._tell(f"RELEASE {self._name}")
            return
        del tx.changes[self._changes :]
        tx._known.roll_back(self._mark)
        if tx.lost is None:
            tx._tell(f"ROLLBACK TO {self._name}")
            tx._tell(f"RELEASE {self._name}")
