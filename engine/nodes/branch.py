"""branch: the first case whose condition holds, else the else case; then the flow goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.model import Node, Value
from engine.nodes.base import Compiler, Condition, Frame, Step, node_type

Gives = Callable[[Mapping[str, Value]], Value]
Block = Callable[[Frame], None]


@node_type("branch")
def branch(node: Node, compiler: Compiler) -> Step:
    """Output: what the case taken `gives`."""
    tests: list[tuple[str, Gives, Condition, Block, Gives | None]] = []
    otherwise: tuple[str, Block, Gives | None] | None = None
    for index, case in enumerate(node.cases):
        block = compiler.block(case.do)
        gives = compiler.value(node, "cases", index, "gives") if case.gives else None
        if case.is_else:
            otherwise = (case.name, block, gives)
        else:
            condition = compiler.condition(node, "cases", index, "when")
            tests.append((case.name, condition.test, condition, block, gives))
    assert otherwise is not None, "the loader lets no branch through without an else case"
    else_name, else_block, else_gives = otherwise

    def step(frame: Frame) -> Value:
        values = frame.values
        for name, holds, condition, block, gives in tests:
            taken = holds(values)
            if frame.explain:
                saw = condition.explain(values)
                frame.notes.append({"tried": name, "held": taken, "saw": saw})
            if taken:
                frame.notes.append({"case": name})
                block(frame)
                return gives(values) if gives else {}
        frame.notes.append({"case": else_name})
        else_block(frame)
        return else_gives(values) if else_gives else {}

    return step
