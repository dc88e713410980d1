"""Which names a place in a flow can see, what is known of them, and why others are not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from engine.check.types import Type, join
from engine.errors import Place
from engine.model import Flow, Node, Path

Facts = dict[Path, Type]
"""What conditions have shown: the narrowed type of a path such as ("callback", "orderId")."""


@dataclass(slots=True)
class Scope:
    """The names visible at one spot, with their types; `facts` narrows them further."""

    names: dict[str, Type]
    facts: Facts = field(default_factory=dict)
    stopped: bool = False
    """Nothing below this spot is reached."""

    def inner(self, facts: Facts | None = None) -> Scope:
        """The scope of a block inside: what it defines is not seen outside."""
        return Scope(dict(self.names), dict(self.facts if facts is None else facts))

    def rejoin(self, blocks: Iterable[Scope]) -> None:
        """Go on below blocks of which one ran: what all of them know holds here too."""
        ended = [block for block in blocks if not block.stopped]
        if not ended:
            self.stopped = True
            return
        self.facts = merge([block.facts for block in ended])


def merge(ways: list[Facts]) -> Facts:
    """What holds whichever of the ways was taken."""
    shared = set(ways[0]).intersection(*ways[1:])
    return {path: join(*(way[path] for way in ways)) for path in shared}


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a flow defines a name: a node's id, or the `as` of a for_each."""

    name: str
    place: Place
    path: Path
    """Of the node that defines it."""
    block: Path
    """Of the list of nodes in which it is visible."""
    inside: str
    """The block in words, for a name that is not visible outside."""


def definitions(flow: Flow) -> dict[str, Definition]:
    """Every name the nodes of a flow define."""
    return {one.name: one for one in _definitions(flow, flow.nodes, ("nodes",), "the flow")}


def _definitions(
    flow: Flow, nodes: tuple[Node, ...], block: Path, inside: str
) -> Iterator[Definition]:
    for node in nodes:
        yield Definition(node.id, flow.place((*node.path, "id")), node.path, block, inside)
        for case in node.cases:
            where = f"case '{case.name}' of '{node.id}'"
            yield from _definitions(flow, case.do, (*case.path, "do"), where)
        if node.do:
            within = f"the for_each '{node.id}'"
            block_inside = (*node.path, "do")
            name = node.keys.get("as")
            if isinstance(name, str):
                place = flow.place((*node.path, "as"))
                yield Definition(name, place, node.path, block_inside, within)
            yield from _definitions(flow, node.do, block_inside, within)
        within = f"give_up of '{node.id}'"
        yield from _definitions(flow, node.give_up, (*node.path, "give_up"), within)


Hidden = Literal["later", "inside"]


def why_hidden(definition: Definition, here: Path) -> Hidden:
    """Why a name is not seen at `here`: its node comes later, or is inside of a block."""
    return "later" if here[: len(definition.block)] == definition.block else "inside"
