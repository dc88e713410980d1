"""User actions: the record a retry finds, with the journal of what was done and the call under way.

States: `running` (between two transactions only after a crash), `calling` (Stripe is being asked;
`lease_until` says until when by the process that asks), `done` (its answer is kept, a refusal too).
An action still `running` has had no effect; it begins only when somebody asks for it again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import orjson

from engine.model import Row, Value
from engine.store.base import Transaction
from engine.store.statements import list_of

BEGIN = """
    INSERT INTO actionflow_action
        (action, caller_id, caller_role, dedupe, input, flow_digest, state, journal, created_at,
         updated_at, lease_until)
    VALUES (:action, :caller_id, :caller_role, :dedupe, :input, :flow_digest, 'running', '{}', :now,
            :now, :lease_until)
    ON CONFLICT (dedupe) DO NOTHING
    RETURNING id
"""
HEAD = (
    "id, action, caller_id, caller_role, input, flow_digest, state, journal, call, answer, "
    "created_at, lease_until"
)
BY_DEDUPE = f"SELECT {HEAD} FROM actionflow_action WHERE dedupe = :dedupe"
BY_ID = f"SELECT {HEAD} FROM actionflow_action WHERE id = :id"
SAVE = """
    UPDATE actionflow_action
    SET state = :state, journal = :journal, call = :call, answer = :answer, updated_at = :now,
        lease_until = :lease_until
    WHERE id = :id
"""
LEASE = """
    UPDATE actionflow_action SET lease_until = :until
    WHERE id = :id AND state <> 'done' AND (lease_until IS NULL OR lease_until <= :now)
    RETURNING id
"""
LET_GO = "UPDATE actionflow_action SET lease_until = NULL, updated_at = :now WHERE id = :id"
STUCK = """
    SELECT id FROM actionflow_action
    WHERE state <> 'done' AND state = 'calling' AND (lease_until IS NULL OR lease_until <= :now)
    ORDER BY id LIMIT :limit
"""
UNANSWERED = """
    SELECT id FROM actionflow_action WHERE id IN ([actions]) AND state <> 'done'
"""
RELEASE = "UPDATE actionflow_action SET lease_until = NULL WHERE state <> 'done'"


@dataclass(frozen=True, slots=True)
class Record:
    """One action. `journal`, `call` and `answer` are plain data; times are timestamp text."""

    id: int
    action: str
    caller_id: str
    caller_role: str
    input: Value
    flow_digest: str
    state: str
    journal: Value
    call: Value
    answer: Value
    created_at: str
    lease_until: str | None


def begin(
    tx: Transaction,
    *,
    action: str,
    caller_id: str,
    caller_role: str,
    dedupe: str | None,
    input: Value,
    flow_digest: str,
    lease_until: str,
    now: str,
) -> tuple[Record, bool]:
    """A new record, or the one an earlier request with the same `dedupe` made; and whether it is new."""
    made = tx.execute(
        BEGIN,
        {
            "action": action,
            "caller_id": caller_id,
            "caller_role": caller_role,
            "dedupe": dedupe,
            "input": orjson.dumps(input, option=orjson.OPT_SORT_KEYS).decode(),
            "flow_digest": flow_digest,
            "lease_until": lease_until,
            "now": now,
        },
    )
    if made:
        return _record(tx.execute(BY_ID, {"id": made[0]["id"]})[0]), True
    return _record(tx.execute(BY_DEDUPE, {"dedupe": dedupe})[0]), False


def show(tx: Transaction, id: int, *, lock: bool = False) -> Record | None:
    """One action, or None; `lock` holds it against others until the end of the transaction."""
    rows = tx.execute(f"{BY_ID} {tx.for_update}" if lock else BY_ID, {"id": id})
    return _record(rows[0]) if rows else None


def save(
    tx: Transaction,
    id: int,
    *,
    state: str,
    journal: Value,
    call: Value = None,
    answer: Value = None,
    lease_until: str | None = None,
    now: str,
) -> None:
    """Where the action stands now."""
    tx.execute(
        SAVE,
        {
            "id": id,
            "state": state,
            "journal": orjson.dumps(journal).decode(),
            "call": None if call is None else orjson.dumps(call).decode(),
            "answer": None if answer is None else orjson.dumps(answer).decode(),
            "lease_until": lease_until,
            "now": now,
        },
    )


def lease(tx: Transaction, id: int, *, until: str, now: str) -> bool:
    """Take an unfinished action that nobody works on; False when somebody does."""
    return bool(tx.execute(LEASE, {"id": id, "until": until, "now": now}))


def let_go(tx: Transaction, id: int, *, now: str) -> None:
    """Nobody works on this action any more."""
    tx.execute(LET_GO, {"id": id, "now": now})


def stuck(tx: Transaction, *, now: str, limit: int) -> list[int]:
    """Actions with a call under way that nobody works on any more: their process was killed, or Stripe
    was away."""
    return [row["id"] for row in tx.execute(STUCK, {"now": now, "limit": limit})]


def unanswered(tx: Transaction, ids: Collection[int]) -> set[int]:
    """Those of these actions that have no answer yet."""
    if not ids:
        return set()
    listed, named = list_of(ids)
    return {row["id"] for row in tx.execute(UNANSWERED.replace("[actions]", listed), named)}


def release_all(tx: Transaction) -> None:
    """At the start of a server: where the database takes one at a time, whoever held a lease is gone."""
    if not tx.shared:
        tx.execute(RELEASE)


def _record(row: Row) -> Record:
    for name in ("input", "journal", "call", "answer"):
        row[name] = None if row[name] is None else orjson.loads(row[name])
    return Record(**row)
