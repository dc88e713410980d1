"""Test clocks: the customers of a clock live by it, and moving it makes their renewals happen."""

from standin.api import Call, operation
from standin.clock import Clock
from standin.errors import Object, StripeError
from standin.events import emit
from standin.listing import page

_KIND = "test_helpers.test_clock"
_PATH = "/v1/test_helpers/test_clocks/{test_clock}"
_KEPT_SECONDS = 30 * 86_400
_MAX_ADVANCE = 2 * 366 * 86_400


@operation("POST", "/v1/test_helpers/test_clocks")
def _create(call: Call) -> Object:
    call.refuse("customer")
    state = call.state
    item: Object = {
        "id": state.ids.new("clock"),
        "object": _KIND,
        "created": state.now(),
        "deletes_after": state.now() + _KEPT_SECONDS,
        "frozen_time": call.params["frozen_time"],
        "livemode": False,
        "name": call.text("name"),
        "status": "ready",
        "status_details": {},
    }
    state.test_clocks[item["id"]] = Clock(item["frozen_time"])
    state.add(item)
    emit(state, "test_helpers.test_clock.created", item)
    return item


@operation("GET", "/v1/test_helpers/test_clocks")
def _list(call: Call) -> Object:
    return page(call.state.table(_KIND).values(), call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get(_KIND, call.path["test_clock"], "test_clock")


@operation("POST", _PATH + "/advance")
def _advance(call: Call) -> Object:
    item = _retrieve(call)
    target = call.params["frozen_time"]
    if target <= item["frozen_time"]:
        raise StripeError(
            "The frozen_time must be after the clock's current frozen_time.", param="frozen_time"
        )
    if target - item["frozen_time"] > _MAX_ADVANCE:
        raise StripeError(
            "You cannot advance a test clock by more than two years at once.", param="frozen_time"
        )
    item |= {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}}
    emit(call.state, "test_helpers.test_clock.advancing", item)
    answer = dict(item)
    # Stripe does this in the background; here it is done, though the answer says advancing.
    call.state.test_clocks[item["id"]].advance(target)
    item |= {"status": "ready", "frozen_time": target, "status_details": {}}
    emit(call.state, "test_helpers.test_clock.ready", item)
    return answer


@operation("DELETE", _PATH)
def _delete(call: Call) -> Object:
    item = _retrieve(call)
    state = call.state
    for customer in state.where("customer", test_clock=item["id"]):
        for kind in ("subscription", "invoice", "payment_intent"):
            for other in state.where(kind, customer=customer["id"]):
                del state.table(kind)[other["id"]]
        del state.table("customer")[customer["id"]]
    del state.table(_KIND)[item["id"]]
    del state.test_clocks[item["id"]]
    emit(state, "test_helpers.test_clock.deleted", item)
    return {"id": item["id"], "object": _KIND, "deleted": True}
