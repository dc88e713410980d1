"""Runs: the list of them, and one with its flow's graph, the path it took and what each node did."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import BadInput, ProblemsFound
from engine.flowfile import flow_from_text
from engine.model import Flow, ProjectFile, Value
from engine.project import Project
from engine.store import actions, inbox, runs
from engine.store.base import Store, Transaction
from engine.store.inbox import InboxRow
from engine.store.runs import Run
from engine.store.search import Filters, event_types, search_runs
from engine.stripe.event import BadEvent, load
from engine.studio import orders
from engine.studio.graph import flow_graph
from engine.studio.masking import mask, mask_text
from engine.studio.path import own_error, own_stop, path_taken, waits
from engine.trace import Entry, flat

PAGE = 50
OUTCOMES: tuple[runs.Outcome, ...] = ("done", "stopped", "failed", "ignored")


def order_key(project: ProjectFile, text: str) -> Value:
    """The key of an order as somebody types it. Raises BadInput."""
    column = project.order.columns[project.order.key]
    if column.type != "integer":
        return text
    try:
        return int(text)
    except ValueError:
        raise BadInput(
            f"'{text[:40]}' is no order: the key '{column.name}' of table '{project.order_table}' "
            "is a whole number, such as 1."
        ) from None


def run_list(
    store: Store,
    write: orders.Write,
    project: Project,
    *,
    flow: str | None = None,
    outcome: str | None = None,
    event_type: str | None = None,
    order: str | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> dict[str, Value]:
    """A page of runs that fit, and what the filters can be set to. Raises BadInput."""
    known = next((one for one in OUTCOMES if one == outcome), None)
    if outcome and known is None:
        raise BadInput(f"'{outcome}' is no outcome; expected one of {', '.join(OUTCOMES)}.")
    filters = Filters(flow or None, known, event_type or None)
    if order and order.strip():
        key = order_key(project.file, order.strip())
        page = orders.find_runs(
            store, write, project.file, key, filters, limit=limit, before=before
        )
    else:
        with store.reader() as tx:
            page = search_runs(tx, filters, limit=limit, before=before)
    with store.reader() as tx:
        types = event_types(tx)
        ways = parts_of_actions(tx, {row["id"]: row["action_id"] for row in page.rows})
    return {
        "runs": [
            {**row, "error": row["error"] and mask_text(row["error"]), **ways[row["id"]]}
            for row in page.rows
        ],
        "before": page.before,
        "stopped_early": page.stopped_early,
        "flows": sorted(project.flows),
        "types": types,
        "outcomes": [one for one in OUTCOMES if one in ("done", "failed")],
    }


def parts_of_actions(
    tx: Transaction, found: Mapping[int, int | None]
) -> dict[int, dict[str, Value]]:
    """For each of these runs (its id, its action's) how it hangs together with others.

    A user action runs in stretches, each a run: up to a call to Stripe, and on from the answer. `earlier`
    and `later` are the runs of the neighbouring stretches, `unanswered` says that the answer is out.
    """
    known = {action for action in found.values() if action is not None}
    stretches, open_ones = runs.stretches(tx, known), actions.unanswered(tx, known)
    ways: dict[int, dict[str, Value]] = {}
    for run, action in found.items():
        ids = stretches.get(action, []) if action is not None else []
        earlier, later = [id for id in ids if id < run], [id for id in ids if id > run]
        ways[run] = {
            "earlier": earlier[-1] if earlier else None,
            "later": later[0] if later else None,
            "unanswered": action in open_ones and not later,
        }
    return ways


def run_page(tx: Transaction, project: Project, id: int) -> dict[str, Value] | None:
    """One run, whole; None when there is no such run."""
    run = runs.show(tx, id)
    if run is None:
        return None
    row = inbox.show(tx, run.event_id) if run.event_id else None
    current = project.flows.get(run.flow)
    flow = _version(tx, run.flow, run.flow_digest)
    siblings = runs.listing(tx, event_id=run.event_id, limit=20) if run.event_id else []
    found: dict[str, Value] = {
        "id": run.id,
        "flow": run.flow,
        "title": flow.title if flow else "",
        "outcome": run.outcome,
        "started_at": run.started_at,
        "duration_us": run.duration_us,
        "error": run.error and mask_text(run.error),
        "undone": run.outcome == "failed",
        "version": run.flow_digest[:12],
        "current": current is not None and current.flow.digest == run.flow_digest,
        "known": current is not None,
        "event": row and event_head(row),
        "body": row and body(row),
        "orders": _orders(run, row, project),
        "siblings": [
            {"id": one.id, "flow": one.flow, "outcome": one.outcome, "started_at": one.started_at}
            for one in siblings
            if one.id != run.id
        ],
    }
    way = parts_of_actions(tx, {run.id: run.action_id})[run.id]
    waiting = any(waits(entry) for entry in flat(run.trace))
    return found | way | {"action": run.action_id, "waits": waiting} | traced_graph(flow, run.trace)


def _orders(run: Run, row: InboxRow | None, project: Project) -> list[Value]:
    failed = row.payload if row and run.outcome == "failed" else None
    return sorted(orders.orders_of(run.trace, failed, project.file), key=str)


def traced_graph(flow: Flow | None, trace: list[Entry]) -> dict[str, Value]:
    """`graph`, `path` and `steps` of one run; without the flow's text only the steps."""
    found: dict[str, Value] = {
        "steps": [step(entry) for entry in trace],
        "graph": None,
        "path": None,
    }
    if flow is not None:
        graph = flow_graph(flow)
        found |= {"graph": graph.as_json(), "path": path_taken(flow, graph, trace)}
    return found


def step(entry: Entry) -> dict[str, Value]:
    """What one node did, for a page: masked, with its own error apart from those passing through."""
    shown: dict[str, Value] = {
        "id": entry["id"],
        "type": entry["type"],
        "line": entry.get("line"),
        "us": _took(entry),
        "error": mask(own_error(entry)),
        "stop": mask(own_stop(entry)),
        "notes": [mask(note) for note in entry.get("notes", [])],
        "changes": [mask(change) for change in entry.get("changes", [])],
        "steps": [step(inner) for inner in entry.get("nodes", [])],
    }
    shown |= {kind: mask(entry[kind]) for kind in ("in", "out") if kind in entry}
    return shown


def _took(entry: Entry) -> int | None:
    """Microseconds with the nodes inside; None in traces from before they were taken."""
    own = entry.get("us")
    if own is None or entry["type"] == "flow":  # the time of a called flow holds all of it
        return own
    return int(own + sum(_took(inner) or 0 for inner in entry.get("nodes", [])))


def event_head(row: InboxRow) -> dict[str, Value]:
    """An event as lists show it."""
    return {
        "id": row.id,
        "type": row.type,
        "created": row.created,
        "api_version": row.api_version,
        "livemode": row.livemode,
        "subject": row.subject,
        "state": row.state,
        "flow": row.flow,
        "attempts": row.attempts,
        "next_try_at": row.next_try_at,
        "reason": row.reason and mask_text(row.reason),
        "received_at": row.received_at,
        "finished_at": row.finished_at,
    }


def body(row: InboxRow) -> Value:
    """The event's JSON, masked."""
    try:
        return mask(load(row.payload.encode()))
    except BadEvent as error:
        return str(error)


def _version(tx: Transaction, name: str, digest: str) -> Flow | None:
    """The flow as it was when it ran; None when its text is gone or can be read no more."""
    source = runs.source(tx, digest)
    if source is None:
        return None
    try:
        return flow_from_text(source, f"{name}.yaml")
    except ProblemsFound:
        return None
