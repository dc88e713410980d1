"""What is given back of a payment, whatever order the refund events come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stripe.histories import MIDDLE, NEW, OLD, VERSIONS, Clock, Payment
from tests.stripe.test_payment import row, shuffled

WORDS = {
    "pending": "PENDING",
    "requires_action": "REQUIRES_ACTION",
    "succeeded": "REFUNDED",
    "failed": "FAILED",
    "canceled": "CANCELLED",
}
MOVES = {
    "pending": ("succeeded", "failed", "canceled", "requires_action"),
    "requires_action": ("succeeded", "failed", "canceled"),
    "succeeded": ("failed",),
}
# A refund made (how much of what is left, in tenths; how it begins), or the next move of one.
MAKE = st.tuples(
    st.just("make"),
    st.integers(1, 10),
    st.sampled_from(["succeeded", "pending"]),
    st.integers(1, 2),
)
MOVE = st.tuples(st.just("move"), st.integers(0, 9), st.integers(0, 9), st.integers(1, 2))


def expected_status(history: Payment, told: bool) -> str:
    total = history.refunded()
    pending = [r for r in history.refunds.values() if r["status"] in ("pending", "requires_action")]
    if told and pending:
        return "REFUNDING"
    if not total:
        return "SUCCESSFUL"
    return "REFUNDED" if total == history.amount else "PARTIALLY_REFUNDED"


@given(st.sampled_from(VERSIONS), st.lists(MAKE | MOVE, max_size=7), st.data())
def test_any_order_of_refund_events_gives_the_row_of_the_right_order(
    version: str, steps: list[Any], data: st.DataObject
) -> None:
    history, clock = Payment(version), Clock()
    history.succeed(clock.at)
    for step, first, second, seconds in steps:
        if step == "make":
            left = history.amount - history.refunded()
            # Between 2022-11-15 and 2024-10-28 a pending refund is told of only when it moves.
            begins = "succeeded" if version == MIDDLE else second
            if left >= 10:
                history.refund(clock.after(seconds), left * first // 10, begins)
            continue
        movable = [r for r in history.refunds.values() if r["status"] in MOVES]
        if movable:
            moved = movable[first % len(movable)]
            choices = MOVES[moved["status"]]
            history.move_refund(clock.after(seconds), moved["id"], choices[second % len(choices)])
    in_order = row(history.events)
    assert in_order["amount_refunded"] == history.refunded()
    assert in_order["status"] == expected_status(history, told=version != MIDDLE)
    told = {name: columns["status"] for name, columns in in_order["refunds"].items()}
    assert told == {name: WORDS[history.refunds[name]["status"]] for name in told}
    if version != MIDDLE:
        assert set(told) == set(history.refunds)
    assert row(shuffled(history.events, data)) == in_order


@given(st.sampled_from(VERSIONS), st.integers(0, 1), st.data())
def test_case_13_partial_refunds_add_up_and_no_order_lowers_the_total(
    version: str, apart: int, data: st.DataObject
) -> None:
    history = Payment(version)
    history.succeed(1_700_000_000)
    history.refund(1_700_000_100, 6_000)
    first = row(shuffled(history.events, data))
    assert (first["status"], first["amount_refunded"]) == ("PARTIALLY_REFUNDED", 6_000)
    history.refund(1_700_000_100 + apart, 4_000)
    found = row(shuffled(history.events, data))
    assert (found["status"], found["amount_refunded"]) == ("REFUNDED", 10_000)


def test_case_13_the_second_cumulative_figure_before_the_first() -> None:
    history = Payment(MIDDLE)
    history.succeed(1)
    history.refund(2, 6_000)
    history.refund(3, 4_000)
    succeeded, first, second = history.events[:2], history.events[2], history.events[3]
    early = row([*succeeded, second])
    assert (early["status"], early["amount_refunded"]) == ("REFUNDED", 10_000)
    assert row([*succeeded, second, first]) == early


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("twice", [False, True])
@given(st.data())
def test_case_14_a_refund_that_fails_later_restores_the_balance(
    version: str, twice: bool, data: st.DataObject
) -> None:
    history = Payment(version, amount=1000)
    history.succeed(1_700_000_000)
    refund_id = history.refund(1_700_000_100, 1000)
    done = row(shuffled(history.events, data))
    assert (done["status"], done["amount_refunded"]) == ("REFUNDED", 1000)
    history.move_refund(1_700_090_000, refund_id, "failed")
    if twice:
        history.tell("refund.failed", history.refunds[refund_id], 1_700_090_001)
    failed = row(shuffled(history.events, data))
    assert (failed["status"], failed["amount_refunded"]) == ("SUCCESSFUL", 0)
    assert failed["refunds"][refund_id]["status"] == "FAILED"
    assert failed["refunds"][refund_id]["failure_reason"] == "expired_or_canceled_card"
    history.refund(1_700_100_000, 1000)
    again = row(shuffled(history.events, data))
    assert (again["status"], again["amount_refunded"]) == ("REFUNDED", 1000)


@given(st.data())
def test_case_14_a_refund_known_only_by_the_charges_figure_fails(data: st.DataObject) -> None:
    history = Payment(MIDDLE, amount=1000)
    history.succeed(1)
    refund_id = history.refund(2, 400)
    history.refund(3, 600)
    history.move_refund(4, refund_id, "failed")
    found = row(shuffled(history.events, data))
    assert (found["status"], found["amount_refunded"]) == ("PARTIALLY_REFUNDED", 600)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_pending_refund_is_on_its_way_and_a_canceled_one_counts_nothing(version: str) -> None:
    history = Payment(version)
    history.succeed(1)
    refund_id = history.refund(2, 2_500, "pending")
    found = row(history.events)
    assert (found["status"], found["amount_refunded"]) == ("REFUNDING", 2_500)
    history.move_refund(3, refund_id, "canceled")
    found = row(history.events)
    assert (found["status"], found["amount_refunded"]) == ("SUCCESSFUL", 0)


def test_a_refund_before_its_payment_settles_counts_once_it_does() -> None:
    history = Payment(NEW)
    history.create(1)
    created = history.events[:]
    history.succeed(2)
    history.refund(3, 10_000)
    refund_only = [one for one in history.events if one["type"] == "refund.created"]
    early = row(created + refund_only)
    assert (early["status"], early["amount_refunded"]) == ("PENDING", 0)
    late = row(created + refund_only + history.events)
    assert (late["status"], late["amount_refunded"]) == ("REFUNDED", 10_000)


def _middle() -> tuple[Payment, list[dict[str, Any]]]:
    """A payment whose first refund is known by the charge's figure only."""
    history = Payment(MIDDLE)
    history.succeed(1)
    history.refund(2, 6_000)
    return history, history.events[:]


def test_a_refund_made_after_the_charges_figure_adds_to_it() -> None:
    history, known = _middle()
    history.refund(3, 4_000, "pending")
    history.move_refund(4, "re_1_2", "succeeded")
    figure, own = history.events[-2:]
    assert row([*known, own])["amount_refunded"] == 10_000
    assert row([*known, own, figure])["amount_refunded"] == 10_000


def test_a_refund_made_and_failed_after_the_charges_figure_takes_nothing_from_it() -> None:
    history, known = _middle()
    history.refund(3, 4_000, "pending")
    history.move_refund(4, "re_1_2", "failed")
    own = history.events[-1]
    assert row([*known, own])["amount_refunded"] == 6_000
    assert row(history.events)["amount_refunded"] == 6_000


def test_a_failure_told_again_later_does_not_count_against_a_newer_figure() -> None:
    history, _ = _middle()
    history.move_refund(3, "re_1_1", "failed")
    history.refund(4, 5_000)
    history.tell("refund.failed", history.refunds["re_1_1"], 5)
    assert row(history.events)["amount_refunded"] == 5_000


@pytest.mark.parametrize("second", [1_000, 3_000, 7_000])
@pytest.mark.parametrize("called_off", ["failed", "canceled"])
@given(data=st.data())
def test_a_refund_undone_in_the_second_of_the_next_one(
    called_off: str, second: int, data: st.DataObject
) -> None:
    history = Payment(MIDDLE)
    history.succeed(1)
    refund_id = history.refund(2, 3_000)
    history.move_refund(9, refund_id, called_off)
    history.refund(9, second)
    assert row(shuffled(history.events, data))["amount_refunded"] == second
