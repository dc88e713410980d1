"""Which callback an event starts, and which Stripe object its rows hang on.

Source of the names: Stripe's enum of webhook events at 2026-05-27.dahlia
(https://docs.stripe.com/api/events/types); older names are kept for pinned accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from engine.stripe.event import Event
from engine.stripe.read import id_of, invoice_subscription

Trigger = Literal["payment", "refund", "recurring_management", "recurring_charge"]

CHECKOUT = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
DISPUTE = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
"""No callback of its own: a builder's flow lists them and begins with stripe.dispute_callback."""

EVENTS: Mapping[Trigger, tuple[str, ...]] = {
    "payment": (
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.processing",
        "payment_intent.amount_capturable_updated",
        "payment_intent.partially_funded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "payment_intent.succeeded",
        "charge.pending",
        "charge.failed",
        "charge.expired",
        "charge.captured",
        "charge.succeeded",
        *CHECKOUT,
    ),
    "refund": (
        "charge.refunded",
        "charge.refund.updated",
        "refund.created",
        "refund.updated",
        "refund.failed",
    ),
    "recurring_management": (
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.pending_update_applied",
        "customer.subscription.pending_update_expired",
        *CHECKOUT,
    ),
    "recurring_charge": (
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "invoice_payment.paid",
    ),
}
"""The event types of each callback. Checkout sessions stand in two: their mode decides."""

BY_TYPE: Mapping[str, Trigger] = {
    kind: trigger
    for trigger, kinds in EVENTS.items()
    for kind in kinds
    if not kind.startswith("checkout.")
}
"""The callback of an event type, where the type alone decides."""
_BY_MODE: Mapping[str, Trigger] = {"payment": "payment", "subscription": "recurring_management"}


def trigger_of(event: Event) -> Trigger | None:
    """The callback this event starts, or None (a flow that lists its type may still want it)."""
    kind = event.type.removeprefix("v1.") if event.thin else event.type
    if kind in CHECKOUT:
        return _BY_MODE.get(mode_of(event))
    return BY_TYPE.get(kind)


def mode_of(event: Event) -> str:
    """A checkout session's mode: payment, subscription or setup.

    Sessions had no mode before 2019-12-03 (K: Stripe's changelog); then what they hold tells.
    """
    mode = event.object.get("mode")
    if isinstance(mode, str):
        return mode
    if id_of(event.object.get("subscription")):
        return "subscription"
    return "setup" if id_of(event.object.get("setup_intent")) else "payment"


def subject_of(event: Event) -> str | None:
    """The Stripe id this event's rows hang on; an event set aside waits for a row with this id.

    A payment intent (a charge where there is none, a session before it has either), a subscription
    (of an invoice, too), or the invoice that an invoice_payment pays.
    """
    if event.thin and not event.object:
        return id_of(event.related)
    thing = event.object
    family = event.type.partition(".")[0]
    if family == "payment_intent":
        return id_of(thing)
    if family in ("charge", "refund"):
        # The object is a charge, a refund or a dispute; the last two name their charge.
        intent, charge = id_of(thing.get("payment_intent")), id_of(thing.get("charge"))
        return intent or charge or id_of(thing)
    if family == "checkout":
        owner = "subscription" if mode_of(event) == "subscription" else "payment_intent"
        return id_of(thing.get(owner)) or id_of(thing)
    if family == "invoice":
        return invoice_subscription(thing) or id_of(thing)
    if family == "invoice_payment":
        return id_of(thing.get("invoice"))
    return id_of(thing)
