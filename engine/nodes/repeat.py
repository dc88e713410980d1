"""for_each: a block once for every item of a list, never without bound."""

from __future__ import annotations

from engine.errors import RunError
from engine.model import Node, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.shape import kind, shown

MOST_ITEMS = 1000


@node_type("for_each")
def for_each(node: Node, compiler: Compiler) -> Step:
    """Output: `count`, and `results` (one value an item) where `collect` asks for them."""
    items = compiler.value(node, "in")
    block = compiler.block(node.do)
    collect = compiler.value(node, "collect") if "collect" in node.keys else None
    name = node.keys["as"]
    most = node.keys.get("limit", MOST_ITEMS)

    def step(frame: Frame) -> Value:
        frame.inputs = listed = items(frame.values)
        if not isinstance(listed, list):
            raise RunError(f"`in` gave {shown(listed)} ({kind(listed)}); expected a list.")
        if len(listed) > most:
            raise RunError(
                f"the list has {len(listed)} items, the limit is {most}. Raise `limit`, or take "
                "fewer."
            )
        results = []
        for item in listed:
            frame.values[name] = item
            block(frame)
            if collect:
                results.append(collect(frame.values))
        frame.values.pop(name, None)
        return {"count": len(listed), "results": results if collect else None}

    return step
