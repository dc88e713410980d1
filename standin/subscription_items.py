"""Subscription items: what a subscription is made of, added, changed and taken away."""

from typing import Any

from standin import cycle, intervals, invoice_lines, products, subscriptions
from standin.api import Call, operation
from standin.errors import Object, StripeError, required
from standin.events import updated
from standin.listing import page
from standin.metadata import merge
from standin.state import State, snapshot

_PATH = "/v1/subscription_items/{item}"


def price_of(state: State, given: Any, param: str) -> Object:
    """The recurring price that an item's parameters name or describe."""
    if given.get("price"):
        price = state.get("price", given["price"], f"{param}[price]", status=400)
    elif given.get("price_data"):
        price = products.from_data(state, given["price_data"], f"{param}[price_data]")
    else:
        raise required(f"{param}[price]")
    if not price["recurring"]:
        raise StripeError(
            "The price specified is set to `type=one_time` but this field only accepts prices with "
            "`type=recurring`.",
            param=f"{param}[price]",
        )
    return price


def build(state: State, given: Any, start: int, end: int | None, param: str) -> Object:
    """A new item for the period; without an end the price's own interval gives it."""
    for name in ("discounts", "tax_rates", "billing_thresholds"):
        if given.get(name):
            raise StripeError(
                f"The stand-in for Stripe does not support {name} of an item.",
                param=f"{param}[{name}]",
            )
    price = price_of(state, given, param)
    rule = price["recurring"]
    stop = end or intervals.next_end(start, rule["interval"], rule["interval_count"], start)
    metadata = merge({}, given.get("metadata"))
    return subscriptions.item(
        state, price, given.get("quantity", 1), start, stop, metadata=metadata
    )


def change(
    state: State, subscription: Object, changes: list[Any], behavior: str, param: str = "items"
) -> None:
    """Applies item changes; what they cost waits for the next invoice, or is invoiced now."""
    items: list[Object] = subscription["items"]["data"]
    lines: list[Object | None] = []
    now = state.now(subscription["customer"])
    trial = subscription["status"] == "trialing"
    for position, given in enumerate(changes):
        place = f"{param}[{position}]"
        if not given.get("id"):
            first = items[0]
            made = build(state, given, now, first["current_period_end"], place)
            made["subscription"] = subscription["id"]
            items.append(state.add(made))
            lines.append(invoice_lines.proration(state, made, now, 1))
            continue
        item = next((entry for entry in items if entry["id"] == given["id"]), None)
        if item is None:
            raise StripeError(
                f"No such subscription_item: '{given['id']}'", code="resource_missing", param=place
            )
        back = invoice_lines.proration(state, item, now, -1)
        if given.get("deleted"):
            if len(items) == 1:
                raise StripeError("A subscription must have at least one active plan.", param=place)
            items.remove(item)
            del state.table("subscription_item")[item["id"]]
            lines.append(back)
            continue
        old = (item["price"]["id"], item.get("quantity"))
        if given.get("price") or given.get("price_data"):
            item["price"] = dict(price_of(state, given, place))
        if "quantity" in given:
            item["quantity"] = given["quantity"]
        item["metadata"] = merge(item["metadata"], given.get("metadata"))
        if (item["price"]["id"], item.get("quantity")) != old:
            lines += [back, invoice_lines.proration(state, item, now, 1)]
    if behavior == "none" or trial:
        return
    pending = state.hidden(subscription["id"]).setdefault("pending", [])
    pending += [line for line in lines if line is not None]
    if behavior == "always_invoice" and pending:
        cycle.invoice_now(state, subscription)


def _change(call: Call, subscription: Object, given: Any) -> None:
    before = snapshot(subscription)
    behavior = call.get("proration_behavior", "create_prorations")
    change(call.state, subscription, [given], behavior)
    updated(call.state, "customer.subscription.updated", subscription, before)


@operation("POST", "/v1/subscription_items")
def _create(call: Call) -> Object:
    subscription = call.state.get(
        "subscription", call.params["subscription"], "subscription", status=400
    )
    _change(call, subscription, {k: v for k, v in call.params.items() if k != "subscription"})
    made: Object = subscription["items"]["data"][-1]
    return made


@operation("GET", "/v1/subscription_items")
def _list(call: Call) -> Object:
    items = call.state.where("subscription_item", subscription=call.params["subscription"])
    return page(items[::-1], call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("subscription_item", call.path["item"], "item")


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    item = _retrieve(call)
    subscription = call.state.get("subscription", item["subscription"])
    _change(call, subscription, call.params | {"id": item["id"]})
    return item


@operation("DELETE", _PATH)
def _delete(call: Call) -> Object:
    item = _retrieve(call)
    subscription = call.state.get("subscription", item["subscription"])
    _change(call, subscription, {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}
