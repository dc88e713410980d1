"""Forgetting what is finished and old: a few rows a transaction, from the oldest on.

Unfinished things stay whatever their age, and so does what they need: the event a call was made for,
the runs of an event that is a dead letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.model import Value
from engine.store import run_orders
from engine.store.base import Transaction

Kind = Literal["events", "runs", "calls", "actions"]

WINDOW = "SELECT id, {at} AS at FROM {table} WHERE {after} ORDER BY {order} LIMIT :limit"
BY_TIME = "({at}, id) > (:after_at, :after_id)"
BY_ID = "id > :after_id"
FORGET = """
    DELETE FROM {table} WHERE id IN (
        SELECT id FROM {table} WHERE {after} AND {until} AND {finished} [skip_locked]
    )
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a sweep has come: `at` is timestamp text, `id` the last row looked at."""

    at: str = ""
    id: Value = 0


@dataclass(frozen=True, slots=True)
class _Sweep:
    window: str
    forget: str
    start: Place


def _sweep(table: str, at: str, finished: str, *, by_time: bool = False) -> _Sweep:
    after = (BY_TIME if by_time else BY_ID).format(at=at)
    named = {
        "table": f"actionflow_{table}",
        "at": at,
        "after": after,
        "order": f"{at}, id" if by_time else "id",
        "until": f"({at}, id) <= (:last_at, :last_id)" if by_time else "id <= :last_id",
        "finished": finished,
    }
    start = Place("0001-01-01T00:00:00Z", "") if by_time else Place()
    return _Sweep(WINDOW.format(**named), FORGET.format(**named), start)


SWEEPS: Mapping[Kind, _Sweep] = {
    # The ids of events are what a redelivery is known by, their bodies what calls look at.
    "events": _sweep(
        "inbox",
        "received_at",
        "state IN ('done', 'ignored') AND finished_at < :older_than AND id NOT IN (SELECT event_id"
        " FROM actionflow_outbox WHERE state <> 'done' AND event_id IS NOT NULL)",
        by_time=True,
    ),
    "runs": _sweep(
        "run",
        "started_at",
        "started_at < :older_than AND (event_id IS NULL OR event_id NOT IN (SELECT id FROM"
        " actionflow_inbox WHERE state <> 'done' AND state IN ('received', 'waiting', 'dead')))",
    ),
    "calls": _sweep("outbox", "created_at", "state = 'done' AND finished_at < :older_than"),
    "actions": _sweep("action", "created_at", "state = 'done' AND updated_at < :older_than"),
}


def forget(
    tx: Transaction, kind: Kind, *, older_than: str, after: Place | None, limit: int
) -> tuple[int, Place | None]:
    """Look at the next `limit` rows after a place (None: from the oldest) and forget those that are
    finished since before `older_than`; how many, and the place to go on from, None at the end."""
    sweep = SWEEPS[kind]
    after = after or sweep.start
    params = {"after_at": after.at, "after_id": after.id}
    window = tx.execute(sweep.window, {**params, "limit": limit})
    old = [row for row in window if row["at"] < older_than]
    if not old:
        return 0, None
    last = Place(old[-1]["at"], old[-1]["id"])
    gone = tx.execute(
        sweep.forget.replace("[skip_locked]", tx.skip_locked),
        {**params, "last_at": last.at, "last_id": last.id, "older_than": older_than},
    )
    if kind == "runs":
        run_orders.forget(tx, [row["id"] for row in gone])
    return len(gone), last if len(old) == limit else None
