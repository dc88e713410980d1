"""Thin events (v2): a notice that something happened; the receiver fetches the rest itself."""

import json
from datetime import UTC, datetime
from typing import Any

from standin.api import Call, operation
from standin.errors import Object
from standin.outbox import Delivery
from standin.state import State

_KIND = "v2.core.event"


def create(state: State, kind: str, related: Any = None, data: Any = None) -> Object:
    """Makes a thin event and queues its notice for every endpoint that takes all events."""
    at = datetime.fromtimestamp(state.now(), UTC)
    item: Object = {
        "id": state.ids.new("evt_test"),
        "object": _KIND,
        "created": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "livemode": False,
        "type": kind,
    }
    if related:
        item["related_object"] = related
    notice = json.dumps(item).encode()
    state.add(item | ({"data": data} if data else {}))
    for endpoint in state.table("webhook_endpoint").values():
        if endpoint["status"] == "enabled" and "*" in endpoint["enabled_events"]:
            state.deliveries.append(
                Delivery(state.ids.new("wd"), item["id"], kind, endpoint["id"], notice)
            )
    return state.get(_KIND, item["id"])


@operation("GET", "/v2/core/events")
def _list(call: Call) -> Object:
    items = list(call.state.table(_KIND).values())[::-1]
    kinds = call.get("types")
    shown = [item for item in items if not kinds or item["type"] in kinds]
    return {
        "data": shown[: call.get("limit", 20)],
        "next_page_url": None,
        "previous_page_url": None,
    }


@operation("GET", "/v2/core/events/{id}")
def _retrieve(call: Call) -> Object:
    return call.state.get(_KIND, call.path["id"])
