"""Runs and the versions of flows they ran on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.model import Value
from engine.store.base import Transaction
from engine.store.statements import list_of
from engine.store.traces import pack, unpack

Outcome = Literal["done", "stopped", "failed", "ignored"]

RECORD_FLOW = """
    INSERT INTO actionflow_flow (digest, name, source, first_used_at)
    VALUES (:digest, :name, :source, :now)
    ON CONFLICT (digest) DO NOTHING
"""
KEPT = (
    "event_id",
    "flow",
    "flow_digest",
    "outcome",
    "started_at",
    "duration_us",
    "error",
    "trace",
)
RECORD_RUN = f"""
    INSERT INTO actionflow_run ({", ".join(KEPT)})
    VALUES ({", ".join(f":{name}" for name in KEPT)})
"""
OF_ACTION = (*KEPT, "action_id")
RECORD_STRETCH = f"""
    INSERT INTO actionflow_run ({", ".join(OF_ACTION)})
    VALUES ({", ".join(f":{name}" for name in OF_ACTION)})
"""
"""As RECORD_RUN, of a stretch of a user action; events' runs, which are many, leave that column out."""
HEAD = "id, event_id, flow, flow_digest, outcome, started_at, duration_us, error, action_id"
SHOW = f"SELECT {HEAD}, trace FROM actionflow_run WHERE id = :id"
STRETCHES = """
    SELECT id, action_id FROM actionflow_run WHERE action_id IN ([actions]) ORDER BY id
"""
SOURCE = "SELECT source FROM actionflow_flow WHERE digest = :digest"


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a flow. `duration_us` is in microseconds; `trace` is empty in lists."""

    id: int
    event_id: str | None
    flow: str
    flow_digest: str
    outcome: Outcome
    started_at: str
    duration_us: int
    error: str | None
    trace: Value = ()
    action_id: int | None = None
    """The user action it is a stretch of; None for the run of an event."""


def record_flow(tx: Transaction, *, digest: str, name: str, source: str, now: str) -> None:
    """Keep this version of a flow, once, so that a run can be shown on the text it ran on."""
    tx.execute(RECORD_FLOW, {"digest": digest, "name": name, "source": source, "now": now})


def as_kept(
    *,
    event_id: str | None,
    flow: str,
    flow_digest: str,
    outcome: Outcome,
    started_at: str,
    duration_us: int,
    trace: Value,
    error: str | None = None,
) -> tuple[Value, ...]:
    """What a run did, for `record_runs`. `trace` are entries as a run records them (engine/trace.py);
    an outcome `failed` has its `error`."""
    return (
        event_id,
        flow,
        flow_digest,
        outcome,
        started_at,
        duration_us,
        error,
        pack(trace),
    )


def record_run(tx: Transaction, **run: Value) -> None:
    """Keep what a run did; its parameters are those of `as_kept`."""
    record_runs(tx, [as_kept(**run)])


def record_stretch(tx: Transaction, *, action_id: int, **run: Value) -> None:
    """As `record_run`, for a stretch of a user action."""
    tx.insert_rows(RECORD_STRETCH, OF_ACTION, [(*as_kept(**run), action_id)])


def record_runs(tx: Transaction, kept: Sequence[tuple[Value, ...]]) -> None:
    """Keep what several runs did, in one go."""
    tx.insert_rows(RECORD_RUN, KEPT, kept)


def show(tx: Transaction, id: int) -> Run | None:
    """One run with its trace, or None."""
    found = tx.execute(SHOW, {"id": id})
    if not found:
        return None
    run = _run(found[0])
    return replace(run, trace=unpack(run.trace))


def stretches(tx: Transaction, actions: Collection[int]) -> dict[int, list[int]]:
    """The ids of the runs that each of these actions has had so far, the earliest first."""
    found: dict[int, list[int]] = {action: [] for action in actions}
    if found:
        listed, named = list_of(found)
        for row in tx.execute(STRETCHES.replace("[actions]", listed), named):
            found[row["action_id"]].append(row["id"])
    return found


def source(tx: Transaction, digest: str) -> str | None:
    """The text of a version of a flow, or None."""
    found = tx.execute(SOURCE, {"digest": digest})
    return found[0]["source"] if found else None


def listing(
    tx: Transaction,
    *,
    flow: str | None = None,
    outcome: Outcome | None = None,
    event_id: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[Run]:
    """The latest runs first, without traces. `before` is the id of the last one seen."""
    wanted: dict[str, Value] = {"flow": flow, "outcome": outcome, "event_id": event_id}
    params = {name: value for name, value in wanted.items() if value is not None}
    conditions = [f"{name} = :{name}" for name in params]
    if outcome is not None and outcome != "done":
        conditions.append("outcome <> 'done'")  # the words of the partial index
    if before is not None:
        conditions.append("id < :before")
        params["before"] = before
    where = "WHERE " + " AND ".join(conditions) if conditions else ""
    sql = f"SELECT {HEAD} FROM actionflow_run {where} ORDER BY id DESC LIMIT :limit"
    return [_run(found) for found in tx.execute(sql, {**params, "limit": limit})]


def _run(found: Mapping[str, Value]) -> Run:
    return Run(**found)
