"""The example shop after a little business: what the studio's tests and pictures look at."""

from __future__ import annotations

import time
from typing import Any

import orjson

from engine.store import inbox
from engine.stripe.signature import sign
from tests.acceptance.shop import ROOT, SECRET, Shop

HISTORY = (
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "charge.refunded.partial",
    "refund.created",
    "customer.subscription.created",
    "invoice.payment_succeeded.first",
    "invoice.paid.renewal",
    "charge.dispute.created",
    "payment_intent.succeeded.foreign",
)
LATE, LATE_ORDER = "evt_late_order", 77
"""A payment for an order that is not there: it rests as a dead letter."""


def recorded(name: str) -> Any:
    """One of the example's recorded events."""
    return orjson.loads((ROOT / "flows" / "events" / f"{name}.json").read_bytes())


def deliver(shop: Shop, event: Any) -> int:
    """Send an event to the webhook as Stripe does; gives the answer's status."""
    body = orjson.dumps(event)
    headers = {"Stripe-Signature": sign(body, SECRET, int(time.time()))}
    return shop.client.post("/webhooks/stripe", content=body, headers=headers).status_code


def late_payment(id: str = LATE, order: int = LATE_ORDER) -> Any:
    """A payment that succeeded for an order the shop does not have yet."""
    event = recorded("payment_intent.succeeded")
    event["id"] = id
    event["data"]["object"]["id"] = f"pi_{id}"
    event["data"]["object"]["metadata"]["order_id"] = str(order)
    return event


def bury(shop: Shop, event: Any) -> None:
    """Deliver an event that fails, and let this have been its last try."""
    assert deliver(shop, event) == 500
    with shop.service.store.transaction() as tx:
        row = inbox.show(tx, event["id"])
        assert row is not None
        assert row.reason
        inbox.fail(tx, row.id, error=row.reason, next_try_at=None, now=tx.now, flow=row.flow or "")


def business(shop: Shop) -> None:
    """Some weeks of the shop: payments, a refund, a subscription, a dispute, a dead letter."""
    for name in HISTORY:
        assert deliver(shop, recorded(name)) == 200, name
    assert shop.act("pay", {"orderId": 2}).status_code == 200
    bury(shop, late_payment())
