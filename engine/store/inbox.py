"""The inbox: every event that came in, once, and what became of it.

States: `received` (its flow has not ended yet), `done`, `ignored` (about nothing of ours, with the
reason), `waiting` (failed or too early; tried again at `next_try_at`), `dead` (given up; only
`requeue` starts it again).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.model import Value
from engine.store.base import Transaction
from engine.store.own import UNFINISHED
from engine.store.statements import list_of

State = Literal["received", "done", "ignored", "waiting", "dead"]
STATES: tuple[State, ...] = ("received", "done", "ignored", "waiting", "dead")

HEAD = """id, type, created, api_version, livemode, subject, state, flow, attempts, next_try_at,
    reason, received_at, finished_at, lease_until, lease_owner"""

RECEIVE = """
    INSERT INTO actionflow_inbox
        (id, type, created, api_version, livemode, subject, state, attempts, received_at, payload)
    VALUES (:id, :type, :created, :api_version, :livemode, :subject, 'received', 0, :now, :payload)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""
STATE = "SELECT state FROM actionflow_inbox WHERE id = :id"
KNOWN = "SELECT id, state FROM actionflow_inbox WHERE id IN ([ids])"
RECEIVE_DONE = """
    INSERT INTO actionflow_inbox
        (id, type, created, api_version, livemode, subject, state, flow, attempts, received_at,
         finished_at, payload)
    VALUES (:id, :type, :created, :api_version, :livemode, :subject, 'done', :flow, 0, :received_at,
        :received_at, :payload)
"""
FINISH = """
    UPDATE actionflow_inbox
    SET state = 'done', flow = :flow, finished_at = :now, next_try_at = NULL, reason = NULL,
        lease_until = NULL, lease_owner = NULL
    WHERE id = :id
"""
IGNORE = """
    UPDATE actionflow_inbox
    SET state = 'ignored', flow = :flow, reason = :reason, finished_at = :now, next_try_at = NULL,
        lease_until = NULL, lease_owner = NULL
    WHERE id = :id
"""
FAIL = """
    UPDATE actionflow_inbox
    SET state = :state, flow = :flow, reason = :reason, attempts = attempts + 1,
        next_try_at = :next_try_at, finished_at = :finished_at,
        lease_until = NULL, lease_owner = NULL
    WHERE id = :id
"""
SHOW = f"SELECT {HEAD}, payload FROM actionflow_inbox WHERE id = :id"
COUNT_UNFINISHED = f"""
    SELECT state, count(*) AS events FROM actionflow_inbox WHERE {UNFINISHED} GROUP BY state
"""
BACKLOG = f"""
    SELECT state, count(*) AS events, min(received_at) AS since FROM actionflow_inbox
    WHERE {UNFINISHED} AND state IN ('received', 'waiting', 'dead') GROUP BY state
"""
COUNT_ALL = "SELECT count(*) AS events FROM actionflow_inbox"


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One event as kept. Times are timestamp text; `payload` is the raw body, empty in lists."""

    id: str
    type: str
    created: str
    api_version: str | None
    livemode: bool
    subject: str | None
    state: State
    flow: str | None
    attempts: int
    next_try_at: str | None
    reason: str | None
    received_at: str
    finished_at: str | None
    lease_until: str | None
    lease_owner: str | None
    payload: str = ""


def receive(
    tx: Transaction,
    *,
    id: str,
    type: str,
    created: str,
    livemode: bool,
    payload: str,
    received_at: str,
    api_version: str | None = None,
    subject: str | None = None,
) -> State:
    """Keep an event unless it is there. `received` when it is new or never ended, else its state.

    `subject` is the Stripe object it is about (pi_…, sub_…, in_…), `payload` the verified raw body.
    """
    params = {
        "id": id,
        "type": type,
        "created": created,
        "api_version": api_version,
        "livemode": livemode,
        "subject": subject,
        "now": received_at,
        "payload": payload,
    }
    if tx.execute(RECEIVE, params):
        return "received"
    state: State = tx.execute(STATE, {"id": id})[0]["state"]
    return state


def states(tx: Transaction, ids: Sequence[str]) -> dict[str, State]:
    """What became of these events so far; those never seen are left out."""
    listed, named = list_of(ids)
    found = tx.execute(KNOWN.replace("[ids]", listed), named)
    return {row["id"]: row["state"] for row in found}


def receive_done(tx: Transaction, events: Sequence[Mapping[str, Value]]) -> None:
    """Keep events whose flows are done already: parameters of `receive` and `flow`, in one go.

    Raises UniqueViolation when one of them is there.
    """
    tx.execute_many(RECEIVE_DONE, events)


def finish(tx: Transaction, id: str, *, flow: str | None, now: str) -> None:
    """The event's flow is done."""
    tx.execute(FINISH, {"id": id, "flow": flow, "now": now})


def ignore(tx: Transaction, id: str, *, reason: str, now: str, flow: str | None = None) -> None:
    """The event is about nothing of ours (yet): answered 2xx, and `wake` can bring it back."""
    tx.execute(IGNORE, {"id": id, "flow": flow, "reason": reason, "now": now})


def fail(
    tx: Transaction,
    id: str,
    *,
    error: str,
    next_try_at: str | None,
    now: str,
    flow: str | None = None,
) -> None:
    """One more try went wrong; without a next try the event is dead."""
    params = {
        "id": id,
        "state": "dead" if next_try_at is None else "waiting",
        "flow": flow,
        "reason": error,
        "next_try_at": next_try_at,
        "finished_at": now if next_try_at is None else None,
    }
    tx.execute(FAIL, params)


def show(tx: Transaction, id: str) -> InboxRow | None:
    """One event with its payload, or None."""
    found = tx.execute(SHOW, {"id": id})
    return row_of(found[0]) if found else None


def listing(
    tx: Transaction,
    *,
    state: State | None = None,
    type: str | None = None,
    limit: int = 50,
    before: tuple[str, str] | None = None,
) -> list[InboxRow]:
    """The latest first, without payloads. `before` is `(received_at, id)` of the last one seen."""
    conditions = []
    params: dict[str, Value] = {"limit": limit}
    if state is not None:
        # The words of the partial index, so that the few others are found among millions of done.
        conditions.append("state = :state" + ("" if state == "done" else f" AND {UNFINISHED}"))
        params["state"] = state
    if type is not None:
        conditions.append("type = :type")
        params["type"] = type
    if before is not None:
        conditions.append("(received_at, id) < (:received_at, :id)")
        params["received_at"], params["id"] = before
    where = "WHERE " + " AND ".join(conditions) if conditions else ""
    sql = f"""
        SELECT {HEAD} FROM actionflow_inbox {where} ORDER BY received_at DESC, id DESC LIMIT :limit
    """
    return [row_of(found) for found in tx.execute(sql, params)]


def counts(tx: Transaction) -> dict[State, int]:
    """How many events are in each state. Counts all rows: for people, not for every scrape."""
    found: dict[State, int] = dict.fromkeys(STATES, 0)
    for row in tx.execute(COUNT_UNFINISHED):
        found[row["state"]] = row["events"]
    found["done"] = tx.execute(COUNT_ALL)[0]["events"] - sum(found.values())
    return found


def backlog(tx: Transaction) -> dict[State, tuple[int, str]]:
    """How many events are not finished, by state, and when the oldest was received; reads those only."""
    return {row["state"]: (row["events"], row["since"]) for row in tx.execute(BACKLOG)}


def row_of(found: Mapping[str, Value]) -> InboxRow:
    """The event of a row with the columns of HEAD."""
    return InboxRow(**{**found, "livemode": bool(found["livemode"])})
