"""Subscriptions over the API."""

from typing import Any

from standin import (
    customers,
    cycle,
    invoice_payments,
    payment_outcomes,
    subscription_items,
    subscription_terms,
    subscriptions,
)
from standin.api import Call, operation
from standin.errors import Object, StripeError
from standin.events import emit, updated
from standin.invoice_api import NO_METHOD
from standin.listing import page
from standin.state import snapshot

_PATH = "/v1/subscriptions/{subscription_exposed_id}"
_UNSUPPORTED = (
    "add_invoice_items", "application_fee_percent", "billing_thresholds", "default_tax_rates",
    "discounts", "pending_invoice_item_interval", "transfer_data", "backdate_start_date",
    "billing_schedules", "billing_cycle_anchor_config", "automatic_tax.enabled",
)  # fmt: skip


def _subscription(call: Call) -> Object:
    return call.state.get(
        "subscription", call.path["subscription_exposed_id"], "subscription_exposed_id"
    )


@operation("POST", "/v1/subscriptions")
def _create(call: Call) -> Object:
    call.refuse(*_UNSUPPORTED)
    state, params = call.state, call.params
    customer = state.get("customer", params.get("customer", ""), "customer", status=400)["id"]
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        raise StripeError("pending_if_incomplete is for updates only.", param="payment_behavior")
    method = call.text("default_payment_method") or customers.default_method(state, customer)
    automatic = params.get("collection_method", "charge_automatically") == "charge_automatically"
    pay = behavior != "default_incomplete" and automatic
    free = subscription_terms.trial_end(call, state.now(customer)) is not None
    if pay and not method and not free and _costs(call, params.get("items", [])):
        raise StripeError(NO_METHOD, code="resource_missing")
    subscription = subscription_terms.build(call, customer, params.get("items", []))
    subscription_terms.apply(call, subscription)
    cycle.start(state, subscription, pay=pay, off_session=call.get("off_session", False))
    if behavior == "error_if_incomplete" and subscription["status"] == "incomplete":
        invoice = state.get("invoice", subscription["latest_invoice"])
        intent = invoice_payments.intent_of(state, invoice)
        error = payment_outcomes.last_error(intent) if intent else None
        subscriptions.expire(state, subscription)
        if error:
            raise error
        raise StripeError(
            "Payment for this subscription requires additional user action before it can be "
            "completed successfully.",
            status=402,
            type="card_error",
            code="subscription_payment_intent_requires_action",
        )
    return subscription


def _costs(call: Call, items: list[Any]) -> bool:
    prices = [call.state.table("price").get(given.get("price", "")) for given in items]
    return any(price is None or price["unit_amount"] for price in prices)


@operation("GET", "/v1/subscriptions")
def _list(call: Call) -> Object:
    items = call.state.where("subscription")
    if "customer" in call.params:
        items = [item for item in items if item["customer"] == call.params["customer"]]
    if call.text("price"):
        wanted = call.params["price"]
        items = [i for i in items if any(e["price"]["id"] == wanted for e in i["items"]["data"])]
    status = call.get("status")
    if status is None:
        items = [item for item in items if item["status"] != "canceled"]
    elif status == "ended":
        items = [item for item in items if item["status"] in subscriptions.ENDED]
    elif status != "all":
        items = [item for item in items if item["status"] == status]
    if call.text("test_clock"):
        items = [item for item in items if item["test_clock"] == call.params["test_clock"]]
    return page(items, call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return _subscription(call)


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    call.refuse(*_UNSUPPORTED)
    subscription = _subscription(call)
    if subscription["status"] in subscriptions.ENDED and set(call.params) - {
        "metadata",
        "cancellation_details",
    }:
        raise StripeError(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    before = snapshot(subscription)
    behavior = call.get("proration_behavior", "create_prorations")
    if "pause_collection" in call.params:
        pause = call.params["pause_collection"]
        subscription["pause_collection"] = (
            {"behavior": pause["behavior"], "resumes_at": pause.get("resumes_at")}
            if pause
            else None
        )
    if call.params.get("items"):
        subscription_items.change(call.state, subscription, call.params["items"], behavior)
    if "trial_end" in call.params or "trial_period_days" in call.params:
        _new_trial(call, subscription)
    subscription_terms.apply(call, subscription)
    updated(call.state, "customer.subscription.updated", subscription, before)
    if (
        subscription["cancel_at"] != before["cancel_at"]
        or subscription["trial_end"] != before["trial_end"]
    ):
        cycle.plan(call.state, subscription)
    return subscription


def _new_trial(call: Call, subscription: Object) -> None:
    now = call.state.now(subscription["customer"])
    end = subscription_terms.trial_end(call, now)
    if end is None:
        if subscription["status"] == "trialing":
            for item in subscription["items"]["data"]:
                item["current_period_end"] = now
            cycle.renew(call.state, subscription)
        return
    subscription |= {"status": "trialing", "trial_start": now, "trial_end": end}
    subscription["billing_cycle_anchor"] = end
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end


@operation("DELETE", _PATH)
def _cancel(call: Call) -> Object:
    subscription = _subscription(call)
    if subscription["status"] in subscriptions.ENDED:
        raise StripeError(
            f"No such subscription: '{subscription['id']}'",
            status=404,
            code="resource_missing",
            param="id",
        )
    details = call.get("cancellation_details") or {}
    for name in ("comment", "feedback"):
        if name in details:
            subscription["cancellation_details"][name] = details[name] or None
    if subscription["status"] == "incomplete":
        subscriptions.expire(call.state, subscription)
    else:
        subscriptions.cancel(call.state, subscription, "cancellation_requested")
    return subscription


@operation("POST", "/v1/subscriptions/{subscription}/resume")
def _resume(call: Call) -> Object:
    state = call.state
    subscription = state.get("subscription", call.path["subscription"], "subscription")
    if subscription["status"] != "paused":
        raise StripeError("Only a paused subscription can be resumed.")
    now = state.now(subscription["customer"])
    for item in subscription["items"]["data"]:
        item["current_period_end"] = now
    cycle.renew(state, subscription)
    emit(state, "customer.subscription.resumed", subscription)
    return subscription
