"""Every order of delivery ends in the rows of the right order: over the store, all callbacks."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stripe.histories import NEW, OLD, START, VERSIONS, Payment, Subscription
from tests.stripe.test_payment import shuffled
from tests.stripe.world import World

OURS = {"order_id": "1"}
MONTH = 2_592_000
Events = list[dict[str, Any]]


def after(events: Events) -> dict[str, Any]:
    world = World()
    world.add("order", amount=10_000)
    world.settle(*events)
    picture = world.picture()
    picture["aside"] = sorted(
        {
            (one["type"], one["data"]["object"]["id"])
            for found in world.aside.values()
            for one in found
        }
    )
    return picture


def paid_and_refunded(version: str) -> Events:
    history = Payment(version, metadata=OURS)
    history.create(START)
    history.fail(START)
    history.succeed(START + 1)
    first = history.refund(START + 2, 4_000)
    history.refund(START + 3, 6_000)
    history.move_refund(START + 4, first, "failed")
    return history.events


def checked_out(version: str) -> Events:
    history = Payment(version, metadata=OURS)
    history.session("completed", START, "unpaid")
    history.process(START)
    history.succeed(START + 9)
    history.session("async_payment_succeeded", START + 9, "paid")
    history.dispute("created", START + 10, "needs_response")
    history.dispute("closed", START + 10, "lost")
    return history.events


def subscribed(version: str) -> Events:
    history = Subscription(version, OURS)
    history.create(START)
    history.update(START, status="active")
    history.invoice(("paid", "payment_succeeded"), START, 2_000, first=True)
    history.invoice(("payment_failed", "paid"), START + MONTH, 2_000)
    failed = next(one for one in history.events if one["type"] == "invoice.payment_failed")
    failed["data"]["object"] |= {"amount_paid": 0, "status": "open"}
    history.update(START + MONTH, cancel_at_period_end=True, canceled_at=START + MONTH)
    history.update(START + MONTH, cancel_at_period_end=False, canceled_at=None)
    # The renewal's own payment intent, without metadata, refunded in part.
    intent = Payment(version, amount=2_000)
    intent.id = "pi_s1_2"
    intent.succeed(START + MONTH)
    if version == OLD:
        intent.charge()["id"] = "ch_s1_2"
        intent.events.clear()
        intent.tell("payment_intent.succeeded", intent.intent("succeeded"), START + MONTH)
    intent.refund(START + MONTH + 5, 500)
    return history.events + intent.events


def on_trial(version: str) -> Events:
    history = Subscription(version, OURS)
    history.create(START, "trialing", trial_end=START + 9)
    history.invoice(("paid", "payment_succeeded"), START, 0, first=True, until=START + 9)
    history.remind(START + 3)
    history.update(START + 9, status="active")
    history.invoice(("paid",), START + 9, 2_000)
    history.update(START + 9, status="past_due")
    history.end(START + 10)
    return history.events


def refunded_in_full(version: str) -> Events:
    history = Payment(version, metadata=OURS)
    history.create(START)
    history.succeed(START + 1)
    history.refund(START + 2, 10_000)
    history.dispute("created", START + 3, "needs_response")
    return history.events


STORIES = {
    "refunded in full": refunded_in_full,
    "paid and refunded": paid_and_refunded,
    "checked out": checked_out,
    "subscribed": subscribed,
    "on trial": on_trial,
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("story", STORIES)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_order_of_delivery_ends_in_the_same_rows(
    story: str, version: str, data: st.DataObject
) -> None:
    events = STORIES[story](version)
    assert after(shuffled(events, data)) == after(events)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_both_versions_of_one_story_end_in_the_same_rows(version: str) -> None:
    found = after(paid_and_refunded(version))
    ((*columns, _),) = found["payment"]
    row = dict(columns)
    assert (row["status"], row["amount_refunded"]) == ("PARTIALLY_REFUNDED", 6_000)
    assert len(found["refund"]) == 2
    found = after(subscribed(version))
    assert [dict(row[:-1])["amount_refunded"] for row in found["payment"]] == [0, 500]
    assert found["aside"] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_flow_of_a_success_runs_before_the_flow_of_its_refund(version: str) -> None:
    history = Payment(version, metadata=OURS)
    history.create(START)
    history.succeed(START + 1)
    history.refund(START + 2, 4_000)
    created, *success, refunded = history.events if version != NEW else history.events[:-1]
    world = World()
    world.add("order", amount=10_000)
    for early in (refunded, created, refunded):
        world.deliver(early)
    assert "success of its payment was not told yet" in world.reasons[0]
    assert "whose success was not told yet" in world.reasons[1]
    # A waiting event is woken by the success; here the fixed point stands in for the engine.
    world.settle(*success)
    assert [output["callbackProcessed"] for output in world.outputs[1:4]] == [False, True, False]
    assert world.only("order")["note"] == "partly refunded"


def test_a_success_wakes_what_waits_for_it() -> None:
    history = Payment(NEW, metadata=OURS)
    history.create(START)
    history.succeed(START + 1)
    world = World()
    world.add("order", amount=10_000)
    assert world.run(history.events[0])[1] == ["pi_1"]
    assert world.run(history.events[1])[1] == ["pi_1", "ch_1_1"]
    assert world.run(history.events[2])[1] == []


def test_the_order_may_come_last_of_all() -> None:
    events = paid_and_refunded(NEW)
    world = World()
    world.deliver(*events)
    assert world.rows("payment") == []
    world.add("order", amount=10_000)
    world.settle()
    assert world.picture()["payment"] == after(events)["payment"]


def test_all_orders_of_a_short_story_one_by_one() -> None:
    history = Payment(NEW, metadata=OURS)
    history.succeed(START)
    history.refund(START + 1, 10_000)
    orders = {repr(after(list(order))) for order in itertools.permutations(history.events)}
    assert len(orders) == 1
