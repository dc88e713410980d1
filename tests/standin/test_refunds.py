"""Refunds: what is left is never exceeded, and one that fails later is counted no more."""

import concurrent.futures
import contextlib

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standin import intent_object, payment_methods, payments, refunds
from standin.errors import StripeError
from standin.state import State
from tests.standin.support import NOW, Shop


def test_partial_refunds_add_up_and_stop_at_what_is_left(shop: Shop) -> None:
    intent = shop.pay(1000)
    first = shop.v1.refunds.create({"payment_intent": intent.id, "amount": 600})
    assert (first.status, first.amount) == ("succeeded", 600)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.refunds.create({"payment_intent": intent.id, "amount": 401})
    assert caught.value.param == "amount"
    rest = shop.v1.refunds.create({"charge": intent.latest_charge})
    assert rest.amount == 400
    charge = shop.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"


def test_one_refund_makes_events_of_both_families(shop: Shop) -> None:
    intent = shop.pay()
    before = len(shop.events())
    shop.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    assert shop.kinds(before) == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]
    previous = shop.events()[-1]["data"]["previous_attributes"]
    assert previous["destination_details"]["card"]["reference_status"] == "pending"


def test_a_refund_that_fails_later_restores_the_balance(shop: Shop) -> None:
    intent = shop.pay(1000, "pm_card_refundFail")
    refund = shop.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    shop.control("clock", advance=60)
    failed = shop.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert shop.kinds()[-3:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    charge = shop.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert shop.v1.refunds.create({"payment_intent": intent.id}).amount == 1000


def test_a_pending_refund_arrives_or_waits_for_the_buyer_and_is_canceled(shop: Shop) -> None:
    intent = shop.pay(1000, "pm_card_pendingRefund")
    first = shop.v1.refunds.create({"payment_intent": intent.id, "amount": 300})
    assert (first.status, first.pending_reason) == ("pending", "processing")
    shop.control("clock", advance=60)
    assert shop.v1.refunds.retrieve(first.id).status == "succeeded"
    second = shop.v1.refunds.create({"payment_intent": intent.id, "amount": 700})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.refunds.cancel(second.id)
    shop.control(f"refunds/{second.id}/require_action")
    assert shop.v1.refunds.cancel(second.id).status == "canceled"
    assert shop.v1.charges.retrieve(intent.latest_charge).amount_refunded == 300


def test_any_refund_can_be_made_to_fail(shop: Shop) -> None:
    intent = shop.pay()
    refund = shop.v1.refunds.create({"payment_intent": intent.id})
    shop.control(f"refunds/{refund.id}/fail", reason="declined")
    assert shop.v1.refunds.retrieve(refund.id).failure_reason == "declined"
    again = shop.http.post(f"/_standin/refunds/{refund.id}/fail", json={})
    assert again.status_code == 400


def test_refunds_at_once_do_not_exceed_what_is_left(shop: Shop) -> None:
    intent = shop.pay(1000)

    def refund(number: int) -> int:
        given = {"payment_intent": intent.id, "amount": "300"}
        return shop.http.post("/v1/refunds", data=given).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(refund, range(8)))
    assert sorted(answers) == [200] * 3 + [400] * 5
    assert shop.v1.charges.retrieve(intent.latest_charge).amount_refunded == 900


def test_an_unpaid_intent_cannot_be_refunded(shop: Shop) -> None:
    intent = shop.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        shop.v1.refunds.create({"payment_intent": intent.id})


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("refund"), st.one_of(st.none(), st.integers(-5, 1200))),
        st.tuples(st.just("fail"), st.integers(0, 5)),
        st.tuples(st.just("succeed"), st.integers(0, 5)),
        st.tuples(st.just("require_action"), st.integers(0, 5)),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
    ),
    max_size=12,
)


@given(
    token=st.sampled_from(["pm_card_visa", "pm_card_refundFail", "pm_card_pendingRefund"]),
    steps=_STEPS,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_refunds_never_exceed_the_charge(token: str, steps: list[tuple[str, int | None]]) -> None:
    state = State(seed=3, now=NOW)
    intent = intent_object.create(state, 1000, "usd")
    payments.confirm(state, intent, payment_methods.resolve(state, token))
    charge = state.get("charge", intent["latest_charge"])
    for step, value in steps:
        made = list(state.table("refund").values())
        with contextlib.suppress(StripeError):
            if step == "refund":
                refunds.create(state, charge, value)
            elif made:
                refund = made[(value or 0) % len(made)]
                if step == "fail":
                    refunds.fail(state, refund, "unknown")
                else:
                    getattr(refunds, step)(state, refund)
        counted = sum(
            refund["amount"]
            for refund in state.table("refund").values()
            if refund["status"] not in ("failed", "canceled")
        )
        assert charge["amount_refunded"] == counted <= charge["amount"]
        assert charge["refunded"] == (counted == charge["amount"])
