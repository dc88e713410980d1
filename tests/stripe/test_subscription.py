"""How a subscription stands, whatever order its events come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stripe import standing, subscription
from engine.stripe.event import of, when
from tests.stripe.histories import NEW, OLD, START, VERSIONS, Clock, Subscription, listed
from tests.stripe.support import event
from tests.stripe.test_payment import shuffled

MONTH = 2_592_000


def row(events: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for data in events:
        news = subscription.subscription_news(of(data))
        assert news is not None
        facts = subscription.merge(facts, subscription.facts_of(news))
    return subscription.columns(facts)


def truth(history: Subscription) -> dict[str, Any]:
    state = history.state
    cancel_at = state["cancel_at"]
    if cancel_at is None and state["cancel_at_period_end"]:
        cancel_at = state["end"]
    return {
        "status": state["status"],
        "cancel_at": when(cancel_at),
        "canceled_at": when(state["canceled_at"]),
        "ended_at": when(state["ended_at"]),
        "current_period_start": when(state["start"]),
        "current_period_end": when(state["end"]),
        "amount": 2_000,
        "currency": "usd",
        "price_id": "price_1",
        "customer_id": "cus_1",
    }


CHANGES: dict[str, dict[str, Any]] = {
    "trial": {"status": "trialing"},
    "activate": {"status": "active"},
    "past due": {"status": "past_due"},
    "unpaid": {"status": "unpaid"},
    "pause": {"status": "paused"},
    "cancel at period end": {"cancel_at_period_end": True, "canceled_at": START + 50},
    "cancel through the portal": {"cancel_at": START + 9 * MONTH, "canceled_at": START + 60},
    "undo cancel": {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None},
    "renew": {},
}


@given(
    st.sampled_from([OLD, NEW]),
    st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 2)), max_size=6),
    st.booleans(),
    st.integers(0, 1),
    st.data(),
)
def test_any_order_of_a_subscriptions_events_gives_the_row_of_the_right_order(
    version: str,
    steps: list[tuple[str, int]],
    ends: bool,
    apart: int,
    data: st.DataObject,
) -> None:
    history, clock = Subscription(version), Clock()
    history.create(clock.at)
    for name, seconds in steps:
        at = clock.after(seconds)
        if name == "renew":
            start = history.state["end"]
            history.update(at, start=start, end=start + MONTH)
        elif any(history.state[key] != value for key, value in CHANGES[name].items()):
            history.update(at, **CHANGES[name])
            if name == "pause":
                history.tell("customer.subscription.paused", history.thing(), at)
        history.amount = 9_900  # a later price rise does not change what was agreed
    if ends:
        history.end(clock.after(apart))
    in_order = row(history.events)
    assert in_order == truth(history)
    assert row(shuffled(history.events, data)) == in_order


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("apart", [0, 1])
@pytest.mark.parametrize("tells_previous", [True, False])
@given(st.data())
def test_case_4_created_never_overwrites_what_was_updated(
    version: str, apart: int, tells_previous: bool, data: st.DataObject
) -> None:
    history = Subscription(version)
    history.create(START)
    history.update(START + apart, status="active")
    if not tells_previous:
        del history.events[1]["data"]["previous_attributes"]
    assert row(shuffled(history.events, data))["status"] == "active"
    assert row(history.events[1:])["status"] == "active"


@given(st.data())
def test_a_cancel_undone_and_done_again_within_one_second(data: st.DataObject) -> None:
    history = Subscription()
    history.create(START, "active")
    for _ in range(2):
        history.update(START + 9, **CHANGES["cancel at period end"])
        history.update(START + 9, **CHANGES["undo cancel"])
    undone = row(shuffled(history.events, data))
    assert undone["cancel_at"] is None
    history.update(START + 9, **CHANGES["cancel at period end"])
    done = row(shuffled(history.events, data))
    assert done["cancel_at"] == done["current_period_end"] == when(START + MONTH)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_case_7_the_period_is_found_on_the_root_and_on_the_items(version: str) -> None:
    history = Subscription(version)
    history.create(START, "active")
    history.update(START + 1, end=1_800_000_000)
    assert row(history.events)["current_period_end"] == "2027-01-15T08:00:00Z"


def test_case_7_items_of_different_ends_the_earliest_counts() -> None:
    items = listed(
        {"id": "si_1", "current_period_start": 5, "current_period_end": 900},
        {"id": "si_2", "current_period_start": 4, "current_period_end": 300},
    )
    assert standing.period_of({"items": items}) == (4, 300)


@pytest.mark.parametrize("version", [OLD, NEW])
@given(st.data())
def test_case_7_an_absent_period_keeps_the_old_one(version: str, data: st.DataObject) -> None:
    history = Subscription(version)
    history.create(START, "active")
    bare = history.thing({**history.state, "start": None, "end": None, "status": "past_due"})
    history.tell("customer.subscription.updated", bare, START + 60)
    found = row(shuffled(history.events, data))
    assert (found["status"], found["current_period_end"]) == ("past_due", when(START + MONTH))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            {"cancel_at": 1_800_000_000, "canceled_at": 1_790_000_000},
            ("active", "2027-01-15T08:00:00Z", None),
        ),
        ({"cancel_at_period_end": True}, ("active", when(START + MONTH), None)),
        (
            {"status": "canceled", "canceled_at": START + 5, "ended_at": START + 5},
            ("canceled", None, when(START + 5)),
        ),
    ],
    ids=["portal", "at period end", "at once"],
)
def test_case_16_every_way_to_cancel_shows_when_it_ends(
    state: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    history = Subscription()
    history.create(START, "active")
    history.update(START + 5, **state)
    found = row(history.events)
    assert (found["status"], found["cancel_at"], found["ended_at"]) == expected


@given(st.data())
def test_a_pause_told_under_two_names_is_one_step(data: st.DataObject) -> None:
    history = Subscription()
    history.create(START, "active")
    history.update(START + 1, status="paused")
    same = history.events[-1]
    history.events.append(same | {"id": "evt_paused", "type": "customer.subscription.paused"})
    history.update(START + 1, status="active")
    assert row(shuffled(history.events, data))["status"] == "active"


@given(st.data())
def test_nothing_comes_after_the_end(data: st.DataObject) -> None:
    history = Subscription()
    history.create(START, "active")
    history.end(START + 10)
    late = Subscription()
    late.state["status"] = "active"
    late.update(START + 11, status="past_due")
    late.events[0]["id"] = "evt_late"
    assert row(shuffled(history.events + late.events, data))["status"] == "canceled"


def test_a_subscription_that_ran_out_before_it_began() -> None:
    history = Subscription()
    history.create(START)
    history.update(START + 82_800, status="incomplete_expired")
    assert row(history.events)["status"] == "incomplete_expired"
    deleted = history.thing()
    history.tell("customer.subscription.deleted", deleted, START + 82_801)
    assert row(history.events)["status"] == "incomplete_expired"


def _price(**price: Any) -> dict[str, Any]:
    return {"id": "price_1", "currency": "usd", **price}


@pytest.mark.parametrize(
    ("thing", "amount"),
    [
        ({"plan": {"id": "p", "amount": 700, "currency": "usd"}, "quantity": 3}, 2_100),
        ({"plan": {"id": "p", "amount": 700, "currency": "usd"}}, 700),
        ({"items": listed({"price": _price(unit_amount=700), "quantity": 3})}, 2_100),
        ({"items": listed({"plan": _price(amount=700), "quantity": 0})}, 0),
        (
            {
                "items": listed(
                    {"price": _price(unit_amount=700), "quantity": 1},
                    {"price": _price(unit_amount=50), "quantity": 2},
                )
            },
            800,
        ),
        ({"items": listed({"price": _price(unit_amount_decimal="0.5"), "quantity": 1001})}, 501),
        ({"items": listed({"price": _price(unit_amount=None), "quantity": 1})}, None),
        ({"items": listed({"price": _price(unit_amount_decimal="NaN"), "quantity": 1})}, None),
        (
            {
                "items": listed(
                    {"price": _price(unit_amount=700), "quantity": 1},
                    {"price": _price(unit_amount=5, recurring={"usage_type": "metered"})},
                )
            },
            None,
        ),
        (
            {
                "items": listed(
                    {
                        "price": _price(
                            unit_amount=700, transform_quantity={"divide_by": 10, "round": "up"}
                        ),
                        "quantity": 11,
                    }
                )
            },
            1_400,
        ),
        ({}, None),
    ],
)
def test_what_one_period_costs(thing: dict[str, Any], amount: int | None) -> None:
    news = subscription.subscription_news(
        of(event("customer.subscription.created", {"id": "sub_1", **thing}))
    )
    assert news is not None
    assert news.amount == amount


def test_what_changed_inside_an_object_is_laid_over_it() -> None:
    thing = {"id": "sub_1", "status": "active", "pause": {"a": 1, "b": 2}}
    before = standing.overlaid(thing, {"status": "trialing", "pause": {"b": 3}})
    assert before == {"id": "sub_1", "status": "trialing", "pause": {"a": 1, "b": 3}}


def test_a_subscription_without_an_id_says_nothing() -> None:
    read = of(event("customer.subscription.updated", {"status": "active"}))
    assert subscription.subscription_news(read) is None
