"""A refund made by our action, in every API version: Stripe's answer reserves, signed events settle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Place
from engine.model import Row
from engine.nodes.stripe_calls import snapshot
from engine.project import Project
from engine.stripe import given_back, payment, refund
from engine.stripe.event import of
from engine.stripe.facts import merge
from engine.testing import Bench, TestCase
from engine.testing.case import Act, Delivery, Pause
from tests.flows.conftest import FLOWS
from tests.stripe.histories import START, Payment
from tests.stripe.test_payment import facts_of, shuffled

HERE = Place("here")
VERSIONS = {
    "2018-02-28": "the charge lists its refunds",
    "2022-08-01": "it still does",
    "2022-11-15": "only the charge's figure tells",
    "2023-10-16": "still",
    "2024-09-30.acacia": "for the last time",
    "2024-10-28.acacia": "refund.* events tell of each",
    "2026-05-27.dahlia": "today",
}
versions = pytest.mark.parametrize("version", VERSIONS)
Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench(Project.open(FLOWS))
    yield made
    made.close()


class Story:
    """Order 1 is paid, then given back in parts by the action, all told in one API version."""

    def __init__(self, version: str) -> None:
        self.paid = Payment(version, metadata={"order_id": "1"})
        self.paid.succeed(START)
        self.success = self.paid.events[:]
        self.answers: list[dict[str, Any]] = []

    def refund(self, at: int, amount: int, status: str = "succeeded") -> str:
        # Only an object that we made names our row: the events show it, the figure does not.
        refund_id = self.paid.refund(at, amount, status)
        number = len(self.answers) + 1
        thing = self.paid.refunds[refund_id]
        thing["metadata"] = {"refund_id": str(number), "payment_id": "1", "order_id": "1"}
        for event in self.paid.events:
            if event["data"]["object"]["id"] == refund_id:
                event["data"]["object"]["metadata"] = thing["metadata"]
        self.answers.append(dict(thing))
        return refund_id

    @property
    def later(self) -> Events:
        return self.paid.events[len(self.success) :]

    def play(self, bench: Bench, events: Events, asked: int | None = None) -> dict[str, list[Row]]:
        """The actions (all of them, or so many), then these events."""
        answers = self.answers[:asked]
        case = TestCase(
            name="a refund",
            place=HERE,
            given=bench.project.seed(),
            now="2026-12-01T00:00:00Z",
            steps=(
                *map(_delivery, self.success),
                *(_act(answer["amount"]) for answer in answers),
                *map(_delivery, events),
                Pause(7200),
            ),
            replies={"refunds.create": self.answers},
            shuffle=False,
            outcomes=None,
            error=None,
            calls=None,
            tables={},
            places={},
        )
        return dict(bench.play(case).rows)


def _delivery(event: dict[str, Any]) -> Delivery:
    return Delivery(event["type"], event, json.dumps(event), of(event))


def _act(amount: int) -> Act:
    return Act(
        "refund",
        {"paymentId": 1, "refundAmount": amount},
        {"id": "ada", "role": "admin"},
        None,
        HERE,
    )


def shown(rows: dict[str, list[Row]]) -> tuple[Any, ...]:
    (paid,), order = rows["payment"], rows["order"][0]
    refunds = [(row["amount"], row["status"]) for row in rows["refund"]]
    return paid["status"], paid["amount_refunded"], refunds, order["status"], order["refunded"]


@versions
def test_an_answer_settles_nothing_and_the_signed_events_do(version: str, bench: Bench) -> None:
    story = Story(version)
    story.refund(START + 9, 4_000)
    assert shown(story.play(bench, [])) == ("REFUNDING", 4_000, [(4_000, "PENDING")], "paid", 0)
    done = ("PARTIALLY_REFUNDED", 4_000, [(4_000, "REFUNDED")], "partly refunded", 4_000)
    assert shown(story.play(bench, story.later)) == done
    assert shown(story.play(bench, story.later[::-1])) == done


@versions
@pytest.mark.parametrize("apart", [0, 1])
def test_a_figure_settles_only_what_it_counts(version: str, apart: int, bench: Bench) -> None:
    story = Story(version)
    story.refund(START + 9, 4_000)
    first = story.later
    story.refund(START + 9 + apart, 6_000)
    half = shown(story.play(bench, first))
    assert half[:2] == ("REFUNDING", 10_000)
    assert half[2] == [(4_000, "REFUNDED"), (6_000, "PENDING")]
    done = ("REFUNDED", 10_000, [(4_000, "REFUNDED"), (6_000, "REFUNDED")], "refunded", 10_000)
    assert shown(story.play(bench, story.later)) == done
    assert shown(story.play(bench, story.later[::-1])) == done


@versions
@pytest.mark.parametrize("amounts", [(4_000, 4_000, 2_000), (5_000, 2_500, 2_500)])
def test_refunds_of_one_second_end_when_all_are_told(
    version: str, amounts: tuple[int, ...], bench: Bench
) -> None:
    """The last of them is no less an effect: the order must hear of the whole amount."""
    story = Story(version)
    for amount in amounts:
        story.refund(START + 9, amount)
    done = ("REFUNDED", 10_000, [(amount, "REFUNDED") for amount in amounts], "refunded", 10_000)
    for events in (story.later, story.later[::-1]):
        assert shown(story.play(bench, events)) == done


@pytest.mark.parametrize("version", ["2024-10-28.acacia", "2026-05-27.dahlia"])
def test_a_figure_settles_nothing_where_each_refund_has_an_event(
    version: str, bench: Bench
) -> None:
    """Two of one second are told, the third is only answered: the figure must not pass for it."""
    story = Story(version)
    story.refund(START + 9, 4_000)
    story.refund(START + 9, 4_000)
    told = story.later
    story.refund(START + 9, 2_000)
    for events in (told, told[::-1]):
        found = shown(story.play(bench, events))
        assert found[:2] == ("REFUNDING", 10_000)
        assert found[2][2] == (2_000, "PENDING")


@versions
def test_a_refund_of_ours_that_fails_later_restores_the_balance(version: str, bench: Bench) -> None:
    story = Story(version)
    refund_id = story.refund(START + 9, 10_000)
    story.paid.move_refund(START + 99, refund_id, "failed")
    failed = ("SUCCESSFUL", 0, [(10_000, "FAILED")], "paid", 0)
    assert shown(story.play(bench, story.later)) == failed
    assert shown(story.play(bench, story.later[::-1])) == failed


@versions
def test_a_refund_that_the_answer_calls_pending_waits_for_its_own_events(
    version: str, bench: Bench
) -> None:
    story = Story(version)
    refund_id = story.refund(START + 9, 4_000, "pending")
    begun = shown(story.play(bench, story.later))
    assert begun[:3] == ("REFUNDING", 4_000, [(4_000, "PENDING")])
    story.paid.move_refund(START + 99, refund_id, "succeeded")
    done = ("PARTIALLY_REFUNDED", 4_000, [(4_000, "REFUNDED")], "partly refunded", 4_000)
    assert shown(story.play(bench, story.later)) == done
    assert shown(story.play(bench, story.later[::-1])) == done


@versions
def test_a_refund_in_the_dashboard_does_not_pass_for_ours(version: str, bench: Bench) -> None:
    story = Story(version)
    story.paid.refund(START + 5, 1_000)
    theirs = story.later
    story.refund(START + 9, 4_000)
    found = shown(story.play(bench, theirs))
    assert found[:2] == ("REFUNDING", 5_000)
    assert (4_000, "PENDING") in found[2]
    found = shown(story.play(bench, story.later))
    assert found[:2] == ("PARTIALLY_REFUNDED", 5_000)
    assert (4_000, "REFUNDED") in found[2]


def test_a_charge_whose_payment_intent_is_not_told_yet_is_refused_in_words(bench: Bench) -> None:
    row: Row = {"id": 1, "order_id": 3, "amount": 2_000, "currency": "usd", "status": "SUCCESSFUL"}
    told = {"code": "not_refundable"}
    case = TestCase(
        name="too early",
        place=HERE,
        given={**bench.project.seed(), "payment": [row]},
        now="2026-12-01T00:00:00Z",
        steps=(_act(500)._replace(answer=told),),
        replies={},
        shuffle=False,
        outcomes=None,
        error=None,
        calls=[],
        tables={"refund": []},
        places={},
    )
    assert bench.run(case).failures == []


@given(
    st.sampled_from(list(VERSIONS)),
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 2), st.booleans()), min_size=1, max_size=4
    ),
    st.data(),
)
def test_answers_and_events_in_any_order_end_alike(
    version: str, refunds: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    """The facts of answers among those of events: an answer may be lost, and come after them all."""
    story, at = Story(version), START + 1
    for tenths, seconds, fails in refunds:
        at += seconds
        left = story.paid.amount - story.paid.refunded()
        if left < 10:
            break
        refund_id = story.refund(at, left * tenths // 10)
        if fails:
            at += 1
            story.paid.move_refund(at, refund_id, "failed")
    told = [facts_of(event) for event in shuffled(story.paid.events, data)]
    for answer in story.answers:
        news = refund.refund_news(snapshot(answer))
        assert news is not None
        told.insert(data.draw(st.integers(0, len(told))), refund.answered_facts(news))
    facts: dict[str, Any] = {}
    for one in told:
        facts = merge(facts, one)
    amount = payment.state_columns(facts)["amount"]
    status, total = given_back.refunded_status(facts, amount)
    right = story.paid.refunded()
    assert total == right
    whole = "REFUNDED" if right == amount else "PARTIALLY_REFUNDED"
    assert status == (whole if right else "SUCCESSFUL")
    assert given_back.statuses(facts) == {
        name: "REFUNDED" if thing["status"] == "succeeded" else "FAILED"
        for name, thing in story.paid.refunds.items()
    }
