"""Work that is run again when another transaction was in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.store.base import (
    RowChanged,
    Store,
    StoreConflict,
    Transaction,
    UniqueViolation,
    WriteFailedLate,
)

T = TypeVar("T")

MOST_RUNS = 20


def committed(store: Store, work: Callable[[Transaction], T], *, most: int = MOST_RUNS) -> T:
    """What `work` gives, in a transaction of its own that has committed.

    Run again from the start after a StoreConflict, up to `most` times in all: it does nothing but
    what its transaction takes back.
    """
    careful = False
    for _ in range(most - 1):
        try:
            with store.transaction(careful=careful) as tx:
                return work(tx)
        except StoreConflict as conflict:
            careful = isinstance(conflict, WriteFailedLate)
    # With care, so that the error is the one that keeps coming and not that something failed.
    with store.transaction(careful=True) as tx:
        return work(tx)


def raced(tx: Transaction, error: BaseException | None) -> bool:
    """Whether an error can come from others writing at the same time, so that the same work, run
    again after its savepoint was rolled back, may do well: a row changed or a unique value taken
    since this transaction looked."""
    while error is not None and tx.shared:
        if isinstance(error, RowChanged | UniqueViolation):
            return True
        error = error.__cause__ or error.__context__  # compiled code names no cause
    return False
