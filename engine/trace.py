"""What each node of a run did, as plain data: for the run record, the dry run and the studio."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from engine.errors import RunError
from engine.model import Node, Value
from engine.nodes.base import Frame, NotOurs, NotYet, Step, StopRun
from engine.nodes.journal import ActionRefused, CallNeeded
from engine.store.base import StoreBusy, StoreError

Entry = dict[str, Value]
"""`id`, `type`, `line`, `us` (its own microseconds, without those of nodes inside); then, where there
is something to say, `in`, `out`, `notes`, `changes` (row changes), `error`, and `nodes` (the entries
of the blocks inside). `row` in place of `out`: the output is the row that the only change left.
Whoever shows a trace has it from engine/store/traces.py."""

OWN_SCOPE = frozenset({"for_each", "flow"})


def traced(node: Node, step: Step) -> Callable[[Frame], None]:
    """The node's step with its output put in scope, its errors given a place, and its entry kept."""
    name, kind, line = node.id, node.type, node.place.line
    holds_blocks = bool(node.cases or node.do) or kind == "flow"

    def run_node(frame: Frame) -> None:
        journal = frame.journal
        if journal is not None:
            if name in journal.outputs:
                frame.values[name] = journal.outputs[name]
                return
            if kind in OWN_SCOPE:
                # Ids inside repeat, or belong to another flow; the whole node is journaled instead.
                frame.journal = None
        outer, inputs, notes = frame.trace, frame.inputs, frame.notes
        said: list[Value] = []
        frame.inputs, frame.notes = None, said
        entry: Entry = {"id": name, "type": kind, "line": line}
        if holds_blocks and outer is not None:
            frame.trace = entry["nodes"] = []
        changes = frame.tx.changes
        changed = len(changes)
        try:
            frame.values[name] = output = step(frame)
            if journal is not None:
                journal.outputs[name] = output
            if output is not None:
                entry["out"] = output
        except BaseException as error:
            _failed(node, entry, error)
            raise
        finally:
            if outer is not None:
                # One look at the clock a node: its time is what went by since the latest finished.
                finished = perf_counter_ns()
                entry["us"] = (finished - frame.mark) // 1000
                frame.mark = finished
                if frame.inputs is not None:
                    entry["in"] = frame.inputs
                if said:
                    entry["notes"] = said
                if holds_blocks:
                    if not entry["nodes"]:
                        del entry["nodes"]
                elif len(changes) > changed:
                    entry["changes"] = made = changes[changed:]
                    if made[0].after is entry.get("out") and not made[0].hidden:
                        del entry["out"]
                        entry["row"] = True
                outer.append(entry)
            frame.trace, frame.inputs, frame.notes = outer, inputs, notes
            frame.journal = journal

    return run_node


def _failed(node: Node, entry: Entry, error: BaseException) -> None:
    """Say in the entry what ended the node; an error of ours learns where it was raised."""
    if isinstance(error, StopRun | CallNeeded):
        entry["stop"] = str(error)
    elif isinstance(error, NotYet | NotOurs | ActionRefused | StoreBusy):
        entry["error"] = str(error)
    elif isinstance(error, RunError):
        if error.node is None:
            error.node = node.id
        error.place = error.place or node.place
        entry["error"] = str(error)
    elif isinstance(error, StoreError):
        entry["error"] = str(error)
        raise RunError(str(error), node=node.id, place=node.place) from error


def gave_up(entries: list[Entry]) -> bool:
    """Whether these are what the `give_up` nodes of a call did: only there nodes stand in an `http`."""
    return any(entry["type"] == "http" and "nodes" in entry for entry in entries)


def flat(entries: list[Entry]) -> list[Entry]:
    """All entries of a trace, outer before inner, in the order they ran."""
    found = []
    for entry in entries:
        found.append(entry)
        found += flat(entry.get("nodes", []))
    return found
