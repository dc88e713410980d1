"""The interpreter: a flow compiled once into closures, then run for each event."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import engine.nodes
from engine.catalogue import output
from engine.errors import Place, RunError
from engine.expressions import Expression, compile_value, condition
from engine.model import Flow, Node, ProjectFile, Value
from engine.nodes.base import REGISTRY, Expect, Frame, NotOurs, StopRun
from engine.nodes.outputs import check_outputs
from engine.store.base import Transaction
from engine.tick import PREFIX, cron_of, started_by_tick
from engine.trace import Entry, traced

Outcome = Literal["done", "stopped"]


def load_node_types() -> None:
    """Import every module of engine/nodes, so that all node types are registered."""
    for module in pkgutil.iter_modules(engine.nodes.__path__):
        importlib.import_module(f"engine.nodes.{module.name}")


@dataclass(frozen=True, slots=True)
class CompiledFlow:
    """A flow ready to run. It never changes: a run ends on the version it began with."""

    flow: Flow
    project: ProjectFile
    block: Callable[[Frame], None]
    returns: Callable[[Mapping[str, Value]], Value]
    expects: tuple[Expect, ...] = ()
    """What tells a transaction of what runs for a batch of events will ask it for."""

    def frame(
        self,
        tx: Transaction,
        *,
        event: Value,
        now: str,
        caller: Value = None,
        inputs: Value = None,
        trace: list[Entry] | None = None,
        origin: str | None = None,
    ) -> Frame:
        """The state a run begins with; `now` is text `YYYY-MM-DDTHH:MM:SSZ`, UTC.

        `origin` is needed where no event starts the run (see Frame).
        """
        values = {
            "event": event,
            "config": self.project.config,
            "run": {"flow": self.flow.name, "digest": self.flow.digest},
            "now": now,
            "caller": caller,
            "input": inputs,
            "error": None,
        }
        origin = origin or (event["id"] if event else "")
        return Frame(values, tx, self.project, now, origin, trace)

    def run(self, frame: Frame) -> Outcome:
        """Run all nodes. Raises RunError, NotYet, NotOurs, StoreBusy: then undo what was written."""
        try:
            self.block(frame)
        except StopRun:
            return "stopped"
        return "done"


@dataclass(frozen=True, slots=True)
class Condition:
    """A branch condition; `explain` shows what it looked at."""

    expression: Expression

    @property
    def test(self) -> Callable[[Mapping[str, Value]], Value]:
        """True or False for these values."""
        return self.expression.evaluate

    def explain(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The names the condition reads and their values just now."""
        seen = {}
        for reference in self.expression.references:
            found: Value = values
            for part in reference.path:
                try:
                    found = found[part]
                except (KeyError, IndexError, TypeError):
                    found = None
            seen[".".join(str(part) for part in reference.path)] = found
        return seen


class FlowCompiler:
    """Compiles one flow of a project; what node types may ask is `engine.nodes.base.Compiler`."""

    def __init__(
        self,
        flow: Flow,
        project: ProjectFile,
        flows: Mapping[str, Flow],
        calling: tuple[str, ...] = (),
    ) -> None:
        load_node_types()
        self.flow = flow
        self.project = project
        self.flows = flows
        self.calling = (*calling, flow.name)

    def compile(self) -> CompiledFlow:
        """The flow as closures. Raises ProblemsFound or RunError for what cannot be compiled."""
        block = self.block(self.flow.nodes)
        if cron_of(self.flow):
            block = _scheduled(block)
        returns = compile_value(
            dict(self.flow.returns), lambda path: self.flow.place(("returns", *path))
        )
        types = [REGISTRY[node.type] for node in self.flow.nodes]
        expects = tuple(kind.expect(self.project) for kind in types if kind.expect)
        return CompiledFlow(self.flow, self.project, block, returns, expects)

    def place(self, node: Node, *keys: str | int) -> Place:
        return self.flow.place((*node.path, *keys))

    def value(self, node: Node, *keys: str | int) -> Callable[[Mapping[str, Value]], Value]:
        return compile_value(self._at(node, keys), lambda path: self.place(node, *keys, *path))

    def condition(self, node: Node, *keys: str | int) -> Condition:
        return Condition(condition(self._at(node, keys), self.place(node, *keys)))

    def block(self, nodes: tuple[Node, ...]) -> Callable[[Frame], None]:
        steps = tuple(traced(node, REGISTRY[node.type].compile(node, self)) for node in nodes)

        if len(steps) == 1:
            return steps[0]

        def run_block(frame: Frame) -> None:
            for step in steps:
                step(frame)

        return run_block

    def called(self, name: str) -> Callable[[Frame, dict[str, Value]], Value]:
        if name in self.calling or name not in self.flows:
            why = "calls itself" if name in self.calling else "is not a flow of this project"
            raise RunError(f"'{name}' {why} ({' -> '.join((*self.calling, name))}).")
        target = FlowCompiler(self.flows[name], self.project, self.flows, self.calling).compile()
        declared = {n: output(n, written) for n, written in target.flow.inputs.items()}

        def call(frame: Frame, given: dict[str, Value]) -> Value:
            inputs = check_outputs(declared, given, f"the call of '{name}'") if declared else {}
            outer = frame.values
            shared = ("event", "config", "run", "now", "caller", "error")
            frame.values = {key: outer[key] for key in shared} | {"input": inputs}
            try:
                target.block(frame)
                return target.returns(frame.values)
            finally:
                frame.values = outer

        return call

    def _at(self, node: Node, keys: tuple[str | int, ...]) -> Value:
        value: Value = node.keys
        for key in keys:
            value = value[key]
        return value


def _scheduled(block: Callable[[Frame], None]) -> Callable[[Frame], None]:
    """The nodes of a scheduled flow, after what its run may see is put right."""

    def run_scheduled(frame: Frame) -> None:
        if not frame.origin.startswith(PREFIX):
            raise NotOurs("a schedule starts this flow, and no event that is delivered.")
        started_by_tick(frame.values)
        block(frame)

    return run_scheduled


def compile_flows(project: ProjectFile, flows: Mapping[str, Flow]) -> dict[str, CompiledFlow]:
    """Every flow of a project, compiled."""
    return {name: FlowCompiler(flow, project, flows).compile() for name, flow in flows.items()}
