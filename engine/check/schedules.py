"""Schedules: an expression that can be read, and that comes."""

from __future__ import annotations

from collections.abc import Iterator

from engine import cron
from engine.check.registry import code, flow_rule
from engine.check.view import View
from engine.errors import Problem
from engine.model import Flow
from engine.tick import cron_of

EXPRESSION = code(
    "schedule.expression",
    "A schedule that cannot be read",
    "A schedule is a cron expression of five fields, in UTC. One that means nothing would never "
    "start its flow.",
)
NEVER = code(
    "schedule.never",
    "A schedule that never comes",
    "No month it names has such a day, so the flow would never run.",
    severity="warning",
)


@flow_rule
def schedules(flow: Flow, view: View) -> Iterator[Problem]:
    """The schedule of a flow is one, and comes some day."""
    text = cron_of(flow)
    if text is None:
        return
    place = flow.place(("trigger", "schedule"))
    found = cron.mistake(text)
    if found is not None:
        yield EXPRESSION(place.within(text, found.at), found.message, found.mend)
    elif cron.never(text):
        yield NEVER(
            place,
            f"{text!r} never comes: no month it names has such a day.",
            "Write a day that these months have; L is the last day of any month.",
        )
