"""The project as rules look at it: tables, flows, and which of them could not be read."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.catalogue import NodeSpec, catalogue
from engine.check import event_types
from engine.check.types import ANY, Type
from engine.errors import Place
from engine.load import Loaded
from engine.model import STRIPE_TRIGGERS, Flow, Node, Path, ProjectFile, Table, Value
from engine.yamlfile import read


@dataclass
class View:
    """What was loaded. Where a file is broken, rules ask `whole` before they miss something."""

    loaded: Loaded
    key_places: dict[str, Mapping[Path, Place]] = field(default_factory=dict)

    returned: Callable[[str], Type] = lambda name: ANY
    """The type of what a flow returns, by the flow's name."""

    @property
    def project(self) -> ProjectFile | None:
        return self.loaded.project

    @property
    def flows(self) -> dict[str, Flow]:
        return self.loaded.flows

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """All tables by name; empty when project.yaml could not be read."""
        return self.project.tables if self.project else {}

    @property
    def order(self) -> Table | None:
        """The bound order table."""
        return self.project.order if self.project else None

    @cached_property
    def broken(self) -> frozenset[str]:
        """Names of flows whose files were not read: they have problems of their own, or odd names."""
        stems = {pathlib.PurePath(problem.place.file).stem for problem in self.loaded.problems}
        stems |= {path.stem for path in self.loaded.passed_by}
        return frozenset(stems - set(self.flows) - {"project"})

    @cached_property
    def catalogue(self) -> Mapping[str, NodeSpec]:
        return catalogue()

    def key_place(self, flow: Flow, path: Path) -> Place:
        """The place of a key, where `flow.place` gives that of its value."""
        if flow.file not in self.key_places:
            # Only a flow with a problem is read again: places of keys are not kept.
            self.key_places[flow.file] = read(flow.source, flow.file).key_places
        return self.key_places[flow.file].get(path) or flow.place(path)

    def project_place(self, *path: str | int) -> Place:
        """Where the value at `path` of project.yaml stands."""
        found: Path = path
        places = self.project.places if self.project else {}
        while found and found not in places:
            found = found[:-1]
        return places.get(found, Place(self.project.file if self.project else "project.yaml"))


def trigger_name(flow: Flow) -> str:
    """`payment` and the other callbacks, `stripe` for a list of event types, else `manual`."""
    written: Value = flow.trigger.get("stripe")
    if isinstance(written, str):
        return written
    return "stripe" if written is not None else next(iter(flow.trigger), "manual")


def is_callback(flow: Flow) -> bool:
    """Whether it is the flow of one of the four callbacks."""
    return trigger_name(flow) in STRIPE_TRIGGERS


def misnamed(flow: Flow) -> bool:
    """Whether Stripe sends none of the events it lists: what starts it is not known."""
    written: Value = flow.trigger.get("stripe")
    return isinstance(written, list) and not any(event_types.known(name) for name in written)


def every_node(nodes: tuple[Node, ...]) -> list[Node]:
    """The nodes and all nodes inside them, in the order they are written."""
    found = []
    for node in nodes:
        found.append(node)
        for case in node.cases:
            found += every_node(case.do)
        found += every_node(node.do) + every_node(node.give_up)
    return found
