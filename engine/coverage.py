"""Which cases of a project's branches there are, and which of them runs have taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.errors import Place
from engine.model import Node
from engine.project import Project
from engine.trace import Entry

Taken = tuple[str, str, str]
"""A case of a branch: flow, node, case."""


class BranchCase(NamedTuple):
    """One case of a branch, and where it is written."""

    flow: str
    node: str
    name: str
    place: Place

    @property
    def key(self) -> Taken:
        return self.flow, self.node, self.name

    def __str__(self) -> str:
        return f"{self.place} {self.flow}, {self.node}: {self.name}"


def branch_cases(project: Project) -> list[BranchCase]:
    """Every case of every branch of the project, in the order written."""

    def inside(flow: str, nodes: Iterable[Node]) -> Iterator[BranchCase]:
        for node in nodes:
            for case in node.cases:
                yield BranchCase(flow, node.id, case.name, case.place)
                yield from inside(flow, case.do)
            yield from inside(flow, node.do)

    return [one for name, it in project.flows.items() for one in inside(name, it.flow.nodes)]


def taken(flow: str, entries: Iterable[Entry], project: Project) -> Iterator[Taken]:
    """The cases that a run of this flow took, those of the flows it called under their own names."""
    called = dict(_calls(project.flows[flow].flow.nodes))
    for entry in entries:
        for note in entry.get("notes", ()):
            if "case" in note:
                yield flow, entry["id"], note["case"]
        yield from taken(called.get(entry["id"], flow), entry.get("nodes", ()), project)


def _calls(nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """The `flow` nodes of a flow, by id, and the flow each calls."""
    for node in nodes:
        if node.type == "flow":
            yield node.id, str(node.keys["flow"])
        yield from _calls(node.do)
        for case in node.cases:
            yield from _calls(case.do)
