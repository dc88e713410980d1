"""One moment of a flow's schedule, as an event of the inbox: known by flow and moment, so kept once.

What is there for Stripe's events serves it too: retries, leases, dead letters, replay, traces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from engine import cron
from engine.clock import timestamp
from engine.model import Flow, Value
from engine.stripe.event import Event, EventRead, of

PREFIX = "tick_"
TYPE = "schedule."
"""Before the flow's name; no event of Stripe's is called so."""


def cron_of(flow: Flow) -> str | None:
    """The cron expression of a scheduled flow, None of another."""
    written: str | None = flow.trigger.get("schedule")
    return written


def tick(flow: Flow, due: int, *, live: bool) -> EventRead:
    """The moment `due` (in seconds, a whole minute) of the flow's schedule; `live` as the keys are."""
    at, text = timestamp(due), cron_of(flow) or ""
    before = cron.latest(text, due - 1)
    data: dict[str, Any] = {
        "id": f"{PREFIX}{flow.name}_{at[:16].replace('-', '').replace(':', '')}",
        "object": "event",
        "type": f"{TYPE}{flow.name}",
        "created": due,
        "livemode": live,
        "data": {
            "object": {
                "object": "schedule",
                "flow": flow.name,
                "schedule": text,
                "due": at,
                "previous": timestamp(due if before is None else before),
            }
        },
    }
    return data, orjson.dumps(data).decode(), of(data)


def is_tick(event: Event) -> bool:
    """Whether a schedule made it, and not Stripe."""
    return event.id.startswith(PREFIX)


def started_by_tick(values: dict[str, Value]) -> None:
    """Let a run see what there is where no event starts it: no `event`, but `run.due`, and
    `run.previous`, the moment of its schedule before that."""
    moment: Mapping[str, Any] = values["event"]["data"]["object"]
    values["run"] = {**values["run"], "due": moment["due"], "previous": moment["previous"]}
    values["event"] = None
