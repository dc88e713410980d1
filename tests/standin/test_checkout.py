"""The hosted page: a buyer pays, is refused, proves who he is, goes back, or lets it expire."""

from typing import Any

import pytest
import stripe

from tests.standin.support import NOW, Shop

LINE = {
    "quantity": 2,
    "price_data": {"currency": "usd", "unit_amount": 750, "product_data": {"name": "Mug"}},
}
MONTHLY = {
    "quantity": 1,
    "price_data": {
        "currency": "usd",
        "unit_amount": 900,
        "recurring": {"interval": "month"},
        "product_data": {"name": "Club"},
    },
}


def _open(shop: Shop, **more: Any) -> Any:
    return shop.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [LINE],
            "success_url": "https://shop.test/thanks?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.test/cart",
            "metadata": {"order_id": "42"},
            **more,
        }
    )


def _submit(shop: Shop, url: str, **form: str) -> Any:
    return shop.http.post(url, data={"email": "buyer@example.com", "action": "pay", **form})


def test_a_buyer_pays_on_the_page_and_returns_to_the_shop(shop: Shop) -> None:
    session = _open(shop, payment_intent_data={"metadata": {"order_id": "42"}})
    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        1500,
    )
    assert session.payment_intent is None
    page = shop.http.get(session.url)
    assert "this is not Stripe" in page.text
    assert "15.00 USD" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    before = len(shop.events())
    answer = _submit(shop, session.url, method="pm_card_visa")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://shop.test/thanks?session={session.id}"
    assert shop.kinds(before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.updated",
    ]
    paid = shop.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent", "line_items"]}
    )
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    assert paid.payment_intent.metadata["order_id"] == "42"
    assert paid.customer_details.email == "buyer@example.com"
    assert paid.line_items.data[0].description == "Mug"
    again = _submit(shop, session.url or f"/c/pay/{session.id}", method="pm_card_visa")
    assert again.status_code == 200
    assert len(shop.v1.payment_intents.list().data) == 1


def test_a_declined_card_can_be_replaced_on_the_page(shop: Shop) -> None:
    session = _open(shop)
    refused = _submit(shop, session.url, number="4000 0000 0000 0002")
    assert refused.status_code == 402
    assert "Your card was declined." in refused.text
    unknown = _submit(shop, session.url, number="4111 1111 1111 1111")
    assert "test cards only" in unknown.text
    assert _submit(shop, session.url, number="4242424242424242").status_code == 303
    [intent] = shop.v1.payment_intents.list().data
    assert intent.status == "succeeded"


def test_a_session_that_expires_after_a_refusal_cancels_its_intent(shop: Shop) -> None:
    session = _open(shop)
    _submit(shop, session.url, method="pm_card_chargeDeclined")
    gone = shop.v1.checkout.sessions.expire(session.id, {"expand": ["payment_intent"]})
    assert gone.payment_intent.status == "canceled"
    assert shop.kinds()[-2:] == ["payment_intent.canceled", "checkout.session.expired"]


def test_a_subscription_card_that_asks_for_authentication(shop: Shop) -> None:
    session = _open(shop, mode="subscription", line_items=[MONTHLY])
    asked = _submit(shop, session.url, method="pm_card_authenticationRequired")
    assert "invoice.payment_action_required" in shop.kinds()
    shop.http.post(asked.headers["location"], data={"outcome": "fail"})
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert _submit(shop, session.url, method="pm_card_visa").status_code == 303
    [subscription] = shop.v1.subscriptions.list({"status": "all"}).data
    assert subscription.status == "active"


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
def test_a_card_that_asks_for_authentication(shop: Shop, outcome: str) -> None:
    session = _open(shop)
    asked = _submit(shop, session.url, method="pm_card_authenticationRequired")
    assert "/_standin/authenticate/pi_" in asked.headers["location"]
    assert "really you" in shop.http.get(asked.headers["location"]).text
    answer = shop.http.post(asked.headers["location"], data={"outcome": outcome})
    after = shop.v1.checkout.sessions.retrieve(session.id)
    if outcome == "succeed":
        assert answer.headers["location"].endswith(session.id)
        assert after.status == "complete"
    else:
        assert "unable to authenticate" in answer.text
        assert f'action="/c/pay/{session.id}"' in answer.text
        assert after.status == "open"


@pytest.mark.parametrize(
    ("method", "last"),
    [
        ("pm_usBankAccount_success", "checkout.session.async_payment_succeeded"),
        ("pm_usBankAccount_insufficientFunds", "checkout.session.async_payment_failed"),
    ],
)
def test_a_delayed_method_completes_unpaid_and_is_settled_later(
    shop: Shop, method: str, last: str
) -> None:
    session = _open(shop)
    _submit(shop, session.url, method=method)
    waiting = shop.v1.checkout.sessions.retrieve(session.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert shop.kinds()[-1] == "checkout.session.completed"
    shop.control("clock", advance=300)
    assert last in shop.kinds()
    paid = shop.v1.checkout.sessions.retrieve(session.id).payment_status
    assert paid == ("paid" if last.endswith("succeeded") else "unpaid")


def test_cancel_goes_back_and_expiry_is_final(shop: Shop) -> None:
    session = _open(shop)
    back = _submit(shop, session.url, action="cancel")
    assert back.headers["location"] == "https://shop.test/cart"
    assert shop.v1.checkout.sessions.expire(session.id).status == "expired"
    assert shop.kinds()[-1] == "checkout.session.expired"
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.checkout.sessions.expire(session.id)
    assert shop.http.get(session.url).status_code == 410
    late = _open(shop, expires_at=NOW + 3600)
    shop.control("clock", advance=3600)
    assert shop.v1.checkout.sessions.retrieve(late.id).status == "expired"
    left = _open(shop)
    assert _submit(shop, left.url, action="expire").status_code == 410


def test_a_subscription_is_made_only_when_the_buyer_pays(shop: Shop) -> None:
    session = _open(
        shop,
        mode="subscription",
        line_items=[MONTHLY],
        subscription_data={"metadata": {"order_id": "42"}},
    )
    assert session.subscription is None
    assert _submit(shop, session.url, method="pm_card_chargeDeclined").status_code == 402
    assert shop.v1.subscriptions.list({"status": "all"}).data == []
    before = len(shop.events())
    assert _submit(shop, session.url, method="pm_card_visa").status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert (done.payment_status, done.subscription.status) == ("paid", "active")
    assert done.subscription.metadata["order_id"] == "42"
    assert done.subscription.default_payment_method
    assert done.invoice.billing_reason == "subscription_create"
    assert done.customer == done.subscription.customer
    assert "checkout.session.completed" in shop.kinds(before)


def test_a_trial_subscription_needs_no_payment_now(shop: Shop) -> None:
    session = _open(
        shop,
        mode="subscription",
        line_items=[MONTHLY],
        subscription_data={"trial_period_days": 7},
    )
    _submit(shop, session.url, method="pm_card_visa")
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")
    shop.control("clock", advance=8 * 86_400)
    assert shop.v1.subscriptions.retrieve(done.subscription.id).status == "active"


def test_setup_mode_saves_a_card(shop: Shop) -> None:
    customer = shop.v1.customers.create({})
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": customer.id,
            "success_url": "https://shop.test/ok",
        }
    )
    _submit(shop, session.url, method="pm_card_visa")
    done = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert done.setup_intent.status == "succeeded"
    assert len(shop.v1.customers.payment_methods.list(customer.id).data) == 1


def test_an_intent_can_be_paid_on_a_page_in_the_place_of_elements(shop: Shop) -> None:
    intent = shop.v1.payment_intents.create({"amount": 1234, "currency": "eur"})
    path = f"/_standin/pay/{intent.id}"
    query = {"client_secret": intent.client_secret, "return_url": "https://shop.test/back"}
    assert shop.http.get(path).status_code == 403
    assert "12.34 EUR" in shop.http.get(path, params=query).text
    done = shop.http.post(path, params=query, data={"method": "pm_card_visa"})
    assert done.headers["location"].startswith(
        f"https://shop.test/back?payment_intent={intent.id}&"
    )
    assert "redirect_status=succeeded" in done.headers["location"]


def test_what_the_standin_does_not_follow_is_refused_and_not_ignored(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not support"):
        _open(shop, discounts=[{"coupon": "x"}])
    with pytest.raises(stripe.InvalidRequestError) as caught:
        _open(shop, success_url="")
    assert caught.value.code == "parameter_missing"
    with pytest.raises(stripe.InvalidRequestError):
        _open(shop, line_items=[MONTHLY])
