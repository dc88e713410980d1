"""A flow as a graph for the pages: nodes and arrows; where to draw them is the browser's business."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from engine.model import Flow, Node, Value
from engine.studio.masking import mask_text

START, FINISH = "·start", "·done"
"""Ids of the two ends; no node can be called so."""

End = tuple[str, str]
"""A node an arrow leaves from, and the arrow's label."""
ENDINGS = frozenset({"stop", "fail"})


def edge_id(end: End, target: str) -> str:
    """The name of an arrow, the same for a drawing and for a path through it."""
    return f"{end[0]}|{end[1]}|{target}"


def each(node: Node) -> str:
    """The label of the arrow into a for_each's block."""
    return f"each {node.keys['as']}"


GIVEN_UP = "after the last try"
"""The label of the arrow to what runs, later and by itself, when a call is given up."""


@dataclass(slots=True)
class Graph:
    """`nodes`: id, type, title, locked, line, note, yaml, later; `edges`: id, from, to, label, later."""

    nodes: list[dict[str, Value]] = field(default_factory=list)
    edges: list[dict[str, Value]] = field(default_factory=list)

    def as_json(self) -> dict[str, Value]:
        return {"nodes": self.nodes, "edges": self.edges}


def flow_graph(flow: Flow) -> Graph:
    """The graph of a flow, drawn from its tree."""
    drawing = _Drawing(flow.source.splitlines())
    drawing.end(START, "start", trigger_text(flow))
    ends = drawing.block(flow.nodes, [(START, "")])
    drawing.end(FINISH, "finish", "done")
    for end in ends:
        drawing.edge(end, FINISH)
    return drawing.graph


def trigger_text(flow: Flow) -> str:
    """What starts the flow, in a few words."""
    kind, what = next(iter(flow.trigger.items()))
    if kind == "manual":
        return "called by other flows"
    if isinstance(what, list):
        first = ", ".join(what[:2])
        return f"{kind}: {first}" + (f" and {len(what) - 2} more" if len(what) > 2 else "")
    return f"{kind}: {what}"


class _Drawing:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.graph = Graph()
        self.later = False

    def end(self, id: str, kind: str, title: str) -> None:
        self.graph.nodes.append({"id": id, "type": kind, "title": title, "end": True})

    def edge(self, end: End, target: str) -> None:
        self.graph.edges.append(
            {
                "id": edge_id(end, target),
                "from": end[0],
                "to": target,
                "label": end[1],
                "later": end[1] == GIVEN_UP,
            }
        )

    def block(self, nodes: tuple[Node, ...], ends: list[End]) -> list[End]:
        """Draw a list of nodes below these ends; gives the ends the next node hangs on."""
        for node in nodes:
            self.graph.nodes.append(
                {
                    "id": node.id,
                    "type": node.type,
                    "title": node.title,
                    "locked": node.locked,
                    "line": node.place.line,
                    "note": _note(node),
                    "yaml": mask_text(written(self.lines, node.place.line)),
                    "later": self.later,
                }
            )
            for end in ends:
                self.edge(end, node.id)
            ends = self.after(node)
        return ends

    def after(self, node: Node) -> list[End]:
        if node.type in ENDINGS:
            return []
        if node.type == "for_each":
            for end in self.block(node.do, [(node.id, each(node))]):
                self.edge((end[0], end[1] or "next"), node.id)
        if node.give_up:
            # It ends there: the run itself went on long before.
            outer, self.later = self.later, True
            self.block(node.give_up, [(node.id, GIVEN_UP)])
            self.later = outer
        if not node.cases:
            return [(node.id, "")]
        return [end for case in node.cases for end in self.block(case.do, [(node.id, case.name)])]


def written(lines: list[str], line: int) -> str:
    """What the file says of the list entry that begins on this line (from 1)."""
    first, *rest = lines[line - 1 :] or [""]
    depth = len(first) - len(first.lstrip())
    found = [first]
    for one in rest:
        if one.strip() and len(one) - len(one.lstrip()) <= depth:
            break
        found.append(one)
    return textwrap.dedent("\n".join(found)).strip()


def _note(node: Node) -> str:
    """What the node is about, in a word or two: a table, a called flow, a call's target."""
    if "table" in node.keys:
        return str(node.keys["table"])
    if node.type == "flow":
        return f"calls {node.keys['flow']}"
    if node.type == "http":
        return f"{node.keys.get('method', 'POST')}"
    return ""
