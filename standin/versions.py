"""Shows objects and events in the shape of an older API version, as a pinned endpoint gets them.

Only removals and renames are gated by version: an old version still gets fields added later. Each
step undoes one change; a version older than the change's date gets the step. Source: Stripe's API
changelog, and example objects recorded under each version.
"""

import copy
from collections.abc import Callable
from typing import Any

from standin import API_VERSION, invoice_shapes, old_shapes
from standin.errors import Object
from standin.state import State, changes

Step = Callable[[State, Object], None]

# (first version with the new shape, object, step back); newest change first, as it is undone.
_STEPS: tuple[tuple[str, str, Step], ...] = (
    ("2025-03-31", "invoice", invoice_shapes.invoice),
    ("2025-03-31", "line_item", invoice_shapes.line_item),
    ("2025-03-31", "subscription", old_shapes.subscription_periods),
    ("2025-03-31", "charge", invoice_shapes.link),
    ("2025-03-31", "payment_intent", invoice_shapes.link),
    ("2024-04-10", "product", old_shapes.product_features),
    ("2022-11-15", "charge", old_shapes.charge_refunds),
    ("2022-11-15", "payment_intent", old_shapes.intent_charges),
    ("2020-08-27", "customer", old_shapes.customer_lists),
    ("2019-10-17", "customer", old_shapes.customer_balance),
    ("2019-10-17", "subscription", old_shapes.subscription_start),
    ("2019-10-17", "invoice", old_shapes.billing),
    ("2019-02-11", "payment_intent", old_shapes.intent_sources),
    ("2018-11-08", "invoice", old_shapes.invoice_dates),
)
# Event types that older versions do not know: (first version, prefix).
_EVENTS = (("2025-03-31", "invoice_payment."), ("2024-10-28", "refund."))


def _older(version: str, date: str) -> bool:
    # A version is a date, since acacia with a name behind it: the date alone orders them.
    return version[:10] < date


def has_event(version: str, kind: str) -> bool:
    """Whether events of this type are sent in this version."""
    return not any(_older(version, date) and kind.startswith(start) for date, start in _EVENTS)


def shape(state: State, item: Any, version: str) -> Any:
    """A copy of the object, and all objects in it, in the shape of the version."""
    result = copy.deepcopy(item)
    if _older(version, API_VERSION[:10]):
        _walk(state, result, version)
    return result


def _walk(state: State, place: Any, version: str) -> None:
    if isinstance(place, list):
        for entry in place:
            _walk(state, entry, version)
    if not isinstance(place, dict):
        return
    kind = place.get("object")
    if kind == "event":
        # An event keeps the version it was made in, whatever the request asks for.
        return
    for date, name, step in _STEPS:
        if kind == name and _older(version, date):
            step(state, place)
    # After the steps, so that what they put in is brought back in time as well.
    for value in place.values():
        _walk(state, value, version)


def event(state: State, item: Object, before: Object | None, version: str) -> Object:
    """The event in the shape of the version; `before` is the object as it was, in today's shape."""
    now = shape(state, item["data"]["object"], version)
    data: Object = {"object": now}
    if before is not None:
        data["previous_attributes"] = changes(shape(state, before, version), now)
    result = item | {"api_version": shown(version), "data": data}
    if _older(version, "2017-05-25"):
        result["request"] = item["request"]["id"]
    return result


def shown(version: str) -> str:
    """The version an answer is in: never newer than what the stand-in knows."""
    return min(version, API_VERSION)
