"""Which cases of a project's branches there are, and which of them runs have taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.errors import Place
from engine.model import Node
from engine.project import Project
from engine.trace import Entry


class BranchCase(NamedTuple):
    """One case of a branch, and where it is written."""

    flow: str
    node: str
    name: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place} {self.flow}, {self.node}: {self.name}"


class Coverage:
    """The branch cases of a project, in the order written, and those taken so far."""

    def __init__(self, project: Project) -> None:
        flows = [compiled.flow for compiled in project.flows.values()]
        self.cases = [case for flow in flows for case in _cases(flow.name, flow.nodes)]
        self._calls = {flow.name: dict(_calls(flow.nodes)) for flow in flows}
        self._taken: set[tuple[str, str, str]] = set()

    def add(self, flow: str, entries: Iterable[Entry]) -> None:
        """Count what a run of this flow did, the flows it called under their own names."""
        calls = self._calls[flow]
        for entry in entries:
            for note in entry.get("notes", ()):
                if "case" in note:
                    self._taken.add((flow, entry["id"], note["case"]))
            inner = entry.get("nodes")
            if inner:
                self.add(calls.get(entry["id"], flow), inner)

    @property
    def missed(self) -> list[BranchCase]:
        """The cases no run has taken."""
        return [one for one in self.cases if (one.flow, one.node, one.name) not in self._taken]


def _cases(flow: str, nodes: Iterable[Node]) -> Iterator[BranchCase]:
    for node in nodes:
        for case in node.cases:
            yield BranchCase(flow, node.id, case.name, case.place)
            yield from _cases(flow, case.do)
        yield from _cases(flow, (*node.do, *node.give_up))


def _calls(nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """The `flow` nodes of a flow, by id, and the flow each calls."""
    for node in nodes:
        if node.type == "flow":
            yield node.id, str(node.keys["flow"])
        yield from _calls((*node.do, *node.give_up, *(one for c in node.cases for one in c.do)))
