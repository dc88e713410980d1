"""code: a block of sandboxed Python with declared inputs and outputs."""

from __future__ import annotations

from engine import aside
from engine.catalogue import output
from engine.errors import RunError
from engine.model import Node, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.nodes.outputs import check_outputs
from engine.sandbox import Block, CodeFailed


@node_type("code")
def code(node: Node, compiler: Compiler) -> Step:
    """Output: the dict the block returns, when it fits what `outputs` declares."""
    inputs = compiler.value(node, "inputs") if node.keys.get("inputs") else None
    declared = {name: output(name, written) for name, written in node.keys["outputs"].items()}
    place = compiler.place(node, "code")
    try:
        block = Block(node.keys["code"], tuple(node.keys.get("inputs") or ()))
    except CodeFailed as error:
        raise RunError(
            f"line {error.line} of the code: {error}", node=node.id, place=place
        ) from None

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values) if inputs else {}
        try:
            result = aside.result(block, given)
        except CodeFailed as error:
            where = f"line {error.line} of the code: " if error.line else "the code: "
            spot = place.within(node.keys["code"], _offset(node.keys["code"], error.line))
            raise RunError(f"{where}{error}", place=spot) from error
        return check_outputs(declared, result, "the code")

    return step


def _offset(code: str, line: int) -> int:
    """Where a line of the code begins, behind its indentation; 0 for a line that is not known."""
    lines = code.split("\n")
    if not 0 < line <= len(lines):
        return 0
    found = lines[line - 1]
    return sum(len(one) + 1 for one in lines[: line - 1]) + len(found) - len(found.lstrip())
