"""What a payment's events say together, at the level of facts: no rows, no nodes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stripe import given_back, payment, refund
from engine.stripe.checkout import session_news
from engine.stripe.event import of
from engine.stripe.facts import merge
from tests.stripe.histories import OLD, VERSIONS, Clock, Payment
from tests.stripe.support import event


def facts_of(data: dict[str, Any]) -> dict[str, Any]:
    read = of(data)
    if read.type.startswith("checkout."):
        return payment.facts_of(session_news(read))
    if read.type.startswith("payment_intent."):
        return payment.facts_of(payment.intent_news(read))
    if read.type in ("charge.refund.updated", "refund.created", "refund.updated", "refund.failed"):
        news = refund.refund_news(read)
        assert news is not None
        return refund.facts_of(news)
    known = payment.facts_of(payment.charge_news(read))
    if read.type == "charge.refunded":
        counted = refund.refunded_charge(read)
        known = merge(known, refund.charge_facts(counted))
        for one in counted.refunds:
            known = merge(known, refund.facts_of(one))
    return known


def row(events: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for data in events:
        facts = merge(facts, facts_of(data))
    columns = payment.state_columns(facts)
    status, total = given_back.refunded_status(facts, columns.get("amount"))
    refunds = {name: given_back.refund_columns(facts, name) for name in facts.get("refunds", {})}
    return columns | {"status": status, "amount_refunded": total, "refunds": refunds}


def shuffled(events: list[dict[str, Any]], data: st.DataObject) -> list[dict[str, Any]]:
    """Every order, with some events twice."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=3))
    order = random.Random(data.draw(st.integers(0, 2**32)))
    mixed = events + again
    order.shuffle(mixed)
    return mixed


STEPS = ("create", "act", "process", "fail", "authorize")
RANKS = {"create": 1, "act": 2, "process": 3, "fail": 4, "authorize": 5}


@given(
    st.sampled_from(VERSIONS),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), max_size=5),
    st.sampled_from(["succeed", "cancel", "open"]),
    st.booleans(),
    st.data(),
)
def test_any_order_of_a_payments_events_gives_the_row_of_the_right_order(
    version: str, steps: list[tuple[str, int]], end: str, tie: bool, data: st.DataObject
) -> None:
    history, clock, rank = Payment(version), Clock(), 0
    last = "PENDING"
    words = {"process": "PROCESSING", "fail": "FAILED", "authorize": "PROCESSING"}
    for step, seconds in steps:
        # Within one second the ranks tell; a step back in rank needs a second of its own.
        wait = seconds if RANKS[step] > rank else seconds + 1
        rank = RANKS[step]
        getattr(history, step)(clock.after(wait))
        last = words.get(step, "PENDING")
    if end == "succeed":
        history.succeed(clock.after(0 if tie else 1))
        last = "SUCCESSFUL"
    elif end == "cancel":
        history.cancel(clock.after(0 if tie else 1))
        last = "CANCELLED"
    if not history.events:
        return
    in_order = row(history.events)
    assert in_order["status"] == last
    assert row(shuffled(history.events, data)) == in_order
    assert in_order["amount"] == 10_000
    failed = last == "FAILED"
    assert in_order["failure_code"] == ("card_declined" if failed else None)
    if end == "succeed":
        assert in_order["charge_id"] == history.charge()["id"]


@given(st.sampled_from(VERSIONS), st.data())
def test_case_5_a_late_failure_does_not_undo_a_success_nor_the_reverse(
    version: str, data: st.DataObject
) -> None:
    history = Payment(version)
    history.fail(1_700_000_000)
    history.succeed(1_700_000_060)
    # A failure never seen before, dated before the success, and one dated after it.
    late = Payment(version)
    late.fail(1_700_000_000, "expired_card")
    late.fail(1_700_000_061, "lost_card")
    for number, told in enumerate(late.events):
        told["id"] = f"evt_late_{number}"
    found = row(shuffled(history.events + late.events, data))
    assert (found["status"], found["failure_code"]) == ("SUCCESSFUL", None)
    assert found["failure_message"] is None


def test_case_5_a_failure_is_not_final() -> None:
    history = Payment()
    history.fail(1)
    failed = row(history.events)
    assert (failed["status"], failed["failure_code"]) == ("FAILED", "card_declined")
    assert failed["failure_message"] == "It failed: card_declined."
    history.succeed(2)
    assert row(history.events)["status"] == "SUCCESSFUL"


@pytest.mark.parametrize("ending", ["async_payment_succeeded", "async_payment_failed"])
@pytest.mark.parametrize("processing", [None, 1_700_000_000, 1_700_000_001])
@given(st.data())
def test_case_15_a_completed_checkout_is_not_paid_until_the_money_came(
    ending: str, processing: int | None, data: st.DataObject
) -> None:
    history = Payment()
    if processing:
        history.tell("payment_intent.processing", history.intent("processing"), processing)
    history.session("completed", 1_700_000_001, "unpaid")
    waiting = row(shuffled(history.events, data))
    assert waiting["status"] == ("PROCESSING" if processing else "PENDING")
    paid = ending == "async_payment_succeeded"
    history.session(ending, 1_700_200_000, "paid" if paid else "unpaid")
    found = row(shuffled(history.events, data))
    assert found["status"] == ("SUCCESSFUL" if paid else "FAILED")


@pytest.mark.parametrize("apart", [0, 100])
@given(st.data())
def test_a_checkout_that_ends_unpaid_is_news_against_an_earlier_failed_attempt(
    apart: int, data: st.DataObject
) -> None:
    history = Payment()
    history.fail(1_700_000_000)
    history.session("completed", 1_700_000_000 + apart, "unpaid")
    found = row(shuffled(history.events, data))
    assert (found["status"], found["failure_code"]) == ("PENDING", None)


@given(st.data())
def test_an_expired_checkout_is_cancelled_and_a_success_still_beats_it(data: st.DataObject) -> None:
    history = Payment()
    history.session("expired", 5, "unpaid", payment_intent=None)
    assert row(history.events)["status"] == "CANCELLED"
    history.succeed(3)
    assert row(shuffled(history.events, data))["status"] == "SUCCESSFUL"


def test_a_checkout_with_nothing_to_pay_is_a_success_of_zero() -> None:
    history = Payment()
    history.session("completed", 1, "no_payment_required", payment_intent=None, amount_total=0)
    found = row(history.events)
    assert (found["status"], found["amount"], found["amount_refunded"]) == ("SUCCESSFUL", 0, 0)


def test_an_authorisation_let_go_is_cancelled_not_refunded() -> None:
    history = Payment(OLD)
    history.authorize(1)
    assert row(history.events)["status"] == "PROCESSING"
    let_go = history.charge() | {"refunded": True, "amount_refunded": 10_000}
    history.tell("charge.refunded", let_go, 2)
    found = row(history.events)
    assert (found["status"], found["amount_refunded"]) == ("CANCELLED", 0)


def test_a_partial_capture_is_a_payment_of_what_was_taken() -> None:
    charge = {
        "id": "ch_1",
        "object": "charge",
        "amount": 1000,
        "amount_captured": 600,
        "amount_refunded": 400,
        "captured": True,
        "currency": "usd",
        "paid": True,
        "status": "succeeded",
    }
    found = row([event("charge.captured", charge), event("charge.refunded", charge)])
    assert (found["amount"], found["amount_refunded"], found["status"]) == (600, 0, "SUCCESSFUL")


def test_a_fetched_object_counts_by_its_own_status() -> None:
    data = event("payment_intent.payment_failed", {"id": "pi_1", "status": "succeeded"})
    assert row([data | {"thin": True}])["status"] == "SUCCESSFUL"


def test_a_charge_before_payment_intents_is_a_payment_of_its_own() -> None:
    charge = {"id": "ch_1", "paid": True, "status": "succeeded", "captured": True, "amount": 5}
    news = payment.charge_news(of(event("charge.succeeded", charge, version="2015-02-18")))
    assert news.transaction_id == "ch_1"
    assert payment.settled(payment.facts_of(news)) == "SUCCESSFUL"


@given(st.data())
def test_of_one_success_the_payment_intents_word_counts_most(data: st.DataObject) -> None:
    history = Payment()
    history.succeed(1)
    # A session shows what the customer saw, in his currency; the intent what was received.
    history.session("completed", 5, "paid", amount_total=10_500)
    found = row(shuffled(history.events, data))
    assert (found["amount"], found["charge_id"]) == (10_000, "ch_1_1")


def test_within_one_second_a_failure_comes_after_what_led_to_it() -> None:
    for lead in ("create", "act", "process"):
        history = Payment()
        getattr(history, lead)(1)
        history.fail(1)
        assert row(history.events)["status"] == "FAILED"
        history.authorize(1)
        assert row(history.events)["status"] == "PROCESSING"
