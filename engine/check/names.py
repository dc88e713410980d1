"""The names every flow can read before its first node has run, and what they hold."""

from __future__ import annotations

from engine.catalogue import output
from engine.check.types import ANY, NULL, TEXT, TIMESTAMP, Type, literal, of_output, plain
from engine.check.view import View
from engine.model import Flow

RUN = Type("dict", fields={"flow": TEXT, "digest": TEXT})
TICK = Type("dict", fields={**(RUN.fields or {}), "due": TIMESTAMP, "previous": TIMESTAMP})
"""`run` where a schedule starts the flow."""
CALLER = Type("dict", fields={"id": TEXT, "role": TEXT})
ABSENT_WHY = {
    "caller": "Stripe's events have no caller",
    "input": "this flow is not called with inputs",
    "error": "no call has failed",
}
ABSENT_MEND = {
    "caller": "Read who it concerns from a row: find it with table.find, above.",
    "input": "Read the event or a locked node's outputs, or make it `trigger: {manual: {…}}`.",
    "error": "Read it in the nodes that follow a failed call only.",
}
TICK_WHY = {
    "event": "a schedule starts this flow, and no event",
    "caller": "a schedule starts this flow, and nobody calls it",
}
TICK_MEND = {
    "event": "Read what there is to do from rows (table.find with `many`); `run.due` is the moment "
    "the flow was due.",
    "input": "Read what there is to do from rows, or make it `trigger: {manual: {…}}`.",
}


def first_names(flow: Flow, view: View) -> dict[str, Type]:
    """The reserved names, as a run of this flow begins with them."""
    by_stripe, by_schedule = "stripe" in flow.trigger, "schedule" in flow.trigger
    config = ANY
    if view.project is not None:
        values = view.project.config.items()
        config = Type("dict", fields={name: plain(literal(value)) for name, value in values})
    given = {name: of_output(output(name, one), view.order) for name, one in flow.inputs.items()}
    inputs = NULL if by_stripe or by_schedule else Type("dict", fields=given)
    return {
        "event": NULL if by_schedule else ANY,
        "config": config,
        "run": TICK if by_schedule else RUN,
        "now": TIMESTAMP,
        "caller": NULL if by_stripe or by_schedule else CALLER,
        "input": inputs,
        "error": NULL,
    }


def absent(name: str, flow: Flow) -> tuple[str, str]:
    """Why a reserved name is null in a flow, and the mend; empty where it is not."""
    why, mend = ABSENT_WHY, ABSENT_MEND
    if "schedule" in flow.trigger:
        why, mend = {**why, **TICK_WHY}, {**mend, **TICK_MEND}
    return why.get(name, ""), mend.get(name, "")
