"""The locked nodes of subscriptions: the row, the charge, the payment for the builder's order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import RunError
from engine.nodes.base import Frame, NotOurs, NotYet
from engine.stripe.event import when
from tests.stripe.histories import NEW, OLD, START, VERSIONS, Payment, Subscription
from tests.stripe.support import event
from tests.stripe.test_payment import shuffled
from tests.stripe.world import World

OURS = {"order_id": "1"}
MONTH = 2_592_000


@pytest.fixture
def world() -> World:
    made = World()
    made.add("order", amount=2_000)
    return made


def values(row: Any, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def started(world: World, version: str = NEW, **more: Any) -> Subscription:
    history = Subscription(version, OURS, **more)
    history.create(START, "active")
    world.deliver(*history.events)
    history.events.clear()
    return history


@pytest.mark.parametrize("version", VERSIONS)
def test_a_subscription_starts_changes_and_ends(world: World, version: str) -> None:
    history = Subscription(version, OURS)
    history.create(START)
    history.update(START + 1, status="active")
    history.update(START + 2, cancel_at_period_end=True, canceled_at=START + 2)
    history.end(START + MONTH)
    outputs = [world.deliver(one) for one in history.events]
    shown = [values(o, "status", "cancelAt", "callbackProcessed") for o in outputs if o]
    assert shown == [
        ("incomplete", None, False),
        ("active", None, False),
        ("active", when(START + MONTH), False),
        ("canceled", when(START + MONTH), False),
    ]
    again = world.deliver(history.events[1])
    assert again is not None
    assert values(again, "status", "callbackProcessed") == ("canceled", True)
    row = world.only("recurring_payment")
    assert values(row, "order_id", "amount", "currency", "price_id", "customer_id") == (
        1,
        2_000,
        "usd",
        "price_1",
        "cus_1",
    )
    assert row["ended_at"] == when(START + MONTH)


@pytest.mark.parametrize("apart", [0, 1])
def test_case_4_updated_makes_the_row_and_created_does_not_downgrade(
    world: World, apart: int
) -> None:
    history = Subscription(NEW, OURS)
    history.create(START)
    history.update(START + apart, status="active")
    created, updated = history.events
    first = world.deliver(updated)
    second = world.deliver(created)
    assert first is not None
    assert second is not None
    assert values(first, "status", "callbackProcessed") == ("active", False)
    assert values(second, "status", "callbackProcessed") == ("active", True)


def test_replaced_subscriptions_are_rows_of_their_own(world: World) -> None:
    old, new = started(world, number=1), started(world, number=2)
    old.end(START + 5)
    world.deliver(*old.events)
    assert [(r["subscription_id"], r["status"]) for r in world.rows("recurring_payment")] == [
        (old.id, "canceled"),
        (new.id, "active"),
    ]


def test_the_row_an_action_made_is_the_one_the_subscription_takes(world: World) -> None:
    row = world.add(
        "recurring_payment",
        order_id=1,
        amount=1_900,
        currency="usd",
        price_id="price_1",
        status="incomplete",
    )
    history = Subscription(NEW, OURS | {"recurring_payment_id": str(row["id"])})
    history.create(START, "active")
    output = world.deliver(*history.events)
    assert output is not None
    # What was agreed is what the action wrote, whatever later snapshots say.
    assert values(output, "recurringPaymentId", "amount", "subscriptionId") == (1, 1_900, "sub_1")
    assert output["callbackProcessed"] is False


def _session(kind: str, **more: Any) -> dict[str, Any]:
    thing = {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 2_200,
        "currency": "usd",
        "customer": "cus_1",
        "metadata": OURS,
        "mode": "subscription",
        "status": "complete",
        "subscription": "sub_1",
        **more,
    }
    return event(f"checkout.session.{kind}", thing, START, id=f"evt_cs_{kind}")


def test_metadata_on_the_checkout_alone_makes_the_subscription_ours(world: World) -> None:
    history = Subscription(NEW)
    history.create(START, "active")
    world.deliver(*history.events)
    assert world.rows("recurring_payment") == []
    world.deliver(_session("completed"))
    # The set-aside .created ran as soon as the row was there, and knows the price.
    assert values(world.only("recurring_payment"), "status", "amount") == ("active", 2_000)


def test_a_checkout_that_ran_out_ends_the_pending_row(world: World) -> None:
    row = world.add(
        "recurring_payment", order_id=1, amount=2_000, currency="usd", status="incomplete"
    )
    metadata = OURS | {"recurring_payment_id": str(row["id"])}
    ended = _session("expired", subscription=None, metadata=metadata, status="expired")
    output = world.deliver(ended)
    assert output is not None
    assert values(output, "status", "callbackProcessed") == ("incomplete_expired", False)
    with pytest.raises(NotOurs, match="no subscription"):
        world.run(_session("expired", subscription=None, status="expired"))
    with pytest.raises(NotOurs, match="made no subscription"):
        world.run(_session("completed", subscription=None))


@pytest.mark.parametrize("metadata", [{}, None, {"order_id": "abc"}])
def test_case_19_a_subscription_that_is_not_ours_touches_no_row(
    world: World, metadata: Any
) -> None:
    history = Subscription(NEW)
    history.metadata = metadata
    history.create(START)
    history.invoice(("paid",), START, 2_000)
    for told in history.events:
        with pytest.raises(NotOurs, match="ours"):
            world.run(told)
    assert world.rows("recurring_payment") == world.rows("payment") == []


def test_case_6_a_subscription_whose_order_does_not_exist_yet_waits() -> None:
    history = Subscription(NEW, OURS)
    history.create(START)
    with pytest.raises(NotYet, match="does not exist yet"):
        World().run(history.events[0])


# --- charges


@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_charge_and_a_renewal_are_one_payment_each(world: World, version: str) -> None:
    history = started(world, version)
    both = ("paid", "payment_succeeded")
    history.invoice(both, START, 2_000, first=True)
    history.invoice(both, START + MONTH, 2_000)
    outputs = [world.deliver(one) for one in history.events if one["type"].startswith("invoice.")]
    shown = [values(o, "status", "firstCharge", "callbackProcessed") for o in outputs if o]
    assert shown == [
        ("SUCCESSFUL", True, False),
        ("SUCCESSFUL", True, True),
        ("SUCCESSFUL", False, False),
        ("SUCCESSFUL", False, True),
    ]
    assert outputs[0] is not None
    assert values(outputs[0], "orderId", "amount", "maxAmount", "currency", "invoiceId") == (
        1,
        2_000,
        2_000,
        "usd",
        "in_1_1",
    )
    payments = world.rows("payment")
    assert [(p["type"], p["status"], p["invoice_id"], p["amount"]) for p in payments] == [
        ("recurring", "SUCCESSFUL", "in_1_1", 2_000),
        ("recurring", "SUCCESSFUL", "in_1_2", 2_000),
    ]
    assert [p["order_id"] for p in payments] == [1, 2]
    assert {p["recurring_payment_id"] for p in payments} == {1}


def test_case_8_an_invoice_of_its_own_is_no_charge_of_ours(world: World) -> None:
    started(world)
    for thing in (
        {"id": "in_1", "object": "invoice", "parent": None, "amount_paid": 5},
        {"id": "in_1", "object": "invoice", "parent": {"type": "quote_details"}, "amount_paid": 5},
    ):
        with pytest.raises(NotOurs, match="belongs to no subscription"):
            world.run(event("invoice.paid", thing))


def test_case_17_a_trials_zero_invoice_makes_no_payment_and_is_told_once(world: World) -> None:
    history = Subscription(NEW, OURS)
    history.create(START, "trialing")
    history.invoice(("paid", "payment_succeeded"), START, 0, first=True)
    history.invoice(("paid",), START + MONTH, 2_000)
    _, free, same, renewal, *_ = history.events
    world.deliver(history.events[0])
    output, again = world.deliver(free), world.deliver(same)
    assert output is not None
    assert again is not None
    assert values(output, "status", "amount", "callbackProcessed") == ("FREE", 0, False)
    assert values(again, "status", "callbackProcessed") == ("FREE", True)
    assert world.rows("payment") == []
    assert world.only("recurring_payment")["status"] == "trialing"
    world.deliver(renewal)
    assert world.only("payment")["amount"] == 2_000


def test_a_failed_attempt_is_told_and_a_late_one_is_overtaken(world: World) -> None:
    history = started(world)
    history.invoice(("payment_failed", "paid"), START, 2_000)
    failed, paid = history.events[:2]
    failed["data"]["object"] |= {"amount_paid": 0, "status": "open"}
    second = failed | {"id": "evt_second", "created": START + 86_400}
    outputs = [world.deliver(one) for one in (failed, failed, second)]
    shown = [values(o, "status", "amount", "callbackProcessed") for o in outputs if o]
    assert shown == [("FAILED", 2_000, False), ("FAILED", 2_000, True), ("FAILED", 2_000, False)]
    assert world.rows("payment") == []
    world.deliver(paid)
    late = world.deliver(second)
    assert late is not None
    assert late["callbackProcessed"] is True
    assert world.only("payment")["status"] == "SUCCESSFUL"


def test_an_invoice_before_its_subscription_waits_where_it_says_it_is_ours(world: World) -> None:
    history = Subscription(NEW, OURS)
    history.create(START, "active")
    history.invoice(("paid",), START, 2_000, first=True)
    created, paid, link = history.events
    with pytest.raises(NotYet, match="of which no event came yet"):
        world.run(paid)
    world.settle(link, paid, created)
    assert values(world.only("payment"), "invoice_id", "transaction_id") == ("in_1_1", "pi_s1_1")


@pytest.mark.parametrize("link_first", [True, False])
def test_invoice_payment_links_the_payment_and_wakes_what_hangs_on_it(
    world: World, link_first: bool
) -> None:
    history = started(world, NEW)
    history.invoice(("paid",), START, 2_000)
    paid, link = history.events
    # The charge of an invoice carries no metadata of ours: all of this waits for the link.
    intent = Payment(NEW, amount=2_000)
    intent.id = "pi_s1_1"
    intent.succeed(START)
    refund_id = intent.refund(START + 5, 500)
    intent.move_refund(START + 6, refund_id, "failed")
    world.settle(*intent.events, *((link, paid) if link_first else (paid, link)))
    row = world.only("payment")
    assert values(row, "transaction_id", "charge_id", "status", "type") == (
        "pi_s1_1",
        intent.charge()["id"],
        "SUCCESSFUL",
        "recurring",
    )
    assert world.only("refund")["status"] == "FAILED"
    assert not any(world.aside.values())


def test_a_charge_counts_as_processed_once_its_payment_is_there(world: World) -> None:
    history = started(world)
    history.invoice(("paid", "payment_succeeded"), START, 2_000)
    step, processed = world.steps["recurring_charge"], []
    for told in history.events[:2]:
        # A flow that stopped before it recorded the payment: the other name can still do so.
        with world.store.transaction() as tx:
            processed.append(step(Frame({"event": told}, tx, world.project, tx.now)))
    assert [output["callbackProcessed"] for output in processed] == [False, False]


# --- the payment for the builder's order


def _paying(**given: Any) -> World:
    world = World(pays=lambda _: {"orderId": 1, "amount": 2_000} | given)
    world.add("order", amount=2_000)
    return world


def test_the_builder_may_lower_the_amount_and_the_payment_says_what_was_charged() -> None:
    world = _paying(amount=1_500)
    history = started(world)
    history.invoice(("paid",), START, 2_000)
    world.deliver(history.events[0])
    assert values(world.only("payment"), "amount", "order_id") == (2_000, 1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"amount": 2_001}, "gave amount 2001. Expected at most 2000"),
        ({"amount": "2000"}, "gave amount '2000' (str)"),
        ({"amount": 2000.0}, "a number with a fraction"),
        ({"amount": True}, "gave amount True (bool)"),
        ({"amount": None}, "gave amount None"),
        ({"amount": -1}, "gave amount -1"),
        ({"orderId": 99}, "gave orderId 99"),
        ({"orderId": "1"}, "gave orderId '1'"),
        ({"orderId": True}, "gave orderId True"),
        ({"orderId": None}, "gave orderId None"),
    ],
)
def test_what_create_order_may_not_give_is_refused_before_any_row(
    given: dict[str, Any], says: str
) -> None:
    world = _paying(**given)
    history = started(world)
    history.invoice(("paid",), START, 2_000)
    with pytest.raises(RunError) as caught:
        world.run(history.events[0])
    assert says in str(caught.value)
    assert world.rows("payment") == []


def test_a_price_rise_later_does_not_raise_what_was_agreed() -> None:
    world = _paying(amount=3_000)
    history = started(world)
    history.reprice(START + 9, 3_000)
    world.deliver(*history.events)
    history.events.clear()
    history.invoice(("paid",), START + MONTH, 3_000)
    with pytest.raises(RunError, match="at most 2000"):
        world.run(history.events[0])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_price_raised_before_any_other_news_came_is_not_what_was_agreed(version: str) -> None:
    world = _paying(amount=2_600)
    history = Subscription(version, OURS)
    history.create(START, "active")
    history.reprice(START + 9, 2_600)
    history.update(START + MONTH, start=START + MONTH, end=START + 2 * MONTH)
    history.invoice(("paid",), START + MONTH, 2_600)
    created, raised, renewed, paid = history.events[:4]
    world.deliver(raised)
    assert world.only("recurring_payment")["amount"] == 2_000
    # A snapshot after the raise knows nothing of the price before it: the charge waits for more.
    world = _paying(amount=2_600)
    world.deliver(renewed)
    with pytest.raises(NotYet, match="of whose beginning"):
        world.run(paid)
    output, woken = world.run(created)
    assert (output["amount"], woken) == (2_000, ["sub_1"])
    with pytest.raises(RunError, match="at most 2000"):
        world.run(paid)


def test_a_beginning_that_never_comes_is_waited_for_an_hour_and_once() -> None:
    world = _paying(amount=2_600)
    history = Subscription(NEW, OURS, amount=2_600)
    history.update(START + MONTH, status="active", start=START + MONTH)
    history.invoice(("paid",), START + MONTH, 2_600)
    history.invoice(("paid",), START + 2 * MONTH, 2_600)
    updated, first, _, second, _ = history.events
    world.deliver(updated)
    with pytest.raises(NotYet):
        world.run(first)
    output, _ = world.run(first, "2026-11-25T11:00:00Z")
    assert values(output, "maxAmount", "firstCharge") == (2_600, False)
    output, _ = world.run(second, "2026-11-25T11:00:00Z")
    assert values(output, "maxAmount", "firstCharge") == (2_600, False)
    assert len(world.rows("payment")) == 2


TAXES: list[tuple[dict[str, Any], int]] = [
    ({"total_taxes": [{"amount": 380, "tax_behavior": "exclusive"}]}, 2_380),
    ({"total_taxes": [{"amount": 380, "tax_behavior": "inclusive"}]}, 2_000),
    ({"total_tax_amounts": [{"amount": 380, "inclusive": False}]}, 2_380),
    ({"total_tax_amounts": [{"amount": 380, "inclusive": True}]}, 2_000),
    ({"tax": 380, "tax_percent": 19}, 2_380),
    ({"tax": None}, 2_000),
    ({"tax": 380, "total_tax_amounts": [{"amount": 380, "inclusive": True}]}, 2_000),
    ({"total_taxes": None}, 2_000),
    ({"total_taxes": [None, {"amount": "380", "tax_behavior": "exclusive"}]}, 2_000),
]


@pytest.mark.parametrize(("taxes", "most"), TAXES)
def test_tax_on_top_of_the_agreed_price_does_not_stop_a_renewal(
    taxes: dict[str, Any], most: int
) -> None:
    world = World()
    world.add("order", amount=2_000)
    history = started(world)
    history.invoice(("paid",), START + MONTH, most, **taxes)
    output = world.deliver(history.events[0])
    assert output is not None
    assert values(output, "amount", "maxAmount") == (most, most)
    assert world.only("payment")["amount"] == most


def test_tax_does_not_hide_a_raised_price() -> None:
    world = _paying(amount=3_094)
    history = started(world)
    taxes = [{"amount": 494, "tax_behavior": "exclusive"}]
    history.invoice(("paid",), START + MONTH, 3_094, total_taxes=taxes)
    with pytest.raises(RunError, match="at most 2494"):
        world.run(history.events[0])


@pytest.mark.parametrize("by_action", [True, False])
def test_amounts_of_two_currencies_are_never_compared(by_action: bool) -> None:
    world = World()
    world.add("order", amount=2_000)
    metadata = dict(OURS)
    if by_action:
        pending = {"amount": 2_000, "currency": "usd", "status": "incomplete"}
        row = world.add("recurring_payment", order_id=1, **pending)
        metadata["recurring_payment_id"] = str(row["id"])
    history = Subscription(NEW, metadata)
    # The price of 20.00 usd has an option for Korea, which events do not show.
    history.create(START, "active")
    history.events[0]["data"]["object"]["currency"] = "krw"
    history.invoice(("paid",), START, 27_000, first=True, currency="krw")
    history.invoice(("paid",), START + MONTH, 27_000, currency="krw")
    world.settle(*history.events)
    paid = [values(row, "amount", "currency", "status") for row in world.rows("payment")]
    assert paid == [(27_000, "krw", "SUCCESSFUL")] * 2
    expected = (2_000, "usd") if by_action else (0, "krw")
    assert values(world.only("recurring_payment"), "amount", "currency") == expected


def test_what_a_subscription_was_created_with_was_agreed_with_it(world: World) -> None:
    history = started(world)
    # A fee for setting up, on the page the customer paid on.
    history.invoice(("paid",), START, 2_500, first=True)
    output = world.deliver(history.events[0])
    assert output is not None
    assert values(output, "amount", "maxAmount", "firstCharge") == (2_500, 2_500, True)


# --- the charge that settles the order the subscription began with


def _free_start(version: str, months: int) -> Subscription:
    """A trial of a month, or a coupon that makes the first months free; then two charges."""
    history = Subscription(version, OURS)
    history.create(START, "active")
    history.events[0]["data"]["object"]["discount"] = {"coupon": {"percent_off": 100}}
    for month in range(months + 2):
        paid = 2_000 if month >= months else 0
        history.invoice(("paid", "payment_succeeded"), START + month * MONTH, paid, first=not month)
    return history


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("months", [0, 1, 2])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_first_money_settles_the_order_in_every_order_of_delivery(
    version: str, months: int, data: st.DataObject
) -> None:
    history = _free_start(version, months)
    world = World()
    world.add("order", amount=2_000)
    world.settle(*shuffled(history.events, data))
    found = {row["invoice_id"]: row["order_id"] for row in world.rows("payment")}
    first, second = f"in_1_{months + 1}", f"in_1_{months + 2}"
    assert found == {first: 1, second: 2}
    assert not any(world.aside.values())


def test_a_gap_after_a_free_start_is_waited_for_and_then_the_order_is_settled() -> None:
    world = World()
    world.add("order", amount=2_000)
    history = Subscription(NEW, OURS)
    history.create(START, "trialing", trial_end=START + 100)
    history.invoice(("paid",), START, 0, first=True, until=START + 100)
    # The trial was made longer meanwhile, which no invoice tells.
    history.invoice(("paid",), START + 900, 2_000)
    created, free, paid, _ = history.events
    world.deliver(created, free)
    with pytest.raises(NotYet):
        world.run(paid)
    output, _ = world.run(paid, "2026-11-25T11:00:00Z")
    assert output["firstCharge"] is True
    assert world.only("payment")["order_id"] == 1


def test_an_imported_trial_settles_its_order_with_the_charge_at_its_end() -> None:
    world = World()
    world.add("order", amount=2_000)
    kept: dict[str, Any] = {"currency": "usd", "status": "trialing", "subscription_id": "sub_1"}
    world.add("recurring_payment", order_id=1, amount=2_000, **kept)
    history = Subscription(NEW, OURS)
    history.state |= {"status": "trialing", "trial_end": START + 100}
    history.update(START + 100, status="active")
    history.invoice(("paid",), START + 100, 2_000)
    updated, paid, _ = history.events
    world.deliver(updated)
    output, _ = world.run(paid, "2026-11-25T11:00:00Z")
    assert output["firstCharge"] is True


def test_where_use_decides_the_price_what_stripe_charged_is_the_most() -> None:
    world = _paying(amount=7_777)
    history = Subscription(NEW, OURS)
    history.create(START, "active")
    item = history.events[0]["data"]["object"]["items"]["data"][0]
    item["price"]["recurring"] = {"usage_type": "metered"}
    world.deliver(*history.events)
    history.events.clear()
    history.invoice(("paid",), START, 7_777)
    output = world.deliver(history.events[0])
    assert output is not None
    assert values(output, "amount", "maxAmount") == (7_777, 7_777)
    assert world.only("payment")["amount"] == 7_777


def test_the_payment_is_recorded_for_successes_only(world: World) -> None:
    history = started(world)
    history.invoice(("paid",), START, 0)
    with world.store.transaction() as tx:
        given = {"orderId": 1, "amount": 0}
        values: dict[str, Any] = {"event": history.events[0], "create_order": given}
        with pytest.raises(RunError, match=r"Invoice in_1_1 is FREE\. Expected SUCCESSFUL"):
            world.process(Frame(values, tx, world.project, tx.now))


def test_a_charge_whose_payment_intent_came_first_with_metadata_is_one_payment(
    world: World,
) -> None:
    history = started(world, OLD)
    history.invoice(("paid",), START, 2_000, first=True)
    intent = Payment(OLD, amount=2_000, metadata=OURS)
    intent.id = "pi_s1_1"
    intent.succeed(START)
    world.settle(*intent.events, *history.events)
    assert values(world.only("payment"), "type", "invoice_id", "recurring_payment_id") == (
        "recurring",
        "in_1_1",
        1,
    )
