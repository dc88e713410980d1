"""What happens to the orders of the example shop, and which of Stripe's events are kept of it.

Orders are the rows of flows/seed.yaml; amounts are minor units, times seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.tools.shop import DAY, Shop

Story = Callable[["Shop"], None]
STORIES: dict[str, tuple[Story, str | None]] = {}
"""By name: what happens, and the API version of the endpoint that hears of it."""


def story(version: str | None = None) -> Callable[[Story], Story]:
    """Registers a story."""

    def register(tell: Story) -> Story:
        STORIES[tell.__name__] = (tell, version)
        return tell

    return register


# --- payments


@story()
def card_payment(shop: Shop) -> None:
    """Order 1: the bank's check fails, the second try is paid; refunded in two parts, the second
    of which fails later."""
    intent = shop.pay(1, 10_000, "usd", "pm_card_authenticationRequired")
    shop.keep(payment_intent__created="", payment_intent__requires_action="")
    shop.pass_time()
    shop.control(f"payment_intents/{intent.id}/authenticate", outcome="fail")
    shop.keep(payment_intent__payment_failed="")
    shop.pass_time()
    paid = shop.confirm(intent, "pm_card_visa")
    assert paid.status == "succeeded"
    shop.keep(payment_intent__succeeded="", charge__succeeded="")
    shop.pass_time(DAY)
    shop.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})
    shop.keep(refund__created="", charge__refunded="partial", refund__updated="")
    shop.keep(charge__refund__updated="")
    shop.pass_time(DAY)
    rest = shop.v1.refunds.create({"payment_intent": intent.id, "amount": 6000})
    shop.keep(refund__created="rest", charge__refunded="full")
    shop.pass_time(DAY)
    shop.control(f"refunds/{rest.id}/fail", reason="expired_or_canceled_card")
    shop.keep(refund__failed="", refund__updated="failed")


@story()
def declined_card(shop: Shop) -> None:
    """Order 1: the card is declined, and nobody tries again."""
    shop.pay(1, 10_000, "usd", "pm_card_visa_chargeDeclinedInsufficientFunds")
    shop.keep(payment_intent__payment_failed="declined", charge__failed="")


@story()
def bank_debit(shop: Shop) -> None:
    """Order 2: a SEPA debit, which the bank confirms days later."""
    intent = shop.pay(2, 2500, "eur", "pm_sepaDebit_successDelayed")
    shop.keep(payment_intent__processing="")
    shop.pass_time(4 * DAY)
    assert shop.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    shop.keep(payment_intent__succeeded="debit")


@story()
def failed_debit(shop: Shop) -> None:
    """Order 2: a SEPA debit which the bank refuses days later."""
    shop.pay(2, 2500, "eur", "pm_sepaDebit_failedDelayed")
    shop.keep(payment_intent__processing="fails")
    shop.pass_time(4 * DAY)
    shop.keep(payment_intent__payment_failed="debit")


@story()
def abandoned_payment(shop: Shop) -> None:
    """Order 2: the card was declined, then the shop cancels the payment."""
    intent = shop.pay(2, 2500, "eur", "pm_card_chargeDeclined")
    shop.pass_time()
    shop.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    shop.keep(payment_intent__canceled="")


@story()
def refund_that_waits(shop: Shop) -> None:
    """Order 2: paid by card; the refund waits for the customer and is canceled."""
    intent = shop.pay(2, 2500, "eur", "pm_card_pendingRefund")
    shop.keep(payment_intent__succeeded="card")
    shop.pass_time(DAY)
    refund = shop.v1.refunds.create({"payment_intent": intent.id, "amount": 2500})
    shop.keep(refund__created="pending", charge__refunded="pending")
    shop.pass_time(2)
    shop.control(f"refunds/{refund.id}/require_action")
    shop.keep(refund__updated="requires_action")
    shop.pass_time(10)
    shop.v1.refunds.cancel(refund.id)
    shop.keep(refund__updated="canceled")


@story()
def disputed_payment(shop: Shop) -> None:
    """Order 1: the customer's bank disputes the payment; the shop loses."""
    shop.pay(1, 10_000, "usd", "pm_card_createDispute")
    shop.keep(payment_intent__succeeded="disputed", charge__dispute__created="")
    shop.pass_time(DAY)
    dispute = shop.v1.disputes.list().data[0]
    shop.control(f"disputes/{dispute.id}/close", outcome="lost")
    shop.keep(charge__dispute__closed="")


@story()
def not_of_this_shop(shop: Shop) -> None:
    """A payment link and an app on the same Stripe account: no metadata of ours."""
    intent = shop.pay(None, 999, "usd", "pm_card_visa")
    shop.keep(payment_intent__succeeded="foreign")
    shop.v1.refunds.create({"payment_intent": intent.id})
    shop.keep(charge__refunded="foreign")
    shop.subscribe(None, 700)
    shop.keep(customer__subscription__updated="foreign", invoice__paid="foreign")


# --- checkout


@story()
def checkout_paid(shop: Shop) -> None:
    """Order 2: paid by card on Stripe's page."""
    session = shop.checkout(2, 2500, "eur")
    shop.pass_time()
    shop.fill_in(session.url, method="pm_card_visa")
    shop.keep(checkout__session__completed="paid", payment_intent__succeeded="checkout")


@story()
def checkout_paid_later(shop: Shop) -> None:
    """Order 2: a bank debit on Stripe's page; complete at once, paid days later."""
    session = shop.checkout(2, 2500, "eur")
    shop.fill_in(session.url, method="pm_sepaDebit_successDelayed")
    shop.keep(checkout__session__completed="unpaid")
    shop.pass_time(4 * DAY)
    shop.keep(checkout__session__async_payment_succeeded="")


@story()
def checkout_never_paid(shop: Shop) -> None:
    """Order 2: a bank debit on Stripe's page, which the bank refuses."""
    session = shop.checkout(2, 2500, "eur")
    shop.fill_in(session.url, method="pm_sepaDebit_failedDelayed")
    shop.keep(checkout__session__completed="fails")
    shop.pass_time(4 * DAY)
    shop.keep(checkout__session__async_payment_failed="")


@story()
def checkout_left(shop: Shop) -> None:
    """Order 2: nobody filled in the page."""
    shop.checkout(2, 2500, "eur")
    shop.pass_time(2 * DAY)
    shop.keep(checkout__session__expired="")


@story()
def checkout_subscription(shop: Shop) -> None:
    """Order 3: a subscription started on Stripe's page."""
    session = shop.checkout(3, 2000, "usd", "subscription")
    shop.pass_time()
    shop.fill_in(session.url, method="pm_card_visa", email="lin@example.com")
    shop.keep(checkout__session__completed="subscription")
    shop.keep(customer__subscription__created="checkout", invoice__paid="checkout")


# --- subscriptions


@story()
def subscription(shop: Shop) -> None:
    """Order 3: started, renewed, to be cancelled at the period's end, kept after all, ended."""
    made = shop.subscribe(3)
    shop.keep(customer__subscription__created="", customer__subscription__updated="active")
    shop.keep(invoice__paid="first", invoice__payment_succeeded="first", invoice_payment__paid="")
    shop.pass_time(31 * DAY)
    shop.keep(customer__subscription__updated="renewed", invoice__paid="renewal")
    shop.keep(invoice__payment_succeeded="renewal", invoice_payment__paid="renewal")
    shop.pass_time(DAY)
    shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    shop.keep(customer__subscription__updated="cancel_at_period_end")
    shop.pass_time(DAY)
    shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    shop.keep(customer__subscription__updated="cancel_undone")
    shop.pass_time(DAY)
    shop.v1.subscriptions.cancel(made.id)
    shop.keep(customer__subscription__deleted="")


@story()
def renewal_fails(shop: Shop) -> None:
    """Order 3: the card does not pay the renewal; another card does, days later."""
    made = shop.subscribe(3)
    shop.keep(customer__subscription__created="then_fails", invoice__paid="before_failure")
    shop.use_card(made, "pm_card_chargeCustomerFail")
    shop.pass_time(31 * DAY)
    shop.keep(invoice__payment_failed="", customer__subscription__updated="past_due")
    shop.use_card(made, "pm_card_visa")
    shop.pass_time(7 * DAY)
    shop.keep(invoice__paid="after_failure", customer__subscription__updated="recovered")


@story()
def trial(shop: Shop) -> None:
    """Order 3: two weeks for nothing, then paid."""
    shop.subscribe(3, trial_period_days=14)
    shop.keep(customer__subscription__created="trial", invoice__paid="trial")
    shop.pass_time(15 * DAY)
    shop.keep(customer__subscription__updated="trial_over", invoice__paid="after_trial")


@story()
def raised_price(shop: Shop) -> None:
    """Order 3: the price goes up after the start, which the customer never agreed to here."""
    made = shop.subscribe(3)
    shop.keep(customer__subscription__created="then_raised")
    item = made["items"].data[0].id
    changed = {"items": [{"id": item, "price": shop.price(2600)}], "proration_behavior": "none"}
    shop.pass_time(DAY)
    shop.v1.subscriptions.update(made.id, changed)
    shop.keep(customer__subscription__updated="raised")
    shop.pass_time(31 * DAY)
    shop.keep(invoice__paid="raised")


# --- the same in older shapes, as an endpoint pinned to an old version gets it


@story("2024-06-20")
def renewal_of_2024(shop: Shop) -> None:
    """Order 3: before basil the period and the invoice's subscription stood at the root."""
    shop.subscribe(3)
    shop.keep(customer__subscription__created="2024-06-20")
    shop.pass_time(31 * DAY)
    shop.keep(invoice__paid="2024-06-20")


@story("2020-08-27")
def refund_of_2020(shop: Shop) -> None:
    """Order 1: an intent brings its charges, a charge its refunds."""
    intent = shop.pay(1, 10_000, "usd", "pm_card_visa")
    shop.keep(payment_intent__succeeded="2020-08-27")
    shop.pass_time(DAY)
    shop.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})
    shop.keep(charge__refunded="2020-08-27")
