"""flow: calls of other flows, their inputs and what they return; and flows that call themselves."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalogue import output
from engine.check.codes import FLOAT, VALUE
from engine.check.fits import misfit
from engine.check.names import TICK_WHY
from engine.check.near import did_you_mean
from engine.check.reads import read_by
from engine.check.registry import code, node_rule, project_rule
from engine.check.types import ANY, Type, of_output
from engine.check.view import View, every_node
from engine.check.walk import Here
from engine.errors import Problem
from engine.model import Flow, Node

UNKNOWN = code(
    "call.unknown",
    "A call of a flow that is not there",
    "`flow` names another flow of the project: the name at the top of its file.",
)
NOT_MANUAL = code(
    "call.trigger",
    "A call of a flow that Stripe's events start",
    "A flow can be called when its trigger is `manual`; others expect what starts them.",
)
INPUTS = code(
    "call.inputs",
    "A call that does not give the inputs the flow declares",
    "The called flow reads just the inputs its trigger declares, all of them.",
)
NOBODY = code(
    "call.nobody",
    "A call of a flow that reads what is not there",
    "A scheduled flow has no event and no caller, so the flows it calls have none either; the run "
    "would end where one is read.",
)
RECURSION = code(
    "call.recursion",
    "A flow that calls itself",
    "A flow that calls itself, straight or by way of others, would never end.",
)


@node_rule("flow")
def call(node: Node, here: Here) -> Type:
    """Output: what the called flow returns."""
    name = node.keys["flow"]
    given = node.keys.get("inputs") or {}
    types = {key: here.value(one, here.at(node, "inputs", key)) for key, one in given.items()}
    flows = here.view.flows
    target = flows.get(name)
    if target is None:
        if name not in here.view.broken:
            here.say(
                UNKNOWN,
                here.at(node, "flow"),
                f"there is no flow '{name}'.{did_you_mean(name, list(flows))}",
                f"Flows that can be called: {', '.join(_manual(here.view)) or 'none yet'}.",
            )
        return ANY
    if "manual" not in target.trigger:
        here.say(
            NOT_MANUAL,
            here.at(node, "flow"),
            f"'{name}' is started by {_starts(target)}, and is called here.",
            "Move what both need into a flow with `trigger: {manual: {…}}`, and call that.",
            ((target.place(("trigger",)), f"the trigger of '{name}'"),),
        )
        return ANY
    _inputs(node, here, target, types)
    if "schedule" in here.flow.trigger:
        _nobody(node, here, target)
    return here.view.returned(name)


def _starts(flow: Flow) -> str:
    """What starts a flow that is not called, in words."""
    words = {"action": "a user action", "schedule": "its schedule"}
    return words.get(next(iter(flow.trigger), ""), "Stripe's events")


def _nobody(node: Node, here: Here, target: Flow) -> None:
    """What a scheduled flow calls reads no event and no caller, nor does what that calls."""
    flows, waiting, seen = here.view.flows, [target], set()
    while waiting:
        flow = waiting.pop()
        if flow.name in seen:
            continue
        seen.add(flow.name)
        for name in sorted({path[0] for path in read_by(flow, here.view) or ()} & set(TICK_WHY)):
            here.say(
                NOBODY,
                here.at(node, "flow"),
                f"'{flow.name}' reads `{name}`, but {TICK_WHY[str(name)]}.",
                "Have it take what it needs as an input of its manual trigger.",
                ((flow.place(("trigger",)), f"the trigger of '{flow.name}'"),),
            )
        called = [one.keys["flow"] for one in every_node(flow.nodes) if one.type == "flow"]
        waiting += [flows[name] for name in called if name in flows]


def _manual(view: View) -> list[str]:
    return sorted(name for name, flow in view.flows.items() if "manual" in flow.trigger)


def _inputs(node: Node, here: Here, target: Flow, given: dict[str, Type]) -> None:
    declared = {n: of_output(output(n, w), here.view.order) for n, w in target.inputs.items()}
    related = ((target.place(("trigger", "manual")), f"the inputs of '{target.name}'"),)
    known = ", ".join(declared) or "none"
    missing = [name for name in declared if name not in given]
    extra = [name for name in given if name not in declared]
    for name in extra:
        here.say(
            INPUTS,
            here.at(node, "inputs", name),
            f"'{target.name}' has no input '{name}'.{did_you_mean(name, missing)}",
            f"Its inputs are: {known}.",
            related,
            key=True,
        )
    if len(missing) > len(extra):  # else the missing ones are those with another name
        here.say(
            INPUTS,
            here.at(node, "inputs") if given else here.at(node, "flow"),
            f"the call of '{target.name}' does not give {', '.join(map(repr, missing))}.",
            f"Its inputs are: {known}. Give each a value, null where it may be empty.",
            related,
            key=bool(given),
        )
    for name, found in given.items():
        if name not in declared:
            continue
        path = here.at(node, "inputs", name)
        wrong = misfit(found, declared[name], f"input '{name}' of '{target.name}'")
        if wrong is not None:
            here.say(wrong.code, path, wrong.message, wrong.mend, related)


@project_rule
def recursion(view: View) -> Iterator[Problem]:
    """Each circle of calls once, at the call that closes it."""
    calls = {
        name: [node for node in every_node(flow.nodes) if node.type == "flow"]
        for name, flow in view.flows.items()
    }
    done: set[str] = set()

    def follow(name: str, way: tuple[str, ...]) -> Iterator[Problem]:
        for node in calls[name]:
            target = node.keys["flow"]
            if target in (*way, name):
                circle = (*way, name)[(*way, name).index(target) :]
                yield RECURSION(
                    view.flows[name].place((*node.path, "flow")),
                    f"'{name}' calls '{target}', which never ends: "
                    f"{' -> '.join((*circle, target))}.",
                    "Take one of these calls out; to repeat something use for_each.",
                )
            elif target in calls and target not in done:
                yield from follow(target, (*way, name))
        done.add(name)

    for name in sorted(calls):
        if name not in done:
            yield from follow(name, ())


def check_returns(flow: Flow, here: Here) -> Type:
    """What a flow returns, read in the scope at its end."""
    fields = {name: here.value(one, ("returns", name)) for name, one in flow.returns.items()}
    for name, found in fields.items():
        if found.kind == "float":
            here.say(
                FLOAT,
                ("returns", name),
                f"'{name}' is {found.literal}, a number with a fraction.",
                "Return an integer of minor units.",
            )
        elif found.kind == "none":
            here.say(
                VALUE,
                ("returns", name),
                f"'{name}' is the output of a node that gives none.",
                "Return a value.",
            )
    return Type("dict", fields=fields)
