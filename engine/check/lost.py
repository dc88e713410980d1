"""Locked nodes that a flow reads from but does not have, or has in the wrong place.

The rules of engine.check.locked say so once for each; what reads from them is taken to be right.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from engine.catalogue import NodeSpec
from engine.check.scope import definitions
from engine.check.types import Type, of_output
from engine.check.view import View, every_node, is_callback, trigger_name
from engine.errors import Place
from engine.model import RESERVED_NAMES, Flow, Table, Value

PROCESS = "stripe.process_recurring_payment"
_READ = re.compile(r"(?<![\w.])([a-z]\w*)\.([A-Za-z]\w*)")


def callback_type(trigger: str) -> str:
    """The locked node a callback's flow begins with."""
    return f"stripe.{trigger}_callback"


def gives(spec: NodeSpec, order: Table | None) -> Type:
    """What a node with named outputs gives."""
    assert not isinstance(spec.outputs, str), f"{spec.type} has no named outputs"
    return Type("dict", fields={name: of_output(one, order) for name, one in spec.outputs.items()})


def granted(flow: Flow, view: View) -> dict[str, Type]:
    """The outputs of such nodes by the names they are read under, as if each were where it belongs."""
    found = lost(flow, view)
    for kind in needed(flow):
        for node in every_node(flow.nodes):
            right = node in flow.nodes if kind == PROCESS else node == flow.nodes[0]
            if node.type == kind and not right:
                found[node.id] = view.catalogue[kind]
    return {name: gives(spec, view.order) for name, spec in found.items()}


def needed(flow: Flow) -> list[str]:
    """The locked nodes that a callback has to have."""
    if not is_callback(flow):
        return []
    trigger = trigger_name(flow)
    return [callback_type(trigger), *([PROCESS] if trigger == "recurring_charge" else [])]


def lost(flow: Flow, view: View) -> dict[str, NodeSpec]:
    """The locked nodes that are missing, by the id under which the flow reads them."""
    there = {node.type for node in every_node(flow.nodes)}
    defined = definitions(flow)
    reads = _reads(flow, {*defined, *RESERVED_NAMES})
    found: dict[str, NodeSpec] = {}
    first = needed(flow)
    kinds = [*first, *(kind for kind in view.catalogue if kind not in first)]
    for spec in (view.catalogue[kind] for kind in kinds if kind in view.catalogue):
        if not spec.locked or spec.type in there or trigger_name(flow) not in spec.only_in:
            continue
        usual = str(spec.example["id"])
        name = _read_as(spec, reads)
        if spec.type in first:
            found[name or (usual if usual not in defined else f"stripe_{usual}")] = spec
        elif name == usual and reads[name] <= set(spec.outputs) and _meant(spec, flow, defined):
            found[name] = spec
        else:
            continue
        reads.pop(name or "", None)
    return found


def _meant(spec: NodeSpec, flow: Flow, defined: Collection[str]) -> bool:
    """Whether a flow that does not need this node has what it works on."""
    sources = {one.strip("{} ").partition(".")[0] for one in spec.inputs.values()}
    events: Value = flow.trigger.get("stripe")
    return (
        sources <= set(defined)
        if sources
        else isinstance(events, list) and any(one.startswith("charge.dispute.") for one in events)
    )


def _reads(flow: Flow, known: set[str]) -> dict[str, set[str]]:
    """Names that nothing defines, each with what is read of it."""
    found: dict[str, set[str]] = {}
    for read in _READ.finditer(flow.source):
        if read[1] not in known:
            found.setdefault(read[1], set()).add(read[2])
    return found


def _read_as(spec: NodeSpec, reads: dict[str, set[str]]) -> str | None:
    """The name of which most of this node's outputs are read."""
    usual = spec.example["id"]
    outputs = set(spec.outputs)
    some = {name: len(read & outputs) for name, read in reads.items() if read & outputs}
    return max(some, key=lambda name: (some[name], name == usual), default=None)


def first_read(flow: Flow, name: str) -> Place:
    """Where a flow first reads from a name."""
    for read in _READ.finditer(flow.source):
        if read[1] == name:
            before = flow.source[: read.start()]
            line_start = before.rfind("\n") + 1
            return Place(flow.file, before.count("\n") + 1, read.start() - line_start + 1)
    return Place(flow.file)
