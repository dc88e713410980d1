"""Events over the API: the history to list and read, newest first."""

from fnmatch import fnmatchcase

from standin.api import Call, operation
from standin.errors import Object, StripeError
from standin.listing import page


@operation("GET", "/v1/events")
def _list(call: Call) -> Object:
    kinds = [call.params["type"]] if "type" in call.params else call.get("types", [])
    if "type" in call.params and "types" in call.params:
        raise StripeError(
            "You may only specify one of these parameters: type, types.",
            code="parameters_exclusive",
            param="type",
        )
    items = list(call.state.table("event").values())
    if kinds:
        items = [item for item in items if any(fnmatchcase(item["type"], kind) for kind in kinds)]
    if "delivery_success" in call.params:
        done = call.params["delivery_success"]
        items = [item for item in items if (item["pending_webhooks"] == 0) == done]
    return page(items, call.params, call.url)


@operation("GET", "/v1/events/{id}")
def _retrieve(call: Call) -> Object:
    return call.state.get("event", call.path["id"])
