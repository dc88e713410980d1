"""Events: what happened to an object, kept for the API and queued for who wants to know."""

import copy
import json

from standin import API_VERSION, versions
from standin.errors import Object
from standin.outbox import Delivery
from standin.state import State, changes


def emit(state: State, kind: str, item: Object, before: Object | None = None) -> Object:
    """Makes the event about the object as it is now; `before` gives previous_attributes."""
    data: Object = {"object": copy.deepcopy(item)}
    if before is not None:
        data["previous_attributes"] = changes(before, item)
    wanting = [end for end in state.table("webhook_endpoint").values() if wants(end, kind)]
    event: Object = {
        "id": state.ids.new("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": state.clock_for(item).now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(wanting),
        "request": dict(state.request),
        "type": kind,
    }
    state.add(event)
    for endpoint in wanting:
        version = endpoint["api_version"] or API_VERSION
        # Rendered now: an older version shows related objects, as they are at this moment.
        body = json.dumps(versions.event(state, event, before, version), indent=2).encode()
        state.deliveries.append(
            Delivery(state.ids.new("wd"), event["id"], kind, endpoint["id"], body)
        )
    return event


def updated(state: State, kind: str, item: Object, before: Object) -> None:
    """Makes the `.updated` event, unless nothing changed."""
    if changes(before, item):
        emit(state, kind, item, before)


def wants(endpoint: Object, kind: str) -> bool:
    """Whether an endpoint listens to events of this type."""
    if endpoint["status"] != "enabled":
        return False
    if not versions.has_event(endpoint["api_version"] or API_VERSION, kind):
        return False
    return "*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"]
