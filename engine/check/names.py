"""The names every flow can read before its first node has run, and what they hold."""

from __future__ import annotations

from engine.catalogue import output
from engine.check.types import ANY, NULL, TEXT, TIMESTAMP, Type, literal, of_output, plain
from engine.check.view import View
from engine.model import Flow

RUN = Type("dict", fields={"flow": TEXT, "digest": TEXT})
CALLER = Type("dict", fields={"id": TEXT, "role": TEXT})


TICK = Type("dict", fields={**(RUN.fields or {}), "due": TIMESTAMP, "previous": TIMESTAMP})
"""`run` where a schedule starts the flow."""


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
