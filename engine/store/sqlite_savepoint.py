"""Savepoints of a transaction on SQLite: the database hears of one only when it must."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.store.sqlite_tx import SqliteTransaction


class Savepoint:
    """A part of a transaction that can fail alone.

    While nothing but writes that wait was done in it, undoing it is to drop these.
    """

    __slots__ = ("_kept", "_tx")

    def __init__(self, tx: SqliteTransaction) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        tx = self._tx
        if tx.lost is not None:
            raise type(tx.lost)(str(tx.lost))
        self._kept = len(tx.changes)
        tx.marks.append(len(tx.later.writes))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tx = self._tx
        mark = tx.marks.pop()
        known = tx.made > len(tx.marks)
        if kind is None:
            if known:
                tx.run(f"RELEASE s{tx.made}")
                tx.made -= 1
            return
        name = f"s{tx.made}"
        del tx.changes[self._kept :]
        if known or len(tx.later.writes) > mark:
            tx.forget(mark)
        if known:
            tx.made -= 1
            if tx.lost is None:
                tx.run(f"ROLLBACK TO {name}")
                tx.run(f"RELEASE {name}")
