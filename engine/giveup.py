"""Runs the give-up nodes of a call: on the flow version that queued it, with the values it kept."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable

from engine.errors import ActionflowError, RunError
from engine.flowfile import flow_from_text
from engine.logs import say
from engine.model import Flow, Node, Value
from engine.nodes.base import Frame, StopRun
from engine.project import Project
from engine.run import FlowCompiler
from engine.store import inbox, runs
from engine.store.base import StoreBusy, Transaction
from engine.store.outbox import Call
from engine.stripe.event import load, of
from engine.tick import is_tick, started_by_tick
from engine.trace import Entry

log = logging.getLogger("actionflow.outbox")


def run_block(tx: Transaction, project: Project, call: Call, now: str) -> str | None:
    """Run them in a savepoint and keep a run of it; what went wrong, or None. Raises StoreBusy."""
    started = time.perf_counter()
    trace: list[Entry] = []
    problem = None
    try:
        with tx.savepoint():
            _run(tx, project, call, now, trace)
    except StoreBusy:
        raise
    except ActionflowError as error:
        problem = str(error)
    except Exception as error:
        log.exception("give-up nodes of call %d: the engine itself failed", call.id)
        problem = f"the engine itself failed: {type(error).__name__}: {error}"
    runs.record_run(
        tx,
        event_id=call.event_id,
        flow=call.flow,
        flow_digest=call.flow_digest,
        outcome="failed" if problem else "done",
        started_at=now,
        duration_us=round((time.perf_counter() - started) * 1_000_000),
        trace=[{"id": call.node, "type": "http", "error": call.reason, "nodes": trace}],
        error=problem,
    )
    return problem


def _run(tx: Transaction, project: Project, call: Call, now: str, trace: list[Entry]) -> None:
    flow, flows = _version(tx, project, call)
    node = find_node(flow.nodes, call.node)
    if node is None:
        raise RunError(f"the flow '{flow.name}' of that run has no node '{call.node}'.")
    block = FlowCompiler(flow, project.file, flows).block(node.give_up)
    values: dict[str, Value] = {
        "event": _event(tx, call),
        "config": project.file.config,
        "run": {"flow": call.flow, "digest": call.flow_digest},
        "now": now,
        "caller": None,
        "input": None,
        **(call.kept or {}),
        "error": {
            "status": call.status,
            "message": call.reason,
            "tries": call.tries,
            "url": call.call["url"],
        },
    }
    parsed = of(values["event"]) if values["event"] else None
    if parsed is not None and is_tick(parsed):
        started_by_tick(values)
    frame = Frame(
        values=values,
        tx=tx,
        project=project.file,
        now=now,
        origin=f"call {call.id}",
        trace=trace,
    )
    frame.parsed = parsed
    with contextlib.suppress(StopRun):
        block(frame)
    say(frame.log)


def _version(tx: Transaction, project: Project, call: Call) -> tuple[Flow, dict[str, Flow]]:
    """The flow as it was when the call was queued, and the others as they are now."""
    flows = {one.flow.name: one.flow for one in project.flows.values()}
    current = flows.get(call.flow)
    if current is not None and current.digest == call.flow_digest:
        return current, flows
    source = runs.source(tx, call.flow_digest)
    if source is None:
        raise RunError(f"the version of '{call.flow}' that made this call is not kept any more.")
    return flow_from_text(source, f"{call.flow}.yaml"), flows


def _event(tx: Transaction, call: Call) -> Value:
    row = inbox.show(tx, call.event_id) if call.event_id else None
    return load(row.payload.encode()) if row else None


def find_node(nodes: Iterable[Node], name: str) -> Node | None:
    """The node with this id, at any depth."""
    for node in nodes:
        if node.id == name:
            return node
        blocks = (node.do, node.give_up, *(case.do for case in node.cases))
        for block in blocks:
            if found := find_node(block, name):
                return found
    return None
