"""What the expressions of a flow read, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.check.view import View, every_node
from engine.errors import Place
from engine.expressions import ExpressionProblem, has_expression, parse
from engine.model import Flow, Path, Value


def read_by(flow: Flow, view: View) -> set[Path] | None:
    """What a flow reads: names, and names with the key read of them. None when it cannot be told."""
    found: set[Path] = set()
    try:
        for text in _texts(flow, view):
            for one in parse(text, Place(flow.file)).references:
                # A key that is computed reads any of them.
                path = one.path[:2]
                found.add(path if all(isinstance(part, str) for part in path) else path[:1])
    except ExpressionProblem:
        return None
    return found


def _texts(flow: Flow, view: View) -> Iterator[str]:
    """Every text with an expression; of locked nodes the fixed ones they read."""
    written: list[Value] = [flow.returns]
    for node in every_node(flow.nodes):
        written += [node.keys, list(view.catalogue[node.type].inputs.values())]
    while written:
        one = written.pop()
        if isinstance(one, str) and has_expression(one):
            yield one
        elif isinstance(one, dict):
            written += one.values()
        elif isinstance(one, list):
            written += one
