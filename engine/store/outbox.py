"""The outbox: calls that runs asked for, written in the run's transaction and made after its commit.

States: `waiting` (made at `next_try_at`), `done` (answered 2xx), `giving_up` (the last try failed;
its give-up nodes run at `next_try_at`), `dead` (given up; only `requeue` starts it again).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from engine.model import Value
from engine.store.base import Transaction
from engine.store.outbox_sql import (
    AFTER,
    BLOCK_FAILED,
    COUNTS,
    DONE,
    FAILED,
    GAVE_UP,
    HEAD,
    LAST,
    LEASE,
    NEXT,
    QUEUE,
    RELEASE,
    REQUEUE,
    SHOW,
)
from engine.store.own import UNFINISHED

State = Literal["waiting", "giving_up", "done", "dead"]
STATES: tuple[State, ...] = ("waiting", "giving_up", "done", "dead")


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `call` and `retry` are plain data (engine.net.Request; tries, first_delay,
    longest_delay in seconds); `kept` holds the values its give-up nodes read, None without such
    nodes. `owner` is there while it is leased."""

    id: int
    key: str
    origin: str
    flow: str
    flow_digest: str
    node: str
    event_id: str | None
    state: State
    call: Mapping[str, Value]
    retry: Mapping[str, int]
    kept: Mapping[str, Value] | None
    tries: int
    block_tries: int
    block_reason: str | None
    next_try_at: str | None
    status: int | None
    reason: str | None
    created_at: str
    finished_at: str | None
    gave_up_at: str | None
    lease_until: str | None
    owner: str = ""


def next_ordinal(tx: Transaction, *, origin: str, flow: str, node: str) -> int:
    """How many calls this node has queued before for what started the run: 0 but in loops."""
    found: int = tx.execute(NEXT, {"origin": origin, "flow": flow, "node": node})[0]["ordinal"]
    return found


def queue(
    tx: Transaction,
    *,
    key: str,
    origin: str,
    flow: str,
    flow_digest: str,
    node: str,
    ordinal: int,
    event_id: str | None,
    call: Mapping[str, Value],
    retry: Mapping[str, int],
    kept: Mapping[str, Value] | None,
    now: str,
) -> int:
    """Write a call down, due at once; its id. It is made only if this transaction commits."""
    made = tx.execute(
        QUEUE,
        {
            "key": key,
            "origin": origin,
            "flow": flow,
            "flow_digest": flow_digest,
            "node": node,
            "ordinal": ordinal,
            "event_id": event_id,
            "call": orjson.dumps(call).decode(),
            "retry": orjson.dumps(retry).decode(),
            "kept": None if kept is None else orjson.dumps(kept).decode(),
            "now": now,
        },
    )
    id: int = made[0]["id"]
    return id


def lease(tx: Transaction, *, now: str, until: str, owner: str, limit: int) -> list[Call]:
    """Calls to make now, which no one else is given before `until`. `owner` is new for each lease."""
    sql = LEASE.replace("[skip_locked]", tx.skip_locked)
    rows = tx.execute(sql, {"now": now, "until": until, "owner": owner, "limit": limit})
    return sorted((_call(row, owner) for row in rows), key=lambda one: one.id)


def done(tx: Transaction, id: int, *, status: int, now: str) -> None:
    """It was answered 2xx. Good news counts even from one whose lease has ended."""
    tx.execute(DONE, {"id": id, "status": status, "now": now})


def failed(
    tx: Transaction,
    call: Call,
    *,
    state: Literal["waiting", "giving_up", "dead"],
    status: int | None,
    reason: str,
    next_try_at: str | None,
    now: str,
) -> bool:
    """One more try went wrong. False when the lease had ended and another has the call by now."""
    params = {
        "id": call.id,
        "owner": call.owner,
        "state": state,
        "status": status,
        "reason": reason,
        "next_try_at": next_try_at,
        "finished_at": now if state == "dead" else None,
    }
    return bool(tx.execute(FAILED, params))


def gave_up(tx: Transaction, id: int, *, now: str) -> bool:
    """Its give-up nodes have run, in this transaction. False when they had run before."""
    return bool(tx.execute(GAVE_UP, {"id": id, "now": now}))


def block_failed(
    tx: Transaction, id: int, *, reason: str, next_try_at: str | None, now: str
) -> None:
    """Its give-up nodes failed, after `gave_up` in this transaction; without a next try they never
    had their effect, and the call rests as dead."""
    params = {
        "id": id,
        "state": "dead" if next_try_at is None else "giving_up",
        "reason": reason,
        "next_try_at": next_try_at,
        "finished_at": now if next_try_at is None else None,
    }
    tx.execute(BLOCK_FAILED, params)


def requeue(tx: Transaction, id: int, *, now: str) -> bool:
    """Make the call again from the first try, with the same key. False when it is done, being made
    at this moment, or not there."""
    return bool(tx.execute(REQUEUE, {"id": id, "now": now}))


def release_all(tx: Transaction) -> None:
    """At the start of a server: where the database takes one at a time, whoever held a lease is gone."""
    if not tx.shared:
        tx.execute(RELEASE)


def show(tx: Transaction, id: int) -> Call | None:
    """One call, or None."""
    found = tx.execute(SHOW, {"id": id})
    return _call(found[0]) if found else None


def last(tx: Transaction) -> int:
    """The id of the latest call, 0 when there is none; for `after`."""
    found: int = tx.execute(LAST)[0]["id"]
    return found


def after(tx: Transaction, id: int) -> list[Call]:
    """The calls queued since, in order."""
    return [_call(row) for row in tx.execute(AFTER, {"id": id})]


def listing(
    tx: Transaction,
    *,
    state: State | None = None,
    origin: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[Call]:
    """The latest first. `origin` is an event's id or `action 7`; `before` the id of the last seen."""
    conditions = []
    params: dict[str, Value] = {"limit": limit}
    if state is not None:
        # The words of the partial index, so that the few others are found among all that are done.
        conditions.append("state = :state" + ("" if state == "done" else f" AND {UNFINISHED}"))
        params["state"] = state
    if origin is not None:
        conditions.append("origin = :origin")
        params["origin"] = origin
    if before is not None:
        conditions.append("id < :before")
        params["before"] = before
    where = "WHERE " + " AND ".join(conditions) if conditions else ""
    sql = f"SELECT {HEAD} FROM actionflow_outbox {where} ORDER BY id DESC LIMIT :limit"
    return [_call(row) for row in tx.execute(sql, params)]


def counts(tx: Transaction) -> dict[State, int]:
    """How many calls are in each state but done; reads those only."""
    found: dict[State, int] = {"waiting": 0, "giving_up": 0, "dead": 0}
    for row in tx.execute(COUNTS):
        found[row["state"]] = row["calls"]
    return found


def _call(row: Mapping[str, Value], owner: str = "") -> Call:
    read = {name: row[name] and orjson.loads(row[name]) for name in ("call", "retry", "kept")}
    return Call(**{**row, **read}, owner=owner)
