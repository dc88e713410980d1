"""The same history in the shapes of older API versions."""

import json
from typing import Any

import pytest
import stripe

from standin import webhook_endpoints
from tests.standin.support import KEY, Shop

OLD = "2020-08-27"
HOOK = "http://127.0.0.1:1/hook"


@pytest.fixture
def old(shop: Shop) -> stripe.StripeClient:
    """A client pinned to an old version; its answers are not in the published shape."""
    return stripe.StripeClient(
        KEY, stripe_version=OLD, base_addresses={"api": shop.url}, max_network_retries=0
    )


def _listen(shop: Shop, version: str) -> None:
    shop.control("delivery", hold=True)
    webhook_endpoints.create(shop.state, HOOK, ["*"], version, "whsec_x")


def _bodies(shop: Shop) -> dict[str, dict[str, Any]]:
    return {delivery.type: json.loads(delivery.body) for delivery in shop.state.deliveries}


def _subscribe(shop: Shop) -> Any:
    customer = shop.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    price = shop.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Coffee"},
        }
    )
    return shop.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "metadata": {"order_id": "7"}}
    )


def test_before_2022_11_15_an_intent_brings_its_charges(shop: Shop) -> None:
    _listen(shop, OLD)
    intent = shop.pay()
    body = _bodies(shop)["payment_intent.succeeded"]
    assert body["api_version"] == OLD
    item = body["data"]["object"]
    [charge] = item["charges"]["data"]
    assert charge["id"] == item["latest_charge"] == intent.latest_charge
    assert charge["refunds"]["data"] == []
    assert charge["invoice"] is None


def test_before_basil_the_subscription_and_its_period_stand_at_the_root(shop: Shop) -> None:
    _listen(shop, "2024-06-20")
    subscription = _subscribe(shop)
    bodies = _bodies(shop)
    assert "invoice_payment.paid" not in bodies
    invoice = bodies["invoice.paid"]["data"]["object"]
    assert "parent" not in invoice
    assert invoice["subscription"] == subscription.id
    assert invoice["payment_intent"].startswith("pi_")
    assert invoice["charge"].startswith("ch_")
    assert invoice["paid"] is True
    assert invoice["subscription_details"]["metadata"] == {"order_id": "7"}
    [line] = invoice["lines"]["data"]
    assert line["price"]["unit_amount"] == line["plan"]["amount"] == 2000
    created = bodies["customer.subscription.created"]["data"]["object"]
    assert created["current_period_end"] == subscription["items"].data[0].current_period_end
    assert "current_period_end" not in created["items"]["data"][0]
    assert bodies["payment_intent.succeeded"]["data"]["object"]["invoice"] == invoice["id"]


def test_previous_attributes_are_in_the_old_shape_too(shop: Shop) -> None:
    _listen(shop, "2024-06-20")
    _subscribe(shop)
    shop.state.deliveries.clear()
    shop.control("clock", advance=32 * 86_400)
    renewed = next(
        json.loads(delivery.body)
        for delivery in shop.state.deliveries
        if delivery.type == "customer.subscription.updated"
    )
    previous = renewed["data"]["previous_attributes"]
    assert {"current_period_start", "current_period_end", "latest_invoice"} <= set(previous)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2024-06-20", {"charge.refunded", "charge.refund.updated"}),
        (
            "2025-03-31.basil",
            {"charge.refunded", "charge.refund.updated", "refund.created", "refund.updated"},
        ),
    ],
)
def test_refund_events_of_the_new_family_come_only_since_acacia(
    shop: Shop, version: str, expected: set[str]
) -> None:
    intent = shop.pay()
    _listen(shop, version)
    shop.v1.refunds.create({"payment_intent": intent.id})
    assert set(_bodies(shop)) == expected


def test_very_old_events_have_a_bare_request_id(shop: Shop) -> None:
    _listen(shop, "2017-02-14")
    shop.v1.customers.create({})
    body = _bodies(shop)["customer.created"]
    assert body["request"].startswith("req_")
    assert body["data"]["object"]["account_balance"] == 0
    assert body["data"]["object"]["sources"]["data"] == []


def test_answers_follow_the_version_of_the_request(shop: Shop, old: stripe.StripeClient) -> None:
    subscription = _subscribe(shop)
    seen = old.v1.subscriptions.retrieve(
        subscription.id, {"expand": ["latest_invoice.payment_intent"]}
    )
    assert seen.current_period_end == subscription["items"].data[0].current_period_end
    assert seen.latest_invoice.payment_intent.charges.data[0].paid is True
    assert seen.last_response.headers["stripe-version"] == OLD
    new = shop.v1.subscriptions.retrieve(subscription.id)
    # The SDK asks for a version newer than the stand-in knows, and gets the newest it knows.
    assert new.last_response.headers["stripe-version"] == "2026-05-27.dahlia"


def test_an_event_keeps_the_version_it_was_made_in(shop: Shop, old: stripe.StripeClient) -> None:
    shop.pay()
    [event] = old.v1.events.list({"type": "payment_intent.succeeded"}).data
    assert event.api_version == "2026-05-27.dahlia"
    assert "charges" not in event.data.object


def test_a_version_that_is_none_is_refused(shop: Shop) -> None:
    client = stripe.StripeClient(
        KEY, stripe_version="tomorrow", base_addresses={"api": shop.url}, max_network_retries=0
    )
    with pytest.raises(stripe.InvalidRequestError, match="version"):
        client.v1.customers.list()
