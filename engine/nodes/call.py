"""flow: another flow of the project, run in the same transaction with typed inputs and outputs."""

from __future__ import annotations

from engine.model import Node, Value
from engine.nodes.base import Compiler, Frame, Step, node_type


@node_type("flow")
def call(node: Node, compiler: Compiler) -> Step:
    """Output: what the called flow `returns`."""
    inputs = compiler.value(node, "inputs") if node.keys.get("inputs") else None
    called = compiler.called(node.keys["flow"])

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values) if inputs else {}
        return called(frame, given)

    return step
