"""set, log, stop, fail: the small nodes."""

from __future__ import annotations

from engine.errors import RunError
from engine.model import Node, Value
from engine.nodes.base import Compiler, Frame, Step, StopRun, node_type


@node_type("set")
def set_values(node: Node, compiler: Compiler) -> Step:
    """Output: the named values."""
    values = compiler.value(node, "values")

    def step(frame: Frame) -> Value:
        return values(frame.values)

    return step


@node_type("log")
def log(node: Node, compiler: Compiler) -> Step:
    """No output; the line goes to the trace and the server's log."""
    message = compiler.value(node, "message")

    def step(frame: Frame) -> Value:
        line = message(frame.values)
        line = line if isinstance(line, str) else str(line)
        frame.inputs = line
        frame.log.append(line)

    return step


@node_type("stop")
def stop(node: Node, compiler: Compiler) -> Step:
    """Ends the run well: what was done is kept."""
    reason = compiler.value(node, "reason") if "reason" in node.keys else None

    def step(frame: Frame) -> Value:
        frame.inputs = why = reason(frame.values) if reason else "the flow stops here"
        raise StopRun(str(why))

    return step


class FlowFailed(RunError):
    """A `fail` node ended the run on purpose."""


@node_type("fail")
def fail(node: Node, compiler: Compiler) -> Step:
    """Ends the run badly: what was done is undone, and Stripe sends the event again."""
    reason = compiler.value(node, "reason")

    def step(frame: Frame) -> Value:
        frame.inputs = why = reason(frame.values)
        raise FlowFailed(str(why))

    return step
