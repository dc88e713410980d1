"""Committing on PostgreSQL, and finding out what became of a commit that was not confirmed.

The answer to a COMMIT can be lost when it was done already. The server remembers: it is asked, over
another connection, by the transaction's id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import psycopg

from engine.store.base import CommitUnknown, StoreBusy, StoreConflict, StoreError
from engine.store.postgres_connect import Session
from engine.store.postgres_errors import failed_late, translated
from engine.store.postgres_link import TRANSACTION_ID, Gone, Link, Refused

log = logging.getLogger("actionflow.store")

PATIENCE = 15.0
"""Seconds to wait for the database to come back and tell."""
FIRST_WAIT, LONGEST_WAIT = 0.02, 1.0
STATUS = "SELECT pg_xact_status(%s::xid8)"
END_IT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_xid = %s::xid8::xid AND wait_event IS DISTINCT FROM 'SyncRep'
"""
"""The session may wait for a COMMIT that never reached it, with all its locks; one that waits for its
standby is left to it, or it would be called committed too early."""

Connect = Callable[[], Session]


def commit(link: Link, connect: Connect) -> None:
    """Commit, durably.

    Raises StoreConflict when it was rolled back (a statement sent ahead has failed, or the connection
    broke before the commit), StoreBusy, and CommitUnknown when nobody could be asked.
    """
    try:
        if link.transaction_id is None:
            link.ask(TRANSACTION_ID)
        tag = link.end("COMMIT")
    except Refused as refused:
        found = translated(refused.fault)
        raise (found if isinstance(found, StoreBusy) else failed_late(refused.fault)) from refused
    except Gone as gone:
        if link.transaction_id is None:
            raise StoreConflict(f"The transaction was rolled back: {gone}") from gone
        if committed(link.transaction_id, link.timeline, connect):
            log.warning("a commit was made, though the connection broke before that was told")
            return
        raise StoreConflict(f"The transaction was rolled back: {gone}") from gone
    if tag != b"COMMIT":
        raise StoreConflict("The transaction was rolled back: a statement of it had failed.")


def committed(id: str, timeline: str | None, connect: Connect) -> bool:
    """Whether this transaction was committed. Raises CommitUnknown."""
    until = time.monotonic() + PATIENCE
    wait = FIRST_WAIT
    why = "it was still open"
    while True:
        try:
            session = connect()
            with session.connection as connection:
                if session.timeline != timeline:
                    why = (
                        "the server crashed, another has taken over, or an older state was restored"
                    )
                    break
                row = connection.execute(STATUS, [id]).fetchone()
                status = row[0] if row else None
                if status in ("committed", "aborted"):
                    return bool(status == "committed")
                connection.execute(END_IT, [id])
        except (StoreError, psycopg.Error) as error:
            why = str(error)
        left = until - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(wait, left))
        wait = min(wait * 2, LONGEST_WAIT)
    raise CommitUnknown(
        f"The connection broke during a commit, and it is not known whether it was made: {why}. Look "
        "before doing the same again."
    )
