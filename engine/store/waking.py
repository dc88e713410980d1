"""Events of the inbox that are not finished: which are due, who has them, and what wakes them."""

from __future__ import annotations

from collections.abc import Collection

from engine.errors import BadInput
from engine.store.base import Transaction
from engine.store.inbox import HEAD, InboxRow, row_of
from engine.store.own import UNFINISHED
from engine.store.statements import list_of

ASLEEP = f"""subject IN ([subjects]) AND {UNFINISHED} AND state IN ('ignored', 'waiting')
    AND id <> :but"""
ANY_ASLEEP = f"""
    SELECT DISTINCT subject FROM actionflow_inbox
    WHERE subject IN ([subjects]) AND {UNFINISHED} AND state IN ('ignored', 'waiting')
"""
WAKE = f"""
    UPDATE actionflow_inbox
    SET state = 'waiting', next_try_at = :now, finished_at = NULL
    WHERE {ASLEEP}
    RETURNING id
"""
READY = f"""{UNFINISHED} AND state IN ('received', 'waiting')
    AND (next_try_at IS NULL OR next_try_at <= :now)
    AND (lease_until IS NULL OR lease_until <= :now)"""
DUE = f"""
    SELECT {HEAD}, payload FROM actionflow_inbox WHERE {READY} ORDER BY created, id LIMIT :limit
"""
LEASE = f"""
    UPDATE actionflow_inbox SET lease_until = :until, lease_owner = :owner
    WHERE id IN (
        SELECT id FROM actionflow_inbox WHERE {READY} ORDER BY created, id LIMIT :limit
        [skip_locked]
    )
    RETURNING {HEAD}, payload
"""
LEASED = f"""
    SELECT {HEAD}, payload FROM actionflow_inbox
    WHERE id = :id AND lease_owner = :owner AND {UNFINISHED} [for_update]
"""
RELEASE = f"UPDATE actionflow_inbox SET lease_until = NULL, lease_owner = NULL WHERE {UNFINISHED}"
REQUEUE = """
    UPDATE actionflow_inbox
    SET state = 'waiting', attempts = 0, next_try_at = :now, finished_at = NULL,
        lease_until = NULL, lease_owner = NULL
    WHERE id = :id
    RETURNING id
"""

DUE_NOW = "due"
"""The channel on which servers hear that an event has come due before its time."""


def asleep(tx: Transaction, subjects: Collection[str]) -> set[str]:
    """Those of these Stripe objects that ignored and waiting events are about.

    Waits for servers that work on such events just now, so that none is set aside unseen.
    """
    if not subjects:
        return set()
    tx.serialize(subjects)
    listed, named = list_of(subjects)
    found = tx.execute(ANY_ASLEEP.replace("[subjects]", listed), named)
    return {row["subject"] for row in found}


def wake(tx: Transaction, subjects: Collection[str], *, now: str, but: str = "") -> int:
    """Ignored and waiting events about these Stripe objects are due at once; how many.

    For when the row they needed has appeared. `but` is the event that brought it, left alone.
    """
    # Nearly always there is none, and asking takes a fifth of what the update takes.
    if not asleep(tx, subjects):
        return 0
    tx.notify(DUE_NOW)
    listed, named = list_of(subjects)
    return len(tx.execute(WAKE.replace("[subjects]", listed), {**named, "now": now, "but": but}))


def due(tx: Transaction, *, now: str, limit: int) -> list[InboxRow]:
    """Events to try now, the oldest news first."""
    return [row_of(found) for found in tx.execute(DUE, {"now": now, "limit": limit})]


def lease(tx: Transaction, *, now: str, until: str, owner: str, limit: int) -> list[InboxRow]:
    """As `due`, but no one else is given them before `until`: for work outside this transaction."""
    sql = LEASE.replace("[skip_locked]", tx.skip_locked)
    rows = tx.execute(sql, {"now": now, "until": until, "owner": owner, "limit": limit})
    return sorted((row_of(found) for found in rows), key=lambda row: (row.created, row.id))


def leased(tx: Transaction, id: str, owner: str) -> InboxRow | None:
    """The event, held until the end of this transaction, if it is still to be done and still leased
    to `owner`: it may have come again meanwhile, or the lease have ended and another have it."""
    sql = LEASED.replace("[for_update]", tx.for_update)
    found = tx.execute(sql, {"id": id, "owner": owner})
    return row_of(found[0]) if found else None


def release_all(tx: Transaction) -> None:
    """At the start of a server: where the database takes one at a time, whoever held a lease is gone."""
    if not tx.shared:
        tx.execute(RELEASE)


def requeue(tx: Transaction, id: str, *, now: str) -> None:
    """Try this event again from the start, whatever became of it. Raises BadInput if unknown."""
    if not tx.execute(REQUEUE, {"id": id, "now": now}):
        raise BadInput(
            f"There is no event '{id}' in the inbox; `actionflow events list` shows those that are."
        )
    tx.notify(DUE_NOW)
