"""A crash injected at every step of every action, then a retry: one Stripe object, one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.actions import Actions, Asked
from tests.acceptance.conftest import ON_BOTH
from tests.acceptance.shop import Shop
from tests.acceptance.test_actions import paid

pytestmark = ON_BOTH

MOST_STEPS = 30


class Crash(BaseException):
    """The process is gone."""


class Fuse:
    """Counts steps (each transaction and each call, before and after) and blows at one of them."""

    def __init__(self, blow_at: int) -> None:
        self.blow_at = blow_at
        self.step = 0

    def pass_by(self) -> None:
        self.step += 1
        if self.step == self.blow_at:
            raise Crash

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, which can be cut off before it begins and after it is done."""

        def cut(*given: Any, **named: Any) -> Any:
            self.pass_by()
            result = work(*given, **named)
            self.pass_by()
            return result

        return cut


class FusedStripe:
    """Stripe, whose answers can be lost and whose requests can be never sent."""

    def __init__(self, stripe: Any, fuse: Fuse) -> None:
        self.perform = fuse.around(stripe.perform)


def new_order(shop: Shop, amount: int = 10_000) -> int:
    def make(tx: Any) -> Any:
        return tx.insert(
            "order", {"user_id": "ada", "item": "Tea", "amount": amount, "currency": "usd"}
        )

    order: dict[str, Any] = shop.service.writer.submit(make).result()
    return int(order["id"])


def recurring_price(shop: Shop) -> str:
    product = shop.stripe().products.create({"name": "Tea"})
    price = shop.stripe().prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
        }
    )
    return str(price.id)


Request = tuple[str, dict[str, Any]]


def pay(shop: Shop) -> Request:
    return "pay", {"orderId": new_order(shop)}


def pay_by_checkout(shop: Shop) -> Request:
    return "pay", {"orderId": new_order(shop), "mode": "checkout"}


def pay_again_otherwise(shop: Shop) -> Request:
    action, body = pay(shop)
    shop.act(action, body)
    return action, {**body, "mode": "checkout"}


def refund(shop: Shop) -> Request:
    return "refund", {"paymentId": paid(shop, new_order(shop)), "refundAmount": 4000}


def start(shop: Shop) -> Request:
    order = new_order(shop, 2000)
    body = {"type": "Initiate", "orderId": order, "priceId": recurring_price(shop)}
    return "recurring", body


def cancel(shop: Shop) -> Request:
    action, body = start(shop)
    shop.buy(shop.act(action, body).json()["checkoutUrl"])
    shop.deliver()
    return action, {"type": "Cancel", "orderId": body["orderId"]}


MADE = {
    pay: {"payment_intent": 1, "payment": 1},
    pay_by_checkout: {"checkout.session": 1, "payment": 1},
    pay_again_otherwise: {"checkout.session": 1, "payment": 1},
    refund: {"refund at Stripe": 1, "refund": 1},
    start: {"checkout.session": 1, "recurring_payment": 1},
    cancel: {},
}


def counted(shop: Shop) -> dict[str, int]:
    """How many of each object Stripe has, and how many rows we have."""
    state = shop.standin.state
    with state.lock:
        counts = {
            kind: len(state.table(kind))
            for kind in ("payment_intent", "checkout.session", "subscription")
        }
        counts["refund at Stripe"] = len(state.table("refund"))
    return counts | {
        table: len(shop.rows(table)) for table in ("payment", "refund", "recurring_payment")
    }


def fused(shop: Shop, fuse: Fuse) -> Actions:
    """The shop's actions, to be cut off at one step."""
    whole = shop.service.actions
    assert whole is not None
    stripe: Any = FusedStripe(whole.stripe, fuse)
    return Actions(whole.project, fuse.around(whole.transact), stripe, whole.publishable_key)


def start_again(shop: Shop, *, recover: bool) -> None:
    """The process starts again, when its leases have ended; unfinished actions may be taken up."""
    shop.service.writer.submit(
        lambda tx: tx.execute("UPDATE actionflow_action SET lease_until = NULL")
    ).result()
    if recover:
        assert shop.service.actions is not None
        shop.service.actions.recover()


@pytest.mark.parametrize("recover", [False, True], ids=["retried", "recovered and retried"])
@pytest.mark.parametrize("prepare", MADE, ids=lambda one: one.__name__)
def test_a_crash_at_any_step_then_a_retry_is_one_action(
    shop: Shop, prepare: Callable[[Shop], Request], recover: bool
) -> None:
    for blow_at in range(1, MOST_STEPS):
        action, body = prepare(shop)
        before = counted(shop)
        fuse = Fuse(blow_at)
        asked = Asked(action, "boss", "admin", dict(body), f"key-{blow_at}")
        try:
            answer = fused(shop, fuse).act(asked)
            crashed = False
        except Crash:
            crashed = True
            start_again(shop, recover=recover)
            answer = fused(shop, Fuse(0)).act(asked)
        assert answer.status == 200, (blow_at, answer.body)
        after = counted(shop)
        grown = {what: after[what] - before[what] for what in after if after[what] != before[what]}
        assert grown == MADE[prepare], f"crash at step {blow_at}"
        if not crashed:
            assert blow_at > 8, "the fuse passed by too few steps to prove anything"
            return
    pytest.fail("the action never came to its end")


def test_a_crash_then_paying_again_without_a_key_is_one_payment(shop: Shop) -> None:
    """A client that sends no Idempotency-Key and simply pays again, at once or after the recovery."""
    for blow_at in range(1, 9):
        action, body = pay(shop)
        before = counted(shop)
        with pytest.raises(Crash):
            fused(shop, Fuse(blow_at)).act(Asked(action, "boss", "admin", dict(body)))
        start_again(shop, recover=False)
        answer = shop.act(action, body)
        assert answer.status_code == 200, (blow_at, answer.text)
        start_again(shop, recover=True)
        after = counted(shop)
        grown = {what: after[what] - before[what] for what in after if after[what] != before[what]}
        assert grown == {"payment_intent": 1, "payment": 1}, f"crash at step {blow_at}"
        row = shop.row("payment", id=answer.json()["paymentId"])
        assert row["transaction_id"] in shop.standin.state.table("payment_intent")
