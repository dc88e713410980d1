"""The inbox: what waits, what rests as a dead letter, and running it again."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import BadInput
from engine.model import Value
from engine.receive import Receiver
from engine.store import inbox, runs, waking
from engine.store.base import Transaction
from engine.store.search import event_types, unfinished
from engine.studio.masking import mask_text
from engine.studio.runs import body, event_head
from engine.verdict import Verdict

PAGE = 50
MOST_REPLAYED = 100
"""Dead letters one request runs again; more take another request."""


def event_list(
    tx: Transaction,
    *,
    state: str | None = None,
    type: str | None = None,
    before: tuple[str, str] | None = None,
    limit: int = PAGE,
) -> dict[str, Value]:
    """A page of events, the latest first, and how many are in each state. Raises BadInput."""
    known = next((one for one in inbox.STATES if one == state), None)
    if state and known is None:
        raise BadInput(f"'{state}' is no state; expected one of {', '.join(inbox.STATES)}.")
    rows = inbox.listing(tx, state=known, type=type or None, before=before, limit=limit)
    last = rows[-1] if len(rows) == limit else None
    return {
        "events": [event_head(row) for row in rows],
        "before": last and [last.received_at, last.id],
        "counts": dict(unfinished(tx)),
        "types": event_types(tx),
    }


def event_page(tx: Transaction, id: str) -> dict[str, Value] | None:
    """One event with its body and its runs; None when it is not in the inbox."""
    row = inbox.show(tx, id)
    if row is None:
        return None
    found = runs.listing(tx, event_id=id, limit=50)
    return event_head(row) | {
        "body": body(row),
        "runs": [
            {
                "id": run.id,
                "flow": run.flow,
                "outcome": run.outcome,
                "started_at": run.started_at,
                "duration_us": run.duration_us,
                "error": run.error and mask_text(run.error),
            }
            for run in found
        ],
    }


def dead_letters(tx: Transaction) -> list[str]:
    """The ids of the oldest dead letters, as many as one request runs again."""
    rows = inbox.listing(tx, state="dead", limit=10_000)
    return [row.id for row in reversed(rows)][:MOST_REPLAYED]


def replay(tx: Transaction, receiver: Receiver, id: str) -> Mapping[str, Value]:
    """Run an event again, whatever became of it, unless it is done; gives the verdict.

    Raises BadInput (unknown, or done: its effects are there).
    """
    row = inbox.show(tx, id)
    if row is None:
        raise BadInput(f"There is no event '{id}' in the inbox.")
    if row.state == "done":
        raise BadInput(
            f"The event {id} is done: its effects are there, so it is not run again. What it would "
            "do now, a dry run in the playground shows."
        )
    waking.requeue(tx, id, now=tx.now)
    return verdict_of(receiver.again(tx, row), tx)


def verdict_of(verdict: Verdict, tx: Transaction) -> dict[str, Value]:
    """A verdict as a page tells it, with the run that holds its trace."""
    latest = runs.listing(tx, event_id=verdict.event.id, limit=1) if verdict.flow else []
    return {
        "event": verdict.event.id,
        "type": verdict.event.type,
        "outcome": verdict.outcome,
        "reason": mask_text(verdict.reason),
        "flow": verdict.flow,
        "woken": verdict.woken,
        "run": latest[0].id if latest and verdict.outcome != "ignored" else None,
    }
