"""A flow as a Mermaid flowchart: a graph to look at, drawn from the tree."""

from __future__ import annotations

from engine.model import Flow, Node

LOCKED = "fill:#e8e3f5,stroke:#6b4fbb,color:#241b40"


def mermaid(flow: Flow) -> str:
    """The flowchart's text; locked nodes are marked, cases are the labels of the arrows."""
    drawing = _Drawing()
    drawing.line(f'start(["{_text(_trigger(flow))}"])')
    ends = drawing.block(flow.nodes, [("start", "")])
    drawing.line('finish(["done"])')
    for source, label in ends:
        drawing.arrow(source, "finish", label)
    locked = ",".join(drawing.locked)
    style = [f"    classDef locked {LOCKED}", f"    class {locked} locked"] if locked else []
    return "\n".join(["flowchart TD", *drawing.lines, *style])


def _trigger(flow: Flow) -> str:
    kind, what = next(iter(flow.trigger.items()))
    if isinstance(what, list):
        return f"{kind}: {', '.join(what)}"
    return f"{kind}: {what}" if isinstance(what, str) else f"called as {flow.name}"


def _text(text: str) -> str:
    for char, code in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(char, code)
    return text


End = tuple[str, str]
"""A node an arrow leaves from, and the arrow's label."""


class _Drawing:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.locked: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(f"    {text}")

    def arrow(self, source: str, target: str, label: str) -> None:
        mark = f'-- "{_text(label)}" -->' if label else "-->"
        self.line(f"{source} {mark} {target}")

    def block(self, nodes: tuple[Node, ...], ends: list[End]) -> list[End]:
        """Draw a list of nodes below these ends; gives the ends the next node hangs on."""
        for node in nodes:
            name = f"n_{node.id}"
            self.node(name, node)
            for source, label in ends:
                self.arrow(source, name, label)
            ends = self.after(name, node)
        return ends

    def node(self, name: str, node: Node) -> None:
        label = f"{_text(node.title or node.id)}<br/><small>{node.type}</small>"
        left, right = ("{", "}") if node.type == "branch" else ("[", "]")
        self.line(f'{name}{left}"{label}"{right}')
        if node.locked:
            self.locked.append(name)

    def after(self, name: str, node: Node) -> list[End]:
        if node.type in ("stop", "fail"):
            return []
        if node.type == "for_each":
            for source, label in self.block(node.do, [(name, f"each {node.keys['as']}")]):
                self.arrow(source, name, label or "next")
            return [(name, "")]
        if not node.cases:
            return [(name, "")]
        return [end for case in node.cases for end in self.block(case.do, [(name, case.name)])]
