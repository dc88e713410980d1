"""Savepoints of a transaction on SQLite: the database hears of one only when it must.

While nothing but writes that wait was done in one, undoing it is to drop these.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.store.sqlite_tx import SqliteTransaction


def opened(tx: SqliteTransaction) -> int:
    """A savepoint begins; how many changes there were before it. Raises what the transaction was
    lost for."""
    if tx.lost is not None:
        raise type(tx.lost)(str(tx.lost))
    tx.marks.append(len(tx.later.writes))
    return len(tx.changes)


def kept(tx: SqliteTransaction) -> None:
    """The innermost savepoint ends, and what was done in it stands."""
    tx.marks.pop()
    if tx.made > len(tx.marks):
        tx.run(f"RELEASE s{tx.made}")
        tx.made -= 1


def undone(tx: SqliteTransaction, changes: int) -> None:
    """The innermost savepoint is undone; `changes` is what `opened` gave."""
    mark = tx.marks.pop()
    known = tx.made > len(tx.marks)
    name = f"s{tx.made}"
    del tx.changes[changes:]
    if known or len(tx.later.writes) > mark:
        tx.forget(mark)
    if known:
        tx.made -= 1
        if tx.lost is None:
            tx.run(f"ROLLBACK TO {name}")
            tx.run(f"RELEASE {name}")


class Savepoint:
    """A part of a transaction that can fail alone."""

    __slots__ = ("_changes", "_tx")

    def __init__(self, tx: SqliteTransaction) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        self._changes = opened(self._tx)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            kept(self._tx)
        else:
            undone(self._tx, self._changes)
