"""The registry of node types, and the frame a run carries from node to node."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.errors import ActionflowError, Place
from engine.model import Flow, Node, ProjectFile, Value
from engine.nodes.journal import Journal
from engine.store.base import Transaction
from engine.stripe.event import Event


class Frame:
    """What one run knows: `values` by name (event, config, run, now, … and node ids), its open
    transaction, and the notes nodes leave for the trace.

    `now` is fixed for the run: text `YYYY-MM-DDTHH:MM:SSZ`, UTC. `origin` is what started the run
    (an event's id, `action 7`): the same whenever that is tried again. `trace` takes the finished
    nodes in order; None where nobody wants them.
    """

    __slots__ = (
        "explain",
        "inputs",
        "journal",
        "log",
        "mark",
        "notes",
        "now",
        "origin",
        "parsed",
        "project",
        "subjects",
        "trace",
        "tx",
        "values",
    )

    def __init__(
        self,
        values: dict[str, Value],
        tx: Transaction,
        project: ProjectFile,
        now: str,
        origin: str = "",
        trace: list[Value] | None = None,
    ) -> None:
        self.values = values
        self.tx = tx
        self.project = project
        self.now = now
        self.origin = origin
        self.inputs: Value = None
        """What the node now running was given, for the trace; each step sets it."""
        self.notes: list[Value] = []
        """Remarks of the node now running, for the trace (the case taken, a line logged)."""
        self.trace = trace
        self.explain = False
        """Leave notes on why each case matched or did not: for the dry run, too slow for every event."""
        self.log: list[str] = []
        self.journal: Journal | None = None
        """In actions: what was done in earlier stretches of this run."""
        self.parsed: Event | None = None
        """`values["event"]` as read already, where whoever started the run has done so."""
        self.mark = time.perf_counter_ns()
        """The clock (nanoseconds) when the latest node finished, at first when the run began."""
        self.subjects: list[str] = []
        """Stripe ids (pi_…, sub_…, in_…) whose rows this run made: set-aside events about them can run
        now."""


Step = Callable[[Frame], Value]
"""Does one node's work and returns its output (None, or a dict of named outputs)."""


class Condition(Protocol):
    """A branch condition."""

    @property
    def test(self) -> Callable[[Mapping[str, Value]], Value]:
        """Gives True or False for the values. Raises RunError."""

    def explain(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The names the condition reads, and their values."""


class Compiler(Protocol):
    """What a node type may ask while its node is compiled."""

    flow: Flow
    project: ProjectFile

    def value(self, node: Node, *keys: str | int) -> Callable[[Mapping[str, Value]], Value]:
        """The node's value at these keys as a function of the frame's values."""

    def condition(self, node: Node, *keys: str | int) -> Condition:
        """The `when` at these keys."""

    def block(self, nodes: tuple[Node, ...]) -> Callable[[Frame], None]:
        """A list of nodes as one step; `StopRun` and errors pass through."""

    def place(self, node: Node, *keys: str | int) -> Place:
        """Where the value at these keys of the node stands."""

    def called(self, name: str) -> Callable[[Frame, dict[str, Value]], Value]:
        """Another flow of the project, by name, as a function of its inputs."""


class StopRun(ActionflowError):
    """The flow asked to stop here: commit what was done and answer 2xx."""


class NotYet(ActionflowError):
    """The event is ours but something it needs is not there yet; it is tried again later."""


class NotOurs(ActionflowError):
    """The event is about an object this project did not make: answered 2xx, and no row is touched."""


class NotOursYet(NotOurs):
    """As NotOurs, as far as is known: an event that makes the row it needs would have it run again."""


Expect = Callable[[Transaction, Sequence[Event]], None]
"""Tells a transaction what runs for these events will ask it for (`Transaction.expect`)."""


@dataclass(frozen=True, slots=True)
class NodeType:
    """A registered node type; its keys and outputs are described in schemas/nodes/<name>.yaml."""

    name: str
    compile: Callable[[Node, Compiler], Step]
    expect: Callable[[ProjectFile], Expect] | None = None


REGISTRY: dict[str, NodeType] = {}


def node_type(
    name: str, expect: Callable[[ProjectFile], Expect] | None = None
) -> Callable[[Callable[[Node, Compiler], Step]], Any]:
    """Register a function that compiles nodes of this type."""

    def register(
        compile_node: Callable[[Node, Compiler], Step],
    ) -> Callable[[Node, Compiler], Step]:
        REGISTRY[name] = NodeType(name, compile_node, expect)
        return compile_node

    return register
