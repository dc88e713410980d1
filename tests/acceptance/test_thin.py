"""Thin (v2) events of every kind through a real server, which fetches their objects from the stand-in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.acceptance.shop import Shop
from tests.acceptance.test_webhook import inbox, post

URLS = {
    "payment_intent": "/v1/payment_intents",
    "charge": "/v1/charges",
    "refund": "/v1/refunds",
    "dispute": "/v1/disputes",
    "checkout.session": "/v1/checkout/sessions",
    "subscription": "/v1/subscriptions",
    "invoice": "/v1/invoices",
    "invoice_payment": "/v1/invoice_payments",
}


def thin(event: Any) -> dict[str, Any] | None:
    """The event as a thin destination hears of it; None for objects no flow of the shop is about."""
    found = event.data.object
    base = URLS.get(found.object)
    if base is None:
        return None
    return {
        "id": f"{event.id}_thin",
        "object": "v2.core.event",
        "type": f"v1.{event.type}",
        "created": datetime.fromtimestamp(event.created, UTC).isoformat(),
        "livemode": False,
        "reason": None,
        "related_object": {"id": found.id, "type": found.object, "url": f"{base}/{found.id}"},
    }


def test_a_shop_that_hears_thin_events_only(shop: Shop) -> None:
    stripe = shop.stripe()
    intents = []
    for order, method in ((1, "pm_card_createDispute"), (2, "pm_card_visa")):
        made = shop.act("pay", {"orderId": order}).json()
        intents.append(shop.row("payment", id=made["paymentId"])["transaction_id"])
        card = {"payment_method": method, "return_url": "http://127.0.0.1/back"}
        stripe.payment_intents.confirm(intents[-1], card)
    stripe.refunds.create({"payment_intent": intents[1], "amount": 1_000})
    product = stripe.products.create({"name": "Tea"})
    price = {"product": product.id, "currency": "usd", "unit_amount": 2000}
    price_id = stripe.prices.create(price | {"recurring": {"interval": "month"}}).id
    started = shop.act("recurring", {"type": "Initiate", "orderId": 3, "priceId": price_id})
    shop.buy(started.json()["checkoutUrl"])

    told = [event for event in map(thin, stripe.events.list({"limit": 100}).data) if event]
    kinds = {event["related_object"]["type"] for event in told}
    assert kinds == set(URLS), "every kind of object is told of"
    for event in told:  # the newest first, as the list has them
        post(shop, orjson.dumps(event))
    for event in told:
        assert post(shop, orjson.dumps(event)).json()["outcome"] in ("done", "duplicate", "ignored")

    disputed, refunded = (shop.row("payment", transaction_id=intent) for intent in intents)
    assert (disputed["status"], disputed["disputed"]) == ("SUCCESSFUL", True)
    assert (refunded["status"], refunded["amount_refunded"]) == ("PARTIALLY_REFUNDED", 1_000)
    assert [shop.row("order", id=n)["status"] for n in (1, 2)] == ["paid", "partly refunded"]
    recurring = shop.row("recurring_payment")
    assert (recurring["status"], recurring["amount"], recurring["order_id"]) == ("active", 2000, 3)
    [charge] = shop.rows("payment", type="recurring")
    assert (charge["status"], charge["order_id"]) == ("SUCCESSFUL", 3)
    assert charge["transaction_id"].startswith("pi_")
    assert "waiting" not in {state for _, state, _ in inbox(shop)}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"context": "acct_another"}, "is of the connected account acct_another"),
        ({"livemode": True}, "this is a live event, the keys here are test keys"),
    ],
)
def test_a_thin_event_of_another_account_or_mode_is_answered_and_left_alone(
    shop: Shop, more: dict[str, Any], reason: str
) -> None:
    """503 for ever, as for an object Stripe has lost, would make Stripe switch the endpoint off."""
    event = {
        "id": "evt_theirs",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-06-01T00:00:00Z",
        "livemode": False,
        "related_object": {
            "id": "pi_theirs",
            "type": "payment_intent",
            "url": "/v1/payment_intents/pi_theirs",
        },
    }
    answer = post(shop, orjson.dumps(event | more))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "ignored")
    assert reason in answer.json()["reason"]
    assert shop.rows("payment") == []
