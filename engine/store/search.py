"""Runs as people look for them: by flow, outcome, event type and order, the latest first.

None of these but the outcome has an index (each would cost every event), so a search reads a
stretch of runs, says how far it came, and goes on from there when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from engine.model import Value
from engine.store import inbox
from engine.store.base import Transaction
from engine.store.runs import Outcome

STRETCH = 5_000
"""Runs read by one query of a search."""
MOST_READ = 50_000
"""Runs one search reads before it answers with what it has."""

FOUND = """
    SELECT run.id, run.event_id, run.flow, run.outcome, run.started_at, run.duration_us, run.error,
        inbox.type AS event_type, inbox.state AS event_state
    FROM actionflow_run AS run LEFT JOIN actionflow_inbox AS inbox ON inbox.id = run.event_id
"""
LAST = "SELECT max(id) AS id FROM actionflow_run"
TYPES = """
    SELECT DISTINCT type FROM
        (SELECT type FROM actionflow_inbox ORDER BY received_at DESC, id DESC LIMIT :most) AS latest
    ORDER BY type
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, the latest first. `before` is where to go on, None at the end of all runs."""

    rows: list[dict[str, Value]]
    before: int | None
    stopped_early: bool = False
    """The search read MOST_READ runs and found fewer than were asked for."""


def search_runs(
    tx: Transaction,
    *,
    flow: str | None = None,
    outcome: Outcome | None = None,
    event_type: str | None = None,
    order: Value = None,
    order_table: str = "order",
    limit: int = 50,
    before: int | None = None,
) -> Page:
    """Runs that fit all that is given. `order` is the key of an order (int or text)."""
    conditions = []
    params: dict[str, Value] = {}
    if flow is not None:
        conditions.append("run.flow = :flow")
        params["flow"] = flow
    if outcome is not None:
        # The words of the partial index of the few that are not done.
        conditions.append("run.outcome = :outcome")
        conditions += ["run.outcome <> 'done'"] if outcome != "done" else []
        params["outcome"] = outcome
    if event_type is not None:
        conditions.append("inbox.type = :event_type")
        params["event_type"] = event_type
    if order is not None:
        patterns = _mentions(order, order_table)
        likes = [f"run.trace LIKE :order{index} ESCAPE '!'" for index in range(len(patterns))]
        conditions.append(f"({' OR '.join(likes)})")
        params |= {f"order{index}": pattern for index, pattern in enumerate(patterns)}
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
    full = len(rows) == limit
    go_on = rows[-1]["id"] if full else floor
    return Page(rows, go_on if go_on > 1 else None, not full and floor > 1)


def _mentions(order: Value, order_table: str) -> list[str]:
    """LIKE patterns for traces (JSON without blanks) in which this order is read or changed."""
    key = orjson.dumps(order).decode()
    texts = [f'"orderId":{key}', f'"order_id":{key}']
    found = [f"{text}{end}" for text in texts for end in (",", "}")]
    found.append(f'"table":{orjson.dumps(order_table).decode()},"key":{key},')
    return ["%" + text.translate(_ESCAPED) + "%" for text in found]


_ESCAPED = str.maketrans({"!": "!!", "%": "!%", "_": "!_"})


def unfinished(tx: Transaction) -> Mapping[str, int]:
    """How many events are in each state but done, from an index of these alone."""
    rows = tx.execute(inbox.COUNT_UNFINISHED)
    return dict.fromkeys(("received", "waiting", "dead", "ignored"), 0) | {
        row["state"]: row["events"] for row in rows
    }


def event_types(tx: Transaction, *, most: int = 2_000) -> list[str]:
    """The types of the latest events, for a list to choose from."""
    return [row["type"] for row in tx.execute(TYPES, {"most": most})]
