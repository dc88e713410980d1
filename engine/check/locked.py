"""Locked nodes: the right one first in each callback, none moved, and what they read is there."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalogue import NodeSpec
from engine.check.fits import misfit
from engine.check.lost import PROCESS, callback_type, first_read, gives, lost, needed
from engine.check.registry import OTHERS, code, flow_rule, node_rule
from engine.check.types import ANY, NO_OUTPUT, Type, of_output
from engine.check.view import View, every_node, is_callback, misnamed, trigger_name
from engine.check.walk import Here, typed
from engine.errors import Problem
from engine.expressions import parse
from engine.model import STRIPE_TRIGGERS, Flow, Node

MISSING = code(
    "locked.missing",
    "A flow without its locked node",
    "The locked node of a callback reads Stripe's event and keeps the system tables right, those of "
    "actions ask Stripe. Without it the flow would act on nothing, and payments would stay as they "
    "were.",
)
MOVED = code(
    "locked.moved",
    "A locked node that is not where it belongs",
    "A callback begins with its locked node, at the top level: everything below it acts on what it "
    "found out. stripe.process_recurring_payment stands at the top level too, so that no charge is "
    "left without its payment.",
)
TWICE = code(
    "locked.twice",
    "A locked node that is there twice",
    "The second one would handle the same event again, and find that it was processed already.",
)
WRONG_FLOW = code(
    "locked.flow",
    "A node in a flow it does not belong to",
    "Some nodes work in certain flows only: each callback has a locked node of its own.",
)
INPUT = code(
    "locked.input",
    "A locked node without what it reads",
    "What a locked node works on is decided by a node of yours above it, under a fixed id: "
    "stripe.process_recurring_payment reads `create_order`, stripe.pay reads `to_pay`. That node "
    "is yours to change, but it has to give all that is read from it.",
)
LOOPED = code(
    "locked.loop",
    "A call to Stripe in a loop",
    "A user action that was interrupted goes on from its journal, which knows each call by its "
    "node. In a for_each it could not tell the second call from the first one made again.",
)


@flow_rule
def first_node(flow: Flow, view: View) -> Iterator[Problem]:
    """A callback begins with its locked node."""
    if not is_callback(flow):
        return
    wanted = callback_type(trigger_name(flow))
    if wanted not in view.catalogue:
        return
    if flow.nodes and flow.nodes[0].type == wanted:
        return
    there = [node for node in every_node(flow.nodes) if node.type == wanted]
    first = view.catalogue[flow.nodes[0].type] if flow.nodes else None
    if first is not None and first.locked and not there and not _fits(first, flow):
        return  # another callback's locked node: `belongs` says so
    if there:
        yield MOVED(
            there[0].place,
            f"'{there[0].id}' ({wanted}) is not the first node of the flow.",
            "Move it to the top of `nodes`; what stands above it cannot know what the event says.",
        )
        return
    yield MISSING(
        flow.place(("nodes", 0)),
        f"the flow is started by `stripe: {trigger_name(flow)}`, but does not begin with {wanted}.",
        f"Put this first: {_put_back(wanted, flow, view)}",
        ((flow.place(("trigger",)), "the trigger"),),
    )


@flow_rule
def process_recurring(flow: Flow, view: View) -> Iterator[Problem]:
    """A recurring charge ends in its payment, whichever way the flow went."""
    if trigger_name(flow) != "recurring_charge" or PROCESS not in view.catalogue:
        return
    there = [node for node in every_node(flow.nodes) if node.type == PROCESS]
    if not there:
        yield MISSING(
            flow.place(("nodes",)),
            f"the flow never records the payment: {PROCESS} is missing.",
            f"Put this below `create_order`: {_put_back(PROCESS, flow, view)}",
        )
    elif there[0] not in flow.nodes:
        yield MOVED(
            there[0].place,
            f"'{there[0].id}' ({PROCESS}) stands inside a block, so some charges would have no "
            "payment.",
            "Move it to the top level, below `create_order`.",
        )


@flow_rule
def read_but_gone(flow: Flow, view: View) -> Iterator[Problem]:
    """A locked node that no flow has to have is there where it is read."""
    first = needed(flow)
    for name, spec in lost(flow, view).items():
        if spec.type not in first:
            yield MISSING(
                first_read(flow, name),
                f"'{name}' is read here, but {spec.type}, which gives it, is not in this flow.",
                f"Put this above: {_written(name, spec.type)}",
            )


def _put_back(kind: str, flow: Flow, view: View) -> str:
    """A node that is lost as it is written, under the id that the flow reads."""
    name = next(name for name, spec in lost(flow, view).items() if spec.type == kind)
    return _written(name, kind)


def _written(name: str, kind: str) -> str:
    return f"- {{id: {name}, type: {kind}, locked: true}}"


@flow_rule
def belongs(flow: Flow, view: View) -> Iterator[Problem]:
    """Each node in a flow where it can work; locked ones once."""
    trigger = trigger_name(flow)
    seen: dict[str, Node] = {}
    for node in every_node(flow.nodes):
        spec = view.catalogue[node.type]
        if spec.locked and node.type in seen:
            yield TWICE(
                node.place,
                f"{node.type} is in this flow already.",
                "Remove one of them.",
                ((seen[node.type].place, "the first one"),),
            )
        seen.setdefault(node.type, node)
        if _fits(spec, flow) or misnamed(flow):
            continue  # what starts the flow is known when the name is mended
        mend = f"It belongs into flows started by: {', '.join(spec.only_in)}."
        if spec.locked and trigger in STRIPE_TRIGGERS:
            mend += f" The locked node of this flow is {callback_type(trigger)}."
        yield WRONG_FLOW(
            flow.place((*node.path, "type")),
            f"{node.type} cannot stand in a flow started by `{trigger}`.",
            mend,
            ((flow.place(("trigger",)), "the trigger"),),
        )


@flow_rule
def calls_once(flow: Flow, view: View) -> Iterator[Problem]:
    """No call to Stripe inside of a for_each."""
    for loop in every_node(flow.nodes):
        if loop.type != "for_each":
            continue
        for node in every_node(loop.do):
            spec = view.catalogue[node.type]
            if spec.locked and "action" in spec.only_in and _fits(spec, flow):
                yield LOOPED(
                    flow.place((*node.path, "type")),
                    f"'{node.id}' ({node.type}) stands in the for_each '{loop.id}'.",
                    "Move it out of the for_each: one action makes this call once.",
                    ((loop.place, f"'{loop.id}'"),),
                )


def _fits(spec: NodeSpec, flow: Flow) -> bool:
    return not spec.only_in or trigger_name(flow) in spec.only_in


@node_rule(OTHERS)
def other_node(node: Node, here: Here) -> Type:
    """Any type without a rule of its own: read all its values; outputs as the catalogue says."""
    spec = here.view.catalogue[node.type]
    for key, written in node.keys.items():
        here.value(written, here.at(node, key))
    _reads(node, here, spec)
    if isinstance(spec.outputs, str):
        return NO_OUTPUT if spec.outputs == "none" else ANY
    return gives(spec, here.view.order)


def _reads(node: Node, here: Here, spec: NodeSpec) -> None:
    """The fixed inputs of a locked node: they are there, and of the type it needs."""
    for name, written in spec.inputs.items():
        source = written.strip("{} ").partition(".")[0]
        related = here.defined(source)
        problems: list[Problem] = []
        expression = parse(written, node.place)
        reading = here.reading(expression)
        reading.report = problems.append
        found = typed(expression, reading, here.scope.facts)
        wanted = of_output(spec.input_types[name], here.view.order)
        if problems:
            why = problems[0].message
        elif (wrong := misfit(found, wanted, f"'{name}'")) is not None:
            why = wrong.message
        else:
            continue
        here.report(
            INPUT(
                node.place,
                f"'{node.id}' reads {written.strip('{} ')}: {why}",
                f"Have a node `{source}` above it, in the same list of nodes, that gives "
                f"{', '.join(spec.inputs)} (a `set`, a branch with `gives`, or a code block).",
                related,
            )
        )
        return
