"""Runs as people look for them: by flow, outcome, event type and order, the latest first.

Flow and event type have no index (each would cost every event), so a search for these reads a
stretch of runs, says how far it came, and goes on from there when asked. Orders have one of their
own kind (engine/store/run_orders.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import Value
from engine.store import inbox
from engine.store.base import Transaction
from engine.store.run_orders import key_text
from engine.store.runs import Outcome

STRETCH = 5_000
"""Runs read by one query of a search."""
MOST_READ = 50_000
"""Runs one search reads before it answers with what it has."""

FOUND = """
    SELECT run.id, run.event_id, run.flow, run.outcome, run.started_at, run.duration_us, run.error,
        run.action_id, inbox.type AS event_type, inbox.state AS event_state
    FROM actionflow_run AS run LEFT JOIN actionflow_inbox AS inbox ON inbox.id = run.event_id
"""
OF_ORDER = "JOIN actionflow_run_order AS about ON about.run_id = run.id"
LAST = "SELECT max(id) AS id FROM actionflow_run"
TYPES = """
    SELECT DISTINCT type FROM
        (SELECT type FROM actionflow_inbox ORDER BY received_at DESC, id DESC LIMIT :most) AS latest
    ORDER BY type
"""


LATEST = """
    SELECT (SELECT max(id) FROM actionflow_run) AS run,
        (SELECT id FROM actionflow_inbox ORDER BY received_at DESC, id DESC LIMIT 1) AS event
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What runs must be, where it is given."""

    flow: str | None = None
    outcome: Outcome | None = None
    event_type: str | None = None

    def conditions(self) -> tuple[list[str], dict[str, Value]]:
        """SQL over `run` and `inbox`, and its parameters."""
        found = []
        if self.flow is not None:
            found.append("run.flow = :flow")
        if self.outcome is not None:
            found.append("run.outcome = :outcome")
            # The words of the partial index of the few that are not done.
            found += ["run.outcome <> 'done'"] if self.outcome != "done" else []
        if self.event_type is not None:
            found.append("inbox.type = :event_type")
        given = {"flow": self.flow, "outcome": self.outcome, "event_type": self.event_type}
        return found, {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, the latest first. `before` is where to go on, None at the end of all runs."""

    rows: list[dict[str, Value]]
    before: int | None
    stopped_early: bool = False
    """The search read as many runs as one may and found fewer than were asked for."""


def search_runs(
    tx: Transaction, filters: Filters, *, limit: int = 50, before: int | None = None
) -> Page:
    """Runs that fit, below the id `before`."""
    conditions, params = filters.conditions()
    last = tx.execute(LAST)[0]["id"]
    top = min(before or last + 1, last + 1) if last is not None else 0
    rows: list[dict[str, Value]] = []
    floor = top
    while floor > 0 and len(rows) < limit and top - floor < MOST_READ:
        ceiling, floor = floor, max(floor - STRETCH, 0)
        where = " AND ".join(["run.id < :ceiling", "run.id >= :floor", *conditions])
        sql = f"{FOUND} WHERE {where} ORDER BY run.id DESC LIMIT :limit"
        stretch = {"ceiling": ceiling, "floor": floor, "limit": limit - len(rows)}
        rows += tx.execute(sql, {**params, **stretch})
    return _page(rows, limit, floor)


def runs_of_order(
    tx: Transaction,
    order: Value,
    filters: Filters,
    *,
    low: int,
    limit: int = 50,
    before: int | None = None,
) -> Page:
    """As `search_runs`, of the runs from `low` on that the index of orders has under this key."""
    conditions, params = filters.conditions()
    params |= {"order": key_text(order), "low": low, "limit": limit}
    if before is not None:
        conditions.append("about.run_id < :before")
        params["before"] = before
    where = " AND ".join(["about.order_key = :order", "about.run_id >= :low", *conditions])
    sql = f"{FOUND} {OF_ORDER} WHERE {where} ORDER BY about.run_id DESC LIMIT :limit"
    return _page(tx.execute(sql, params), limit, low)


def _page(rows: list[dict[str, Value]], limit: int, floor: int) -> Page:
    """`floor` is the lowest id that was looked at."""
    full = len(rows) == limit
    go_on = rows[-1]["id"] if full else floor
    return Page(rows, go_on if go_on > 1 else None, not full and floor > 1)


def latest(tx: Transaction) -> dict[str, Value]:
    """The ids of the latest `run` and the latest `event`, None where there is none."""
    return dict(tx.execute(LATEST)[0])


def unfinished(tx: Transaction) -> Mapping[str, int]:
    """How many events are in each state but done, from an index of these alone."""
    rows = tx.execute(inbox.COUNT_UNFINISHED)
    return dict.fromkeys(("received", "waiting", "dead", "ignored"), 0) | {
        row["state"]: row["events"] for row in rows
    }


def event_types(tx: Transaction, *, most: int = 2_000) -> list[str]:
    """The types of the latest events, for a list to choose from."""
    return [row["type"] for row in tx.execute(TYPES, {"most": most})]
