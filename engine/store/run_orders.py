"""Which runs were about an order: an index over traces, made when somebody looks for an order.

Events pay nothing for it. Whoever searches has the runs read that no search has read yet, in
stretches, and what was found in them is kept; so a search reads a run once, and later ones use an
index. The runs read so far are one range of ids, from the latest downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from engine.model import Row, Value
from engine.store import meta
from engine.store.base import Transaction

KEPT = "runs read for orders"
"""The key in actionflow_meta under which the range is kept."""

LATEST = "SELECT coalesce(max(id), 0) AS id FROM actionflow_run"
STRETCH = """
    SELECT run.id, run.trace,
        CASE WHEN run.outcome = 'failed' THEN inbox.payload END AS payload
    FROM actionflow_run AS run LEFT JOIN actionflow_inbox AS inbox ON inbox.id = run.event_id
    WHERE run.id >= :low AND run.id < :high
"""
KEEP = """
    INSERT INTO actionflow_run_order (order_key, run_id) VALUES (:order_key, :run_id)
    ON CONFLICT (order_key, run_id) DO NOTHING
"""
FORGET = "DELETE FROM actionflow_run_order WHERE run_id = :run_id"


@dataclass(frozen=True, slots=True)
class Span:
    """Runs whose id is at least `low` and below `high`."""

    low: int
    high: int


def read_so_far(tx: Transaction) -> Span | None:
    """The runs that were read, or None where none ever was."""
    found = meta.read(tx, KEPT)
    return Span(*orjson.loads(found)) if found else None


def latest(tx: Transaction) -> int:
    """The id of the latest run, 0 where there is none."""
    found: int = tx.execute(LATEST)[0]["id"]
    return found


def stretch(tx: Transaction, span: Span) -> list[Row]:
    """The runs of a span: `id`, `trace` (JSON text), and `payload` of the event that failed."""
    return tx.execute(STRETCH, {"low": span.low, "high": span.high})


def keep(tx: Transaction, found: Sequence[tuple[Value, int]], read: Span) -> None:
    """Keep pairs of an order's key and a run's id: all there are in the runs of `read`.

    What two searches keep at the same time may be the same; of two ranges with a gap between them
    the later one is remembered.
    """
    if found:
        tx.execute_many(KEEP, [{"order_key": key_text(key), "run_id": run} for key, run in found])
    known = read_so_far(tx)
    if known is not None and read.low <= known.high and known.low <= read.high:
        read = Span(min(read.low, known.low), max(read.high, known.high))
    elif known is not None and known.high > read.high:
        return
    if read != known:
        meta.write(tx, KEPT, orjson.dumps([read.low, read.high]).decode())


def key_text(key: Value) -> str:
    """An order's key as it is kept: 1 and '1' differ."""
    return orjson.dumps(key).decode()


def forget(tx: Transaction, runs: Sequence[Value]) -> None:
    """Forget what was kept of these runs."""
    if runs:
        tx.execute_many(FORGET, [{"run_id": id} for id in runs])
