"""Which flow answers which event or action: none twice, none unknown, no callback unanswered."""

from __future__ import annotations

from collections.abc import Iterator

from engine.check import event_types
from engine.check.lost import callback_type
from engine.check.near import did_you_mean
from engine.check.registry import code, flow_rule, project_rule
from engine.check.view import View, trigger_name
from engine.errors import Place, Problem
from engine.model import STRIPE_TRIGGERS, Flow
from engine.stripe.routing import EVENTS

UNKNOWN = code(
    "event.unknown",
    "An event Stripe does not send",
    "A flow for an event with a wrong name never runs, and nobody notices.",
)
TWICE = code(
    "event.twice",
    "An event that two flows handle",
    "One event starts one flow, in one transaction. To share work, move it into a flow with a "
    "manual trigger that both call.",
)
ACTION_TWICE = code(
    "action.twice",
    "A user action that two flows answer",
    "POST /actions/pay runs one flow; the other one would never run.",
)
ACTION_INPUT = code(
    "action.input",
    "`input` in a flow that takes none",
    "Only the flow of a user action has `input`. A flow that is called declares its inputs in its "
    "trigger, and one that Stripe starts has none.",
)
UNHANDLED = code(
    "event.unhandled",
    "A callback that no flow handles",
    "Stripe's news of this kind would be answered and dropped: no row changes.",
    severity="warning",
)


@flow_rule
def known_events(flow: Flow, view: View) -> Iterator[Problem]:
    """Every listed event type is one that Stripe sends, and is listed once."""
    written = flow.trigger.get("stripe")
    if not isinstance(written, list):
        return
    for index, name in enumerate(written):
        place = flow.place(("trigger", "stripe", index))
        if not event_types.known(name):
            near = did_you_mean(name, sorted(event_types.CURRENT))
            yield UNKNOWN(
                place,
                f"Stripe sends no event '{name}'.{near}",
                "Event types are listed at https://docs.stripe.com/api/events/types.",
            )
        elif name in written[:index]:
            yield TWICE(place, f"'{name}' is in this list already.", "Remove one of them.")


@project_rule
def one_flow_each(view: View) -> Iterator[Problem]:
    """No event type, and no callback, starts two flows."""
    taken: dict[str, tuple[Flow, Place]] = {}
    callbacks = sorted(view.flows.values(), key=lambda flow: trigger_name(flow) == "stripe")
    for flow in callbacks:
        for name, place in _handled(flow):
            if name not in taken:
                taken[name] = (flow, place)
                continue
            other, where = taken[name]
            if other is flow:
                continue
            what = f"event '{name}'" if "." in name else f"callback `stripe: {name}`"
            yield TWICE(
                place,
                f"the {what} is handled by the flow '{other.name}' already.",
                f"Handle it in one of the two flows; '{flow.name}' can be called by the other when "
                "its trigger is manual.",
                ((where, f"the trigger of '{other.name}'"),),
            )
            if trigger_name(flow) != "stripe":
                break  # the callback as such is said; not each of its events, too


def _handled(flow: Flow) -> Iterator[tuple[str, Place]]:
    written = flow.trigger.get("stripe")
    place = flow.place(("trigger", "stripe"))
    if isinstance(written, str):
        yield written, place
        for name in EVENTS[written]:  # type: ignore[index]
            if not name.startswith("checkout."):
                yield name, place
    elif isinstance(written, list):
        for index, name in enumerate(written):
            yield name, flow.place(("trigger", "stripe", index))


@project_rule
def every_callback(view: View) -> Iterator[Problem]:
    """Each of the four callbacks has its flow, if only by its first node."""
    if view.broken or view.project is None:
        return  # the flow may be the one that cannot be read
    handled = {trigger_name(flow) for flow in view.flows.values()}
    # A flow that begins as a callback's has another trigger by mistake, which is said there.
    begun = {flow.nodes[0].type for flow in view.flows.values() if flow.nodes}
    for name in STRIPE_TRIGGERS:
        if name not in handled and callback_type(name) not in begun:
            yield UNHANDLED(
                Place(view.project.file),
                f"no flow has the trigger `stripe: {name}`.",
                f"Add one, such as flows/{name}_callback.yaml; `actionflow init` makes all four.",
            )


@project_rule
def one_flow_an_action(view: View) -> Iterator[Problem]:
    """No user action is answered by two flows."""
    taken: dict[str, Flow] = {}
    for flow in view.flows.values():
        action = flow.trigger.get("action")
        if not isinstance(action, str):
            continue
        if action in taken:
            yield ACTION_TWICE(
                flow.place(("trigger", "action")),
                f"the action '{action}' is answered by the flow '{taken[action].name}' already.",
                "Remove one of the two, or give it a manual trigger and call it.",
                ((taken[action].place(("trigger", "action")), f"'{taken[action].name}'"),),
            )
        taken.setdefault(action, flow)


@flow_rule
def input_of_actions(flow: Flow, view: View) -> Iterator[Problem]:
    """`input` stands in the flows of user actions only."""
    if "action" not in flow.trigger and ("input",) in flow.places:
        mend = "Remove it."
        if "manual" in flow.trigger:
            mend = "Write the inputs into the trigger: trigger: {manual: {name: type}}."
        elif "schedule" in flow.trigger:
            mend = "Remove it: nobody gives a scheduled flow anything; it reads rows."
        yield ACTION_INPUT(
            view.key_place(flow, ("input",)),
            f"`input` has no effect in a flow started by `{next(iter(flow.trigger))}`.",
            mend,
        )
