"""Subscriptions: the object, what a payment does to it, and how it ends."""

from typing import Any

from standin import customers, invoice_payments, invoices, payments
from standin.errors import Object
from standin.events import emit, updated
from standin.listing import whole
from standin.state import State, snapshot

ENDED = ("canceled", "incomplete_expired")


def create(state: State, customer: str, code: str, items: list[Object], **fields: Any) -> Object:
    """A new subscription over its items; no event yet, because its status is still to be found."""
    now = state.now(customer)
    identifier = state.ids.new("sub")
    for item in items:
        item["subscription"] = identifier
        state.add(item)
    subscription: Object = {
        "id": identifier,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": code,
        "customer": customer,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": whole(items, f"/v1/subscription_items?subscription={identifier}"),
        "latest_invoice": None,
        "livemode": False,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "incomplete",
        "test_clock": state.table("customer").get(customer, {}).get("test_clock"),
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    } | fields
    owner = state.get("customer", customer, "customer")
    owner["currency"] = owner["currency"] or code
    return state.add(subscription)


def item(state: State, price: Object, quantity: int, start: int, end: int, **fields: Any) -> Object:
    """A subscription item for the price; its subscription is filled in when it joins one."""
    return {
        "id": state.ids.new("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "price": dict(price),
        "quantity": quantity,
        "subscription": None,
        "tax_rates": [],
    } | fields


def period_end(subscription: Object) -> int:
    """When the running period ends; all items share it."""
    end: int = subscription["items"]["data"][0]["current_period_end"]
    return end


def cancel(state: State, subscription: Object, reason: str | None = None) -> None:
    """Ends the subscription now, and says so."""
    now = state.now(subscription["customer"])
    subscription |= {
        "status": "canceled",
        "canceled_at": subscription["canceled_at"] or now,
        "ended_at": now,
    }
    if reason:
        subscription["cancellation_details"]["reason"] = reason
    emit(state, "customer.subscription.deleted", subscription)
    _stop_collecting(state, subscription)


def expire(state: State, subscription: Object) -> None:
    """A first payment that never came: the subscription and its invoice are over."""
    before = snapshot(subscription)
    now = state.now(subscription["customer"])
    subscription |= {"status": "incomplete_expired", "ended_at": now}
    emit(state, "customer.subscription.updated", subscription, before)
    invoice = state.table("invoice").get(subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        invoices.void(state, invoice)


def _stop_collecting(state: State, subscription: Object) -> None:
    for invoice in state.table("invoice").values():
        if invoice["auto_advance"] and invoices.subscription_of(state, invoice) is subscription:
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
            intent = invoice_payments.intent_of(state, invoice)
            if intent is not None and intent["status"] in payments.CANCELABLE:
                payments.cancel(state, intent, "void_invoice")


def _after_invoice(state: State, invoice: Object, outcome: str) -> None:
    subscription = invoices.subscription_of(state, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    before = snapshot(subscription)
    if outcome == "paid":
        _remember_method(state, subscription, invoice)
        if subscription["status"] in ("incomplete", "past_due", "unpaid") and _all_paid(
            state, subscription
        ):
            subscription["status"] = "active"
    elif invoice["billing_reason"] != "subscription_create" and subscription["status"] == "active":
        subscription["status"] = "past_due"
    if not state.hidden(subscription["id"]).get("announced"):
        return
    updated(state, "customer.subscription.updated", subscription, before)


def _all_paid(state: State, subscription: Object) -> bool:
    return not any(
        invoice["status"] == "open"
        for invoice in state.table("invoice").values()
        if invoices.subscription_of(state, invoice) is subscription
    )


def _remember_method(state: State, subscription: Object, invoice: Object) -> None:
    if subscription["payment_settings"]["save_default_payment_method"] != "on_subscription":
        return
    intent = invoice_payments.intent_of(state, invoice)
    if intent is not None and intent["payment_method"]:
        subscription["default_payment_method"] = intent["payment_method"]


invoices.OUTCOMES.append(_after_invoice)


def _before_customer_goes(state: State, customer: Object) -> None:
    for subscription in state.where("subscription", customer=customer["id"]):
        if subscription["status"] not in ENDED:
            cancel(state, subscription)


customers.BEFORE_DELETE.append(_before_customer_goes)
