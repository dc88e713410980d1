"""The path a run took through its flow's graph, from the run's trace."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import Flow, Node, Value
from engine.studio.graph import FINISH, GIVEN_UP, START, End, Graph, each, edge_id
from engine.trace import Entry, gave_up


def path_taken(flow: Flow, graph: Graph, trace: list[Entry]) -> dict[str, Value]:
    """`nodes`: by id its state (ran, failed, stopped, waits) and how often; `edges`: ids of arrows taken.

    A node that `waits` has a call made for it after the commit; the run goes on in another.

    `resumed` tells that the run went on from an earlier one (an action after its call to Stripe),
    so the way to its first node is not in this trace. `gave_up` tells that it ran the nodes of a
    call that was given up, and nothing else.
    """
    walk = _Walk(flow, graph)
    end = walk.block(trace, (START, ""))
    if end is not None:
        walk.go(end, FINISH)
    given_up = gave_up(trace)
    return {
        "nodes": walk.states,
        "edges": list(walk.taken),
        "resumed": walk.resumed and not given_up,
        "gave_up": given_up,
    }


def own_error(entry: Entry) -> str | None:
    """The node's own error: not one that only passed through it from a node inside."""
    return _own(entry, "error")


def own_stop(entry: Entry) -> str | None:
    """As `own_error`, for the reason a node ended the run with."""
    return _own(entry, "stop")


def waits(entry: Entry) -> bool:
    """Whether the run ended here to have a call made, and goes on with the answer."""
    return entry["type"] != "stop" and own_stop(entry) is not None


def _own(entry: Entry, kind: str) -> str | None:
    said: str | None = entry.get(kind)
    inner = entry.get("nodes") or []
    return None if said is None or (inner and inner[-1].get(kind) is not None) else said


def case_taken(entry: Entry) -> str | None:
    """The name of the case a branch took; None when it failed before it could choose."""
    for note in reversed(entry.get("notes", [])):
        if isinstance(note, dict) and "case" in note:
            name: str = note["case"]
            return name
    return None


def _state(entry: Entry) -> str:
    if own_error(entry):
        return "failed"
    if waits(entry):
        return "waits"
    return "stopped" if own_stop(entry) else "ran"


class _Walk:
    def __init__(self, flow: Flow, graph: Graph) -> None:
        self.known = {edge["id"] for edge in graph.edges}
        self.nodes = {node.id: node for node in every_node(flow.nodes)}
        self.states: dict[str, dict[str, Value]] = {}
        self.taken: dict[str, None] = {}
        self.resumed = False

    def go(self, end: End, target: str) -> None:
        edge = edge_id(end, target)
        if edge in self.known:
            self.taken[edge] = None
        elif end[0] == START:
            self.resumed = True

    def block(self, entries: list[Entry], end: End) -> End | None:
        """Walk a block; gives the end the next node hangs on, or None where the run ended."""
        last: End | None = end
        for entry in entries:
            node = self.nodes.get(entry["id"])
            if node is None or last is None:
                continue
            self.go(last, node.id)
            self.mark(entry)
            last = self.after(entry, node)
            if "error" in entry or "stop" in entry:
                last = None
        return last

    def mark(self, entry: Entry) -> None:
        seen = self.states.setdefault(entry["id"], {"state": "", "times": 0})
        seen["times"] += 1
        seen["state"] = _state(entry)

    def after(self, entry: Entry, node: Node) -> End | None:
        inner = entry.get("nodes") or []
        if node.type == "branch":
            case = case_taken(entry)
            return self.block(inner, (node.id, case)) if case is not None else (node.id, "")
        if node.type == "for_each":
            self.rounds(inner, node)
        elif node.give_up and inner:
            self.block(inner, (node.id, GIVEN_UP))
        return (node.id, "")

    def rounds(self, entries: list[Entry], node: Node) -> None:
        """The rounds of a for_each, which its trace holds one after the other."""
        first = node.do[0].id if node.do else ""
        rounds: list[list[Entry]] = []
        for entry in entries:
            if entry["id"] == first or not rounds:
                rounds.append([])
            rounds[-1].append(entry)
        for one in rounds:
            end = self.block(one, (node.id, each(node)))
            if end is not None:
                self.go((end[0], end[1] or "next"), node.id)


def every_node(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """All nodes of a tree, outer before inner."""
    for node in nodes:
        yield node
        yield from every_node(node.do)
        yield from every_node(node.give_up)
        for case in node.cases:
            yield from every_node(case.do)
