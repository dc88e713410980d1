"""Pay, refund and subscribe through a real server and the stand-in, webhooks included."""

from __future__ import annotations

import concurrent.futures
import time

import pytest

from tests.acceptance.conftest import ON_BOTH
from tests.acceptance.shop import Shop

pytestmark = ON_BOTH


def paid(shop: Shop, order: int = 1) -> int:
    """An order paid in full by card; the payment's id."""
    answer = shop.act("pay", {"orderId": order}).json()
    intent = shop.row("payment", id=answer["paymentId"])["transaction_id"]
    shop.stripe().payment_intents.confirm(
        intent, {"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/back"}
    )
    shop.deliver()
    return int(answer["paymentId"])


def test_a_customer_pays_an_order(shop: Shop) -> None:
    answer = shop.act("pay", {"orderId": 1}, role="customer")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["clientSecret"].startswith("pi_")
    assert body["publishableKey"] == "pk_test_shop"
    assert (body["amount"], body["currency"], body["checkoutUrl"]) == (10000, "usd", None)
    payment = shop.row("payment")
    assert (payment["status"], payment["account_id"], payment["type"]) == (
        "PENDING",
        "ada",
        "one_time",
    )
    shop.stripe().payment_intents.confirm(
        payment["transaction_id"],
        {"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/back"},
    )
    shop.deliver()
    assert shop.row("payment")["status"] == "SUCCESSFUL"
    assert shop.row("order", id=1)["status"] == "paid"
    again = shop.act("pay", {"orderId": 1}, role="customer")
    assert again.status_code == 422
    assert again.json()["code"] == "refused"


def test_pay_again_reuses_the_open_payment(shop: Shop) -> None:
    first = shop.act("pay", {"orderId": 1}).json()
    second = shop.act("pay", {"orderId": 1}).json()
    assert second["paymentId"] == first["paymentId"]
    assert second["clientSecret"] == first["clientSecret"]
    assert len(shop.rows("payment")) == 1


def test_pay_by_checkout_after_elements_closes_the_intent(shop: Shop) -> None:
    first = shop.act("pay", {"orderId": 1}).json()
    second = shop.act("pay", {"orderId": 1, "mode": "checkout"}).json()
    assert second["checkoutUrl"].startswith(shop.standin.url)
    assert second["clientSecret"] is None
    statuses = {row["id"]: row["status"] for row in shop.rows("payment")}
    assert statuses == {first["paymentId"]: "CANCELLED", second["paymentId"]: "PENDING"}
    shop.deliver()
    assert shop.row("order", id=1)["status"] in ("pending", "cancelled")


def test_a_declined_card_can_be_tried_again(shop: Shop) -> None:
    answer = shop.act("pay", {"orderId": 1}).json()
    intent = shop.row("payment")["transaction_id"]
    back = {"return_url": "http://127.0.0.1/back"}
    with pytest.raises(Exception, match="declined"):
        shop.stripe().payment_intents.confirm(
            intent, {"payment_method": "pm_card_chargeDeclined", **back}
        )
    shop.deliver()
    row = shop.row("payment")
    assert (row["status"], row["failure_code"]) == ("FAILED", "card_declined")
    assert shop.row("order", id=1)["status"] == "failed"
    assert shop.act("pay", {"orderId": 1}).json()["paymentId"] == answer["paymentId"]
    shop.stripe().payment_intents.confirm(intent, {"payment_method": "pm_card_visa", **back})
    shop.deliver()
    assert shop.row("payment")["status"] == "SUCCESSFUL"
    assert shop.row("order", id=1)["status"] == "paid"


def test_refunds_in_part_and_in_full(shop: Shop) -> None:
    payment = paid(shop)
    first = shop.act("refund", {"paymentId": payment, "refundAmount": 4000})
    assert first.status_code == 200, first.text
    assert first.json()["left"] == 6000
    same = shop.act("refund", {"paymentId": payment, "refundAmount": 4000})
    assert same.json()["left"] == 2000, "a second refund of the same amount is a refund of its own"
    much = shop.act("refund", {"paymentId": payment, "refundAmount": 2001})
    assert (much.status_code, much.json()["code"]) == (422, "more_than_is_left")
    assert much.json()["left"] == 2000
    shop.deliver()
    assert shop.row("order", id=1)["status"] == "partly refunded"
    rest = shop.act("refund", {"paymentId": payment}).json()
    assert (rest["refundAmount"], rest["left"]) == (2000, 0)
    shop.deliver()
    assert shop.row("payment", id=payment)["status"] == "REFUNDED"
    assert shop.row("order", id=1)["status"] == "refunded"
    assert [row["status"] for row in shop.rows("refund")] == ["REFUNDED"] * 3


def test_two_refunds_at_once_never_exceed_what_is_left(shop: Shop) -> None:
    payment = paid(shop)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda _: shop.act("refund", {"paymentId": payment, "refundAmount": 4000}), range(6)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 422, 422, 422, 422]
    shop.deliver()
    assert shop.row("payment", id=payment)["amount_refunded"] == 8000


def test_a_retry_with_the_same_key_is_one_refund(shop: Shop) -> None:
    payment = paid(shop)
    body = {"paymentId": payment, "refundAmount": 100}
    answers = [shop.act("refund", body, key="r1") for _ in range(3)]
    assert [answer.json() for answer in answers] == [answers[0].json()] * 3
    assert answers[2].headers["idempotent-replayed"] == "true"
    assert len(shop.rows("refund")) == 1
    other = shop.act("refund", body | {"refundAmount": 200}, key="r1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "kind", ["error", "error_after", "rate_limit", "drop_before", "drop_after"]
)
def test_a_lost_answer_then_a_retry_is_one_refund(shop: Shop, kind: str) -> None:
    payment = paid(shop)
    shop.no_sdk_retries()
    body = {"paymentId": payment, "refundAmount": 100}
    shop.control("faults", kind=kind, path="/v1/refunds")
    lost = shop.act("refund", body, key="k")
    assert (lost.status_code, lost.json()["code"]) == (503, "stripe_unreachable")
    assert shop.row("refund")["status"] == "PENDING"
    again = shop.act("refund", body, key="k")
    assert again.status_code == 200, again.text
    shop.deliver()
    row = shop.row("refund")
    assert (row["status"], row["amount"]) == ("REFUNDED", 100)
    assert shop.row("payment", id=payment)["amount_refunded"] == 100
    assert len(shop.stripe().refunds.list().data) == 1


def test_a_lost_answer_is_recovered_without_anybody_asking(shop: Shop) -> None:
    payment = paid(shop)
    shop.no_sdk_retries()
    shop.control("faults", kind="drop_after", path="/v1/refunds")
    assert shop.act("refund", {"paymentId": payment, "refundAmount": 100}).status_code == 503
    assert shop.service.actions is not None
    assert shop.service.actions.recover() == 1
    shop.deliver()
    assert shop.row("refund")["status"] == "REFUNDED"
    assert len(shop.stripe().refunds.list().data) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_an_answer_lost_for_longer_than_stripe_knows_the_key_is_one_refund(
    shop: Shop, kind: str
) -> None:
    payment = paid(shop)
    shop.no_sdk_retries()
    shop.control("faults", kind=kind, path="/v1/refunds")
    assert shop.act("refund", {"paymentId": payment, "refundAmount": 100}).status_code == 503
    shop.standin.state.saved.clear()
    actions = shop.service.actions
    assert actions is not None
    actions.now = lambda: time.time() + 25 * 3600
    assert actions.recover() == 1
    shop.deliver()
    assert shop.row("refund")["status"] == "REFUNDED"
    assert len(shop.stripe().refunds.list().data) == 1


def test_webhooks_that_overtake_the_answer_change_nothing(shop: Shop) -> None:
    payment = paid(shop)
    shop.control("delivery", when="before_answer", hold=False)
    answer = shop.act("refund", {"paymentId": payment, "refundAmount": 4000})
    assert answer.status_code == 200, answer.text
    assert len(shop.rows("refund")) == 1
    assert shop.row("payment", id=payment)["amount_refunded"] == 4000


@pytest.mark.parametrize("mode", ["in_order", "reverse", "shuffle", "at_once"])
def test_a_subscription_in_any_order_of_delivery(shop: Shop, mode: str) -> None:
    stripe = shop.stripe()
    product = stripe.products.create({"name": "Tea"})
    price = stripe.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
        }
    )
    started = shop.act("recurring", {"type": "Initiate", "orderId": 3, "priceId": price.id})
    assert started.status_code == 200, started.text
    shop.buy(started.json()["checkoutUrl"])
    shop.control("deliver", mode=mode, duplicates=1)
    shop.deliver()
    row = shop.row("recurring_payment")
    assert (row["status"], row["amount"], row["order_id"]) == ("active", 2000, 3)
    payment = shop.row("payment")
    assert (payment["type"], payment["status"], payment["order_id"]) == (
        "recurring",
        "SUCCESSFUL",
        3,
    )
    assert shop.row("order", id=3)["status"] == "paid"
    ended = shop.act("recurring", {"type": "Cancel", "orderId": 3})
    assert ended.status_code == 200, ended.text
    assert ended.json()["cancelAt"] == row["current_period_end"]
    again = shop.act("recurring", {"type": "Cancel", "orderId": 3})
    assert again.json() == ended.json()


def test_only_the_newest_page_of_an_order_can_be_subscribed_on(shop: Shop) -> None:
    stripe = shop.stripe()
    product = stripe.products.create({"name": "Tea"})
    monthly = {"currency": "usd", "unit_amount": 2000, "recurring": {"interval": "month"}}
    price = stripe.prices.create({"product": product.id, **monthly})
    body = {"type": "Initiate", "orderId": 3, "priceId": price.id}
    for _ in range(3):
        started = shop.act("recurring", body)
        assert started.status_code == 200, started.text
    sessions = stripe.checkout.sessions.list({"limit": 10}).data
    assert sorted(session.status for session in sessions) == ["expired", "expired", "open"]
    shop.buy(started.json()["checkoutUrl"])
    again = shop.act("recurring", body)  # before Stripe's events came
    assert (again.status_code, again.json()["code"]) == (409, "already_recurring")
    shop.deliver()
    assert shop.act("recurring", body).json()["code"] == "already_recurring"
    row = shop.row("recurring_payment", status="active")
    assert (row["order_id"], row["amount"], row["price_id"]) == (3, 2000, price.id)


@pytest.mark.parametrize(
    ("action", "role", "body", "status", "code"),
    [
        ("pay", "nobody", {"orderId": 1}, 401, "no_credentials"),
        ("refund", "customer", {"paymentId": 1}, 403, "action_denied"),
        ("pay", "customer", {"orderId": 3}, 403, "order_denied"),
        ("pay", "customer", {"orderId": 99}, 403, "order_denied"),
        ("pay", "admin", {"orderId": 99}, 404, "no_such_order"),
        ("recurring", "admin", {"type": "Cancel", "orderId": 99}, 404, "no_such_order"),
        ("pay", "admin", {"orderId": "1"}, 422, "invalid_input"),
        ("pay", "admin", {"orderId": 1, "amount": 100.0}, 422, "invalid_input"),
        ("pay", "admin", {"orderId": 2**63}, 422, "invalid_input"),
        ("refund", "admin", {"paymentId": 2**64 - 1}, 422, "invalid_input"),
        ("pay", "customer", {"orderId": True}, 422, "invalid_input"),
        ("pay", "customer", {"orderId": None}, 422, "invalid_input"),
        ("pay", "customer", {}, 422, "invalid_input"),
        ("pay", "customer", {"orderId": "1"}, 422, "invalid_input"),  # his own
        ("pay", "customer", {"orderId": "3"}, 422, "invalid_input"),  # another's
        ("pay", "customer", {"orderId": "99"}, 422, "invalid_input"),  # nobody's
        ("pay", "customer", {"orderId": 3, "amount": "1"}, 422, "invalid_input"),
        ("pay", "customer", {"orderId": 99, "amount": "1"}, 422, "invalid_input"),
        ("pay", "customer", {"orderId": 1, "paymentId": 1}, 422, "invalid_input"),
        ("pay", "nobody", {"orderId": "1"}, 401, "no_credentials"),
        ("refund", "customer", {"paymentId": "1"}, 403, "action_denied"),
        ("refund", "admin", {"paymentId": "1"}, 422, "invalid_input"),
        ("recurring", "customer", {"type": "Cancel", "orderId": "3"}, 422, "invalid_input"),
        (
            "recurring",
            "customer",
            {"type": "Initiate", "orderId": 1, "priceId": 5},
            422,
            "invalid_input",
        ),
        ("pay", "admin", {"orderId": 1, "amount": 1}, 422, "refused"),
        ("pay", "admin", {"orderId": 1, "x": 1}, 422, "invalid_input"),
        ("refund", "admin", {"paymentId": 7}, 404, "no_such_payment"),
        ("recurring", "admin", {"type": "Stop", "orderId": 3}, 422, "invalid_input"),
        (
            "recurring",
            "admin",
            {"type": "Initiate", "orderId": 3, "priceId": "price_x"},
            404,
            "stripe_error",
        ),
        ("recurring", "admin", {"type": "Cancel", "orderId": 3}, 404, "not_recurring"),
        ("ship", "admin", {}, 403, "action_denied"),
    ],
)
def test_what_is_refused_changes_nothing(
    shop: Shop, action: str, role: str, body: dict[str, object], status: int, code: str
) -> None:
    answer = shop.act(action, body, role=role)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert shop.rows("payment") == shop.rows("refund") == shop.rows("recurring_payment") == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b'"x"', b"\xff"])
def test_what_is_no_object_is_said_to_be_none(shop: Shop, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {shop.keys['customer']}"}
    answer = shop.client.post("/actions/pay", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")
