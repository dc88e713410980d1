"""The locked nodes over a real store: rows, outputs, whose objects are whose."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import RunError
from engine.nodes.base import NotOurs, NotYet
from engine.stripe.event import when, with_object
from tests.stripe.histories import MIDDLE, NEW, OLD, START, VERSIONS, Payment
from tests.stripe.support import event
from tests.stripe.world import TEXT_ORDER, World

OURS = {"order_id": "1"}


@pytest.fixture
def world() -> World:
    made = World()
    made.add("order", amount=10_000)
    return made


def values(row: Any, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


# --- payments


@pytest.mark.parametrize("version", VERSIONS)
def test_a_payment_fails_then_succeeds(world: World, version: str) -> None:
    history = Payment(version, metadata=OURS)
    history.create(START)
    history.fail(START + 1)
    history.succeed(START + 2)
    created, _, failed, _, succeeded = history.events
    first = world.deliver(created)
    assert first is not None
    assert values(first, "orderId", "paymentFound", "paymentStatus", "callbackProcessed") == (
        1,
        False,
        "PENDING",
        False,
    )
    second = world.deliver(failed)
    assert second is not None
    assert values(second, "paymentFound", "paymentStatus", "failureCode", "callbackProcessed") == (
        True,
        "FAILED",
        "card_declined",
        False,
    )
    third = world.deliver(succeeded)
    assert third is not None
    assert values(third, "paymentStatus", "amount", "currency", "callbackProcessed") == (
        "SUCCESSFUL",
        10_000,
        "usd",
        False,
    )
    assert third["alreadyProcessed"] is third["callbackProcessed"]
    row = world.only("payment")
    assert values(row, "status", "transaction_id", "charge_id", "failure_code") == (
        "SUCCESSFUL",
        "pi_1",
        "ch_1_2",
        None,
    )


def test_case_3_one_payment_whatever_many_events_tell_of_it(world: World) -> None:
    history = Payment(metadata=OURS)
    history.succeed(START)
    succeeded = history.events[-1]
    others = [succeeded | {"id": f"evt_{n}"} for n in range(3)]
    outputs = [world.deliver(one) for one in others]
    assert [output["callbackProcessed"] for output in outputs if output] == [False, True, True]
    assert world.only("payment")["status"] == "SUCCESSFUL"


def test_case_5_a_late_failure_is_processed_already_and_changes_nothing(world: World) -> None:
    history = Payment(metadata=OURS)
    history.fail(START)
    history.succeed(START + 60)
    world.deliver(history.events[-1])
    before = world.only("payment")
    late = world.deliver(history.events[1])
    assert late is not None
    assert values(late, "paymentStatus", "callbackProcessed") == ("SUCCESSFUL", True)
    assert values(world.only("payment"), "status", "failure_code") == ("SUCCESSFUL", None)
    assert before["status"] == "SUCCESSFUL"


def test_case_6_ours_but_the_order_does_not_exist_yet_is_not_processed() -> None:
    world = World()
    history = Payment(metadata={"order_id": "42"})
    history.succeed(START)
    with pytest.raises(NotYet, match="order 42, which does not exist yet"):
        world.run(history.events[-1])
    assert world.rows("payment") == []
    world.add("order", id=42)
    output, _ = world.run(history.events[-1])
    assert values(output, "orderId", "paymentStatus") == (42, "SUCCESSFUL")


@pytest.mark.parametrize("kind", ["async_payment_succeeded", "async_payment_failed"])
def test_case_15_a_checkout_waits_for_its_money(world: World, kind: str) -> None:
    history = Payment(metadata=OURS)
    history.session("completed", START, "unpaid")
    paid = kind.endswith("succeeded")
    history.session(kind, START + 9, "paid" if paid else "unpaid")
    waiting = world.deliver(history.events[0])
    assert waiting is not None
    assert waiting["paymentStatus"] == "PENDING"
    settled = world.deliver(history.events[1])
    assert settled is not None
    assert values(settled, "paymentStatus", "callbackProcessed") == (
        "SUCCESSFUL" if paid else "FAILED",
        False,
    )
    row = world.only("payment")
    assert values(row, "checkout_session_id", "transaction_id") == ("cs_1", "pi_1")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        None,
        {"order_id": ""},
        {"order_id": "abc"},
        {"order_id": None},
        {"order_id": "1", "actionflow_project": "another"},
    ],
)
def test_case_19_an_object_that_is_not_ours_touches_no_row(world: World, metadata: Any) -> None:
    history = Payment()
    history.metadata = metadata
    history.succeed(START)
    history.refund(START + 1, 500)
    for told in history.events:
        if metadata is None:
            told["data"]["object"].pop("metadata")
        with pytest.raises(NotOurs, match=r"not ours|no payment of ours"):
            world.run(told)
    assert world.rows("payment") == world.rows("refund") == []


@pytest.mark.parametrize("field", ["account", "user_id"])
def test_a_connected_account_pays_no_order_whatever_its_metadata_says(
    world: World, field: str
) -> None:
    history = Payment(metadata=OURS)
    history.succeed(START)
    history.refund(START + 1, 500)
    for told in history.events:
        with pytest.raises(NotOurs, match="of the connected account acct_another"):
            world.run(told | {field: "acct_another"})
    assert world.rows("payment") == world.rows("refund") == []


def test_an_order_with_a_text_key() -> None:
    world = World(TEXT_ORDER)
    world.add("order", code="A-7")
    history = Payment(metadata={"order_id": "A-7", "actionflow_project": "shop"})
    history.succeed(START)
    output = world.deliver(history.events[-1])
    assert output is not None
    assert output["orderId"] == "A-7"


def test_the_row_an_action_made_is_the_one_that_settles(world: World) -> None:
    world.add("order", amount=7)
    row = world.add("payment", order_id=1, amount=10_000, currency="usd", transaction_id=None)
    history = Payment(metadata=OURS | {"payment_id": str(row["id"])})
    history.succeed(START)
    output, subjects = world.run(history.events[-1])
    assert values(output, "paymentId", "paymentFound", "callbackProcessed") == (1, True, False)
    assert subjects == ["pi_1", "ch_1_1"]
    assert world.only("payment")["transaction_id"] == "pi_1"


@pytest.mark.parametrize(
    "row",
    [
        {"order_id": 2},
        {"order_id": 1, "transaction_id": "pi_other"},
    ],
    ids=["of another order", "another payment's"],
)
def test_a_payment_id_that_does_not_fit_is_not_believed(world: World, row: Any) -> None:
    world.add("order", amount=7)
    there = world.add("payment", amount=1, currency="usd", **row)
    history = Payment(metadata=OURS | {"payment_id": str(there["id"])})
    history.succeed(START)
    output = world.deliver(history.events[-1])
    assert output is not None
    assert values(output, "paymentId", "orderId", "paymentFound") == (2, 1, False)
    assert world.rows("payment")[0]["status"] == "PENDING"


def test_an_object_of_a_row_of_ours_is_ours_whatever_its_metadata_says(world: World) -> None:
    world.add("payment", order_id=1, amount=10_000, currency="usd", transaction_id="pi_1")
    history = Payment(metadata={"order_id": "77", "actionflow_project": "another"})
    history.succeed(START)
    output = world.deliver(history.events[-1])
    assert output is not None
    assert values(output, "orderId", "paymentStatus") == (1, "SUCCESSFUL")


def test_several_payments_of_one_order(world: World) -> None:
    for number in (1, 2):
        history = Payment(metadata=OURS, number=number)
        history.succeed(START)
        world.settle(*history.events)
    assert [row["transaction_id"] for row in world.rows("payment")] == ["pi_1", "pi_2"]


def test_two_runs_that_make_one_row_at_once_make_one(world: World, monkeypatch: Any) -> None:
    from engine.nodes import stripe_rows

    history = Payment(metadata=OURS)
    history.succeed(START)
    history.create(START - 5)
    world.deliver(history.events[-1])
    look, looks = stripe_rows.find_payment, []

    def blind_once(*ids: Any) -> Any:
        looks.append(ids)
        return None if len(looks) == 1 else look(*ids)

    monkeypatch.setattr(stripe_rows, "find_payment", blind_once)
    output = world.deliver(history.events[1])
    assert output is not None
    assert values(output, "paymentFound", "paymentStatus") == (True, "SUCCESSFUL")
    assert world.only("payment")["status"] == "SUCCESSFUL"


def test_a_session_that_tells_no_amount_waits_for_its_payment(world: World) -> None:
    history = Payment(OLD, metadata=OURS)
    history.session("completed", START, "paid", amount_total=None, currency=None)
    history.succeed(START)
    world.settle(*history.events)
    assert "tells no amount yet" in world.reasons[0]
    row = world.only("payment")
    assert values(row, "amount", "checkout_session_id", "status") == (10_000, "cs_1", "SUCCESSFUL")


def test_a_charge_from_before_payment_intents(world: World) -> None:
    charge = {
        "id": "ch_9",
        "object": "charge",
        "amount": 500,
        "captured": True,
        "currency": "EUR",
        "metadata": OURS,
        "paid": True,
        "status": "succeeded",
    }
    world.deliver(event("charge.succeeded", charge, version="2015-02-18"))
    row = world.only("payment")
    assert values(row, "transaction_id", "charge_id", "currency", "status") == (
        "ch_9",
        "ch_9",
        "eur",
        "SUCCESSFUL",
    )


def test_a_thin_event_is_read_once_its_object_is_fetched(world: World) -> None:
    thin = {
        "id": "evt_2",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-11-25T10:00:00Z",
        "livemode": False,
        "related_object": {"id": "pi_1", "type": "payment_intent", "url": "/v1/…"},
    }
    with pytest.raises(NotYet, match="not fetched yet"):
        world.run(thin)
    history = Payment(metadata=OURS)
    history.succeed(START)
    output, _ = world.run(with_object(thin, history.intent("succeeded"), START))
    assert output["paymentStatus"] == "SUCCESSFUL"


def test_a_node_says_which_events_it_reads(world: World) -> None:
    step = world.steps["payment"]
    world.steps["refund"] = step
    with pytest.raises(RunError, match=r"cannot read refund\.created\. It reads charge\.captured"):
        world.run(event("refund.created", {"id": "re_1"}))


# --- refunds


def test_case_13_partial_refunds_add_up(world: World) -> None:
    history = Payment(MIDDLE, metadata=OURS)
    history.succeed(START)
    history.refund(START + 1, 6_000)
    history.refund(START + 2, 4_000)
    world.settle(*history.events[:2])
    first, second = history.events[2:]
    output = world.deliver(first)
    assert output is not None
    assert values(
        output, "refundAmount", "totalRefunded", "paymentStatus", "callbackProcessed"
    ) == (
        6_000,
        6_000,
        "PARTIALLY_REFUNDED",
        False,
    )
    again = world.deliver(first)
    assert again is not None
    assert again["callbackProcessed"] is True
    output = world.deliver(second)
    assert output is not None
    assert values(output, "refundAmount", "totalRefunded", "paymentStatus", "refundId") == (
        4_000,
        10_000,
        "REFUNDED",
        None,
    )
    late = world.deliver(first)
    assert late is not None
    assert values(late, "totalRefunded", "callbackProcessed") == (10_000, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_case_14_a_failed_refund_gives_its_amount_back_once(world: World, version: str) -> None:
    history = Payment(version, metadata=OURS, amount=1_000)
    history.succeed(START)
    refund_id = history.refund(START + 1, 1_000)
    world.settle(*history.events)
    assert world.only("payment")["status"] == "REFUNDED"
    told = len(history.events)
    history.move_refund(START + 90, refund_id, "failed")
    history.tell("refund.failed", history.refunds[refund_id], START + 91)
    outputs = [world.deliver(one) for one in history.events[told:]]
    assert outputs[0] is not None
    assert values(outputs[0], "status", "totalRefunded", "callbackProcessed", "failureReason") == (
        "FAILED",
        0,
        False,
        "expired_or_canceled_card",
    )
    assert all(output["callbackProcessed"] for output in outputs[1:] if output)
    assert values(world.only("payment"), "status", "amount_refunded") == ("SUCCESSFUL", 0)
    assert values(world.only("refund"), "status", "amount", "failure_reason") == (
        "FAILED",
        1_000,
        "expired_or_canceled_card",
    )
    told = len(history.events)
    history.refund(START + 100, 1_000)
    world.settle(*history.events[told:])
    assert values(world.only("payment"), "status", "amount_refunded") == ("REFUNDED", 1_000)


def test_learning_of_a_refund_already_counted_is_no_effect_of_a_failed_one_is(world: World) -> None:
    history = Payment(NEW, metadata=OURS)
    history.succeed(START)
    first = history.refund(START + 1, 6_000)
    world.settle(*history.events[:3])
    created = world.deliver(history.events[3])
    assert created is not None
    assert values(created, "refundId", "status", "callbackProcessed") == (1, "REFUNDED", True)
    history.move_refund(START + 2, first, "failed")
    failed = next(one for one in history.events if one["type"] == "refund.failed")
    # A payment that never heard of the refund until it failed.
    other = World()
    other.add("order", amount=10_000)
    other.settle(*history.events[:2])
    output = other.deliver(failed)
    assert output is not None
    assert values(output, "status", "totalRefunded", "callbackProcessed") == ("FAILED", 0, False)
    again = other.deliver(failed)
    assert again is not None
    assert again["callbackProcessed"] is True


def test_the_row_a_refund_action_made_is_the_one_that_settles(world: World) -> None:
    history = Payment(NEW, metadata=OURS)
    history.succeed(START)
    world.settle(*history.events)
    mine = world.add("refund", payment_id=1, amount=500, currency="usd")
    history.refund(START + 1, 500)
    created = history.events[-1]
    created["data"]["object"]["metadata"] = {"refund_id": str(mine["id"])}
    output = world.deliver(created)
    assert output is not None
    assert values(output, "refundId", "status", "callbackProcessed") == (1, "REFUNDED", False)
    assert world.only("refund")["transaction_id"] == "re_1_1"


def test_a_refund_of_a_row_that_was_put_there_without_news(world: World) -> None:
    world.add(
        "payment",
        order_id=1,
        amount=10_000,
        amount_refunded=6_000,
        currency="usd",
        status="PARTIALLY_REFUNDED",
        transaction_id="pi_1",
    )
    world.add(
        "refund",
        payment_id=1,
        amount=6_000,
        currency="usd",
        status="REFUNDED",
        transaction_id="re_1_1",
    )
    history = Payment(NEW)
    history.succeed(START)
    refund_id = history.refund(START + 1, 6_000)
    history.move_refund(START + 2, refund_id, "failed")
    output = world.deliver(history.events[-1])
    assert output is not None
    assert values(output, "status", "totalRefunded", "paymentStatus") == ("FAILED", 0, "SUCCESSFUL")


IMPORTED = {
    "order_id": 1,
    "amount": 10_000,
    "currency": "usd",
    "transaction_id": "pi_1",
    "updated_at": when(START + 50),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("amount_refunded", [10_000, 0])
def test_an_import_without_refund_rows_still_hears_of_a_later_failure(
    world: World, version: str, amount_refunded: int
) -> None:
    world.add("payment", status="REFUNDED", amount_refunded=amount_refunded, **IMPORTED)
    history = Payment(version)
    history.succeed(START)
    refund_id = history.refund(START + 1, 10_000)
    history.move_refund(START + 99, refund_id, "failed")
    for told in history.events[-2:]:
        world.deliver(told)
    row = world.only("payment")
    assert values(row, "status", "amount_refunded") == ("SUCCESSFUL", 0)
    assert world.only("refund")["status"] == "FAILED"


def test_what_an_import_counted_counts_once_and_what_came_after_it_adds(world: World) -> None:
    world.add("payment", status="PARTIALLY_REFUNDED", amount_refunded=4_000, **IMPORTED)
    history = Payment(NEW)
    history.succeed(START)
    counted = history.refund(START + 1, 4_000)
    history.events.clear()
    # The bank's reference comes days later, for a refund that the import had in its figure.
    history.tell("refund.updated", history.refunds[counted], START + 60)
    world.deliver(*history.events)
    assert world.only("payment")["amount_refunded"] == 4_000
    later = history.refund(START + 70, 1_000)
    world.deliver(history.events[-1])
    assert world.only("payment")["amount_refunded"] == 5_000
    history.move_refund(START + 80, later, "failed")
    history.move_refund(START + 81, counted, "failed")
    world.deliver(*history.events[-6:])
    assert values(world.only("payment"), "status", "amount_refunded") == ("SUCCESSFUL", 0)


def test_a_requires_action_refund_is_shown_as_pending_and_kept_as_it_is(world: World) -> None:
    history = Payment(NEW, metadata=OURS)
    history.succeed(START)
    history.refund(START + 1, 500, "requires_action")
    world.settle(*history.events)
    assert world.outputs[-1]["status"] == "PENDING"
    assert world.only("refund")["status"] == "REQUIRES_ACTION"
    assert world.only("payment")["status"] == "REFUNDING"


# --- disputes


def test_a_dispute_and_its_end(world: World) -> None:
    history = Payment(NEW, metadata=OURS)
    history.succeed(START)
    history.dispute("created", START + 1, "needs_response")
    history.dispute("closed", START + 9, "won")
    world.settle(*history.events[:2])
    created, closed = history.events[2:]
    output = world.deliver(created)
    assert output is not None
    assert values(output, "orderId", "disputeId", "status", "amount", "disputed") == (
        1,
        "dp_1_1",
        "needs_response",
        10_000,
        True,
    )
    assert output["callbackProcessed"] is False
    output = world.deliver(closed)
    assert output is not None
    assert values(output, "status", "disputed", "callbackProcessed") == ("won", False, False)
    late = world.deliver(created)
    assert late is not None
    assert values(late, "status", "disputed", "callbackProcessed") == ("won", False, True)
    assert world.only("payment")["disputed"] is False
