"""Subscriptions on test clocks: first payments, trials, renewals, failures and ends."""

from typing import Any

import pytest
import stripe

from tests.standin.support import NOW, Shop

DAY = 86_400


class Subscriber:
    """A customer on a test clock, and a monthly price of 20.00 dollars."""

    def __init__(self, shop: Shop, method: str | None = "pm_card_visa") -> None:
        self.shop = shop
        self.v1 = shop.v1
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": NOW})
        given: dict[str, Any] = {"test_clock": self.clock.id, "email": "buyer@example.com"}
        if method:
            given |= {
                "payment_method": method,
                "invoice_settings": {"default_payment_method": method},
            }
        self.customer = self.v1.customers.create(given)
        self.price = self.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": 2000,
                "recurring": {"interval": "month"},
                "product_data": {"name": "Coffee"},
            }
        )

    def subscribe(self, **more: Any) -> Any:
        """A subscription to the price."""
        return self.v1.subscriptions.create(
            {
                "customer": self.customer.id,
                "items": [{"price": self.price.id}],
                "metadata": {"order_id": "7"},
                **more,
            }
        )

    def advance(self, days: float) -> None:
        """Moves the test clock on."""
        now = self.v1.test_helpers.test_clocks.retrieve(self.clock.id).frozen_time
        target = int(now + days * DAY)
        answer = self.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": target})
        assert answer.status == "advancing"
        assert self.v1.test_helpers.test_clocks.retrieve(self.clock.id).frozen_time == target

    def reload(self, subscription: Any) -> Any:
        """The subscription as it is now."""
        return self.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})


def test_a_first_payment_makes_it_active(shop: Shop) -> None:
    buyer = Subscriber(shop)
    before = len(shop.events())
    subscription = buyer.subscribe()
    assert subscription.status == "active"
    assert shop.kinds(before) == [
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "customer.subscription.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "charge.updated",
    ]
    by_type = {event["type"]: event["data"] for event in shop.events(before)}
    assert by_type["customer.subscription.created"]["object"]["status"] == "incomplete"
    changed = by_type["customer.subscription.updated"]["previous_attributes"]
    assert changed == {"status": "incomplete"}
    parent = by_type["invoice.paid"]["object"]["parent"]
    assert parent["subscription_details"]["subscription"] == subscription.id
    assert parent["subscription_details"]["metadata"] == {"order_id": "7"}


def test_default_incomplete_waits_for_the_browser(shop: Shop) -> None:
    buyer = Subscriber(shop, None)
    subscription = buyer.subscribe(
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
    )
    assert subscription.status == "incomplete"
    [payment] = subscription.latest_invoice.payments.data
    intent = shop.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert subscription.latest_invoice.confirmation_secret.client_secret == intent.client_secret
    shop.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.test"}
    )
    after = buyer.reload(subscription)
    assert (after.status, after.latest_invoice.status) == ("active", "paid")
    assert after.default_payment_method
    [paid] = shop.v1.invoice_payments.list({"invoice": after.latest_invoice.id}).data
    assert (paid.status, paid.amount_paid) == ("paid", 2000)


def test_an_incomplete_subscription_expires_after_23_hours(shop: Shop) -> None:
    buyer = Subscriber(shop, None)
    subscription = buyer.subscribe(payment_behavior="default_incomplete")
    buyer.advance(1)
    after = buyer.reload(subscription)
    assert (after.status, after.latest_invoice.status) == ("incomplete_expired", "void")


def test_a_renewal_is_a_draft_for_an_hour_and_then_paid(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    before = len(shop.events())
    buyer.advance(30)
    renewed = buyer.reload(subscription)
    item = renewed["items"].data[0]
    assert item.current_period_start == subscription["items"].data[0].current_period_end
    assert renewed.latest_invoice.status == "draft"
    buyer.advance(1)
    assert buyer.reload(subscription).latest_invoice.status == "paid"
    kinds = shop.kinds(before)
    assert kinds.index("customer.subscription.updated") < kinds.index("invoice.paid")
    changed = next(
        event for event in shop.events(before) if event["type"] == "customer.subscription.updated"
    )["data"]["previous_attributes"]
    assert set(changed) == {"items", "latest_invoice"}
    reason = buyer.reload(subscription).latest_invoice.billing_reason
    assert reason == "subscription_cycle"


def test_a_trial_starts_with_a_zero_invoice_and_ends_with_a_payment(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe(trial_period_days=14)
    assert (subscription.status, subscription.trial_end) == ("trialing", NOW + 14 * DAY)
    first = shop.v1.invoices.retrieve(subscription.latest_invoice)
    assert (first.status, first.amount_paid) == ("paid", 0)
    assert shop.v1.invoice_payments.list({"invoice": first.id}).data == []
    buyer.advance(12)
    assert "customer.subscription.trial_will_end" in shop.kinds()
    buyer.advance(3)
    after = buyer.reload(subscription)
    assert (after.status, after.latest_invoice.amount_paid) == ("active", 2000)


def test_a_trial_without_a_card_pauses_and_resumes(shop: Shop) -> None:
    buyer = Subscriber(shop, None)
    subscription = buyer.subscribe(
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    buyer.advance(8)
    assert buyer.reload(subscription).status == "paused"
    assert shop.kinds()[-2] == "customer.subscription.paused"
    shop.v1.customers.payment_methods.list(buyer.customer.id)
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": buyer.customer.id})
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": card.id})
    assert shop.v1.subscriptions.resume(subscription.id).status == "active"
    buyer.advance(1)
    assert buyer.reload(subscription).latest_invoice.status == "paid"


def test_a_card_that_stops_working_is_past_due_and_then_canceled(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    bad = shop.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": buyer.customer.id}
    )
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
    buyer.advance(32)
    late = buyer.reload(subscription)
    assert (late.status, late.latest_invoice.status) == ("past_due", "open")
    assert late.latest_invoice.next_payment_attempt
    buyer.advance(4)
    assert buyer.reload(subscription).latest_invoice.attempt_count == 2
    buyer.advance(20)
    gone = buyer.reload(subscription)
    assert (gone.status, gone.cancellation_details.reason) == ("canceled", "payment_failed")
    assert shop.kinds().count("invoice.payment_failed") == 4


def test_past_due_recovers_when_a_good_card_pays(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    bad = shop.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": buyer.customer.id}
    )
    shop.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
    buyer.advance(32)
    invoice = buyer.reload(subscription).latest_invoice
    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(invoice.id)
    paid = shop.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "paid"
    assert buyer.reload(subscription).status == "active"


def test_cancel_at_period_end_goes_on_until_then(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    end = subscription["items"].data[0].current_period_end
    ending = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at, ending.canceled_at) == ("active", end, NOW)
    buyer.advance(40)
    gone = buyer.reload(subscription)
    assert (gone.status, gone.ended_at) == ("canceled", end)
    assert shop.kinds().count("invoice.paid") == 1


def test_cancel_at_a_date_can_be_taken_back_and_cancel_now_is_now(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    soon = shop.v1.subscriptions.update(subscription.id, {"cancel_at": NOW + 10 * DAY})
    assert (soon.cancel_at, soon.cancel_at_period_end) == (NOW + 10 * DAY, False)
    kept = shop.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    buyer.advance(11)
    assert buyer.reload(subscription).status == "active"
    gone = shop.v1.subscriptions.cancel(subscription.id)
    assert (gone.status, gone.ended_at) == ("canceled", NOW + 11 * DAY)
    assert shop.kinds()[-1] == "customer.subscription.deleted"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.subscriptions.cancel(subscription.id)
    assert caught.value.code == "resource_missing"


def test_a_declined_first_payment_is_incomplete_or_an_error(shop: Shop) -> None:
    buyer = Subscriber(shop, "pm_card_chargeCustomerFail")
    assert buyer.subscribe().status == "incomplete"
    with pytest.raises(stripe.CardError):
        buyer.subscribe(payment_behavior="error_if_incomplete")
    stranger = Subscriber(shop, None)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stranger.subscribe()
    assert caught.value.code == "resource_missing"


def test_a_change_of_price_is_prorated(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    dearer = shop.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 4000,
            "recurring": {"interval": "month"},
            "product": buyer.price.product,
        }
    )
    buyer.advance(15)
    item = subscription["items"].data[0].id
    shop.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item, "price": dearer.id}],
            "proration_behavior": "always_invoice",
        },
    )
    invoice = buyer.reload(subscription).latest_invoice
    assert (invoice.billing_reason, invoice.amount_paid) == ("subscription_update", 1000)
    assert [line.amount for line in invoice.lines.data] == [-1000, 2000]
    second = shop.v1.subscription_items.create(
        {"subscription": subscription.id, "price": buyer.price.id, "proration_behavior": "none"}
    )
    assert len(shop.v1.subscription_items.list({"subscription": subscription.id}).data) == 2
    assert shop.v1.subscription_items.delete(second.id).deleted


def test_invoices_can_be_voided_given_up_or_paid_elsewhere(shop: Shop) -> None:
    buyer = Subscriber(shop, None)
    invoices = [
        buyer.subscribe(payment_behavior="default_incomplete").latest_invoice for _ in range(3)
    ]
    assert shop.v1.invoices.void_invoice(invoices[0]).status == "void"
    assert shop.v1.invoices.mark_uncollectible(invoices[1]).status == "uncollectible"
    paid = shop.v1.invoices.pay(invoices[2], {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 2000)
    draft = shop.v1.invoices.create({"customer": buyer.customer.id})
    assert shop.v1.invoices.delete(draft.id).deleted
    assert len(shop.v1.invoices.list({"customer": buyer.customer.id}).data) == 3
    assert shop.v1.invoices.line_items.list(invoices[0]).data[0].amount == 2000


def test_paused_collection_keeps_drafts(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    pause = {"pause_collection": {"behavior": "void"}}
    shop.v1.subscriptions.update(subscription.id, pause)
    buyer.advance(32)
    after = buyer.reload(subscription)
    assert (after.status, after.latest_invoice.status) == ("active", "void")
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    buyer.advance(30)
    assert buyer.reload(subscription).latest_invoice.status == "paid"


def test_month_ends_stay_month_ends(shop: Shop) -> None:
    buyer = Subscriber(shop)
    # 2026-08-31 00:00 UTC
    buyer.advance(91)
    subscription = buyer.subscribe()
    ends = [subscription["items"].data[0].current_period_end]
    for _ in range(2):
        buyer.advance((ends[-1] - shop.state.test_clocks[buyer.clock.id].now()) / DAY)
        ends.append(buyer.reload(subscription)["items"].data[0].current_period_end)
    # 30 September, 31 October, 30 November
    assert ends == [1_790_726_400, 1_793_404_800, 1_795_996_800]


def test_a_customer_that_goes_takes_the_subscription_along(shop: Shop) -> None:
    buyer = Subscriber(shop)
    subscription = buyer.subscribe()
    assert shop.v1.customers.delete(buyer.customer.id).deleted
    assert shop.v1.customers.retrieve(buyer.customer.id).deleted
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"
