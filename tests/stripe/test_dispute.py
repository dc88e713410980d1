from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stripe import dispute
from engine.stripe.event import of
from engine.stripe.facts import merge
from tests.stripe.histories import VERSIONS, Payment
from tests.stripe.support import event
from tests.stripe.test_payment import shuffled

HISTORIES = {
    "won": [
        ("created", 1, "needs_response"),
        ("funds_withdrawn", 1, "needs_response"),
        ("updated", 1, "under_review"),
        ("closed", 900, "won"),
        ("funds_reinstated", 900, "won"),
    ],
    "lost": [
        ("created", 1, "needs_response"),
        ("funds_withdrawn", 1, "needs_response"),
        ("closed", 1, "lost"),
    ],
    "open": [("created", 1, "needs_response"), ("updated", 5, "under_review")],
    "inquiry closed": [
        ("created", 1, "warning_needs_response"),
        ("updated", 2, "warning_under_review"),
        ("closed", 3, "warning_closed"),
    ],
    "inquiry turned dispute": [
        ("created", 1, "warning_needs_response"),
        ("updated", 2, "needs_response"),
    ],
    "prevented": [("created", 1, "prevented")],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "disputed"),
    [
        ("won", False),
        ("lost", True),
        ("open", True),
        ("inquiry closed", False),
        ("inquiry turned dispute", True),
        ("prevented", False),
    ],
)
@given(st.data())
def test_any_order_of_a_disputes_events_leads_to_its_end(
    version: str, name: str, disputed: bool, data: st.DataObject
) -> None:
    history = Payment(version)
    history.succeed(1)
    history.events.clear()
    for kind, at, status in HISTORIES[name]:
        history.dispute(kind, at, status)
    facts: dict[str, object] = {}
    for told in shuffled(history.events, data):
        news = dispute.dispute_news(of(told))
        assert news is not None
        facts = merge(facts, dispute.facts_of(news))
    assert dispute.status_of(facts, "dp_1_1") == HISTORIES[name][-1][2]
    assert dispute.disputed(facts) is disputed


def test_a_payment_is_disputed_while_any_of_its_disputes_is() -> None:
    history = Payment()
    history.succeed(1)
    history.events.clear()
    history.dispute("closed", 2, "won", number=1)
    history.dispute("created", 3, "needs_response", number=2)
    facts: dict[str, object] = {}
    for told in history.events:
        news = dispute.dispute_news(of(told))
        assert news is not None
        facts = merge(facts, dispute.facts_of(news))
    assert dispute.disputed(facts)
    assert not dispute.disputed({})
    assert dispute.status_of(facts, "dp_none") is None


def test_a_dispute_without_an_id_says_nothing() -> None:
    assert dispute.dispute_news(of(event("charge.dispute.created", {"status": "lost"}))) is None
