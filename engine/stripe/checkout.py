"""A checkout session: what it says of the payment, or the subscription, that it makes.

Source: https://docs.stripe.com/payments/checkout/fulfill-orders. A session that is complete is not
paid for: `payment_status` tells, and for delayed methods a later async_payment_* event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.stripe.event import Event
from engine.stripe.payment import CANCELED, FAILED, SESSION, SUCCEEDED, PaymentNews, State
from engine.stripe.read import Data, currency_of, id_of, part, whole

_BY_TYPE: Mapping[str, State] = {
    "checkout.session.async_payment_succeeded": SUCCEEDED,
    "checkout.session.async_payment_failed": FAILED,
    "checkout.session.expired": CANCELED,
}


def session_news(event: Event) -> PaymentNews:
    """What a session in payment mode says of its payment.

    Complete with `unpaid`, or from a time before payment_status (2019), it waits for the money;
    with `no_payment_required` (a full discount) it is a success of amount 0.
    """
    thing = event.object
    state = None if event.thin else _BY_TYPE.get(event.type)
    paid = thing.get("payment_status")
    if state is None and thing.get("status") == "expired":
        state = CANCELED
    if state is None and paid in ("paid", "no_payment_required"):
        state = SUCCEEDED
    waiting = state is None and thing.get("status") in ("complete", None)
    return PaymentNews(
        at=event.created,
        source=SESSION,
        state=state,
        intent=id_of(thing.get("payment_intent")),
        session=id_of(thing),
        amount=0 if paid == "no_payment_required" else whole(thing.get("amount_total")),
        currency=currency_of(thing),
        metadata=part(thing.get("metadata")),
        waiting=waiting,
    )


@dataclass(frozen=True, slots=True)
class SubscriptionSession:
    """What a session in subscription mode says: whose subscription it made, if it did. `total` is
    the first charge, tax and discounts included: what one period costs only the subscription tells.
    """

    at: int
    id: str | None
    subscription: str | None
    customer: str | None
    total: int | None
    currency: str | None
    expired: bool
    metadata: Data


def subscription_session(event: Event) -> SubscriptionSession:
    """What a session in subscription mode says."""
    thing = event.object
    expired = event.type == "checkout.session.expired" and not event.thin
    return SubscriptionSession(
        at=event.created,
        id=id_of(thing),
        subscription=id_of(thing.get("subscription")),
        customer=id_of(thing.get("customer")),
        total=whole(thing.get("amount_total")),
        currency=currency_of(thing),
        expired=expired or thing.get("status") == "expired",
        metadata=part(thing.get("metadata")),
    )
