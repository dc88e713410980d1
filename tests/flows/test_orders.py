"""Whole histories, every event of them, in many orders: the example's tables end as in Stripe's order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine.errors import Place
from engine.model import Row
from engine.project import Project
from engine.stripe.event import of
from engine.testing import Bench, TestCase
from engine.testing.case import Delivery, Pause
from tests.flows.conftest import FLOWS
from tests.tools.record_events import History, histories
from tests.tools.stories import STORIES

ORDERS = 20
TABLES = ("order", "payment", "refund", "recurring_payment", "membership")
"""Not `notice`: what the staff is told of depends on what was news when it came."""
COUNTED = {"id", "order_id", "payment_id", "recurring_payment_id", "renewal_of"}
"""Keys that count up, in whatever order the rows are made."""
OTHER = {"created_at", "updated_at", "facts"}


@pytest.fixture(scope="module")
def told() -> dict[str, History]:
    return histories()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench(Project.open(FLOWS))
    yield made
    made.close()


def ends(bench: Bench, events: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The rows after these events, and after what waits was tried again."""
    steps = [Delivery(event["type"], event, json.dumps(event), of(event)) for event in events]
    case = TestCase(
        name="a history",
        place=Place("here"),
        given=bench.project.seed(),
        now="2026-12-01T00:00:00Z",
        steps=(*steps, Pause(7200)),
        replies={},
        shuffle=False,
        outcomes=None,
        error=None,
        calls=None,
        tables={},
        places={},
    )
    rows = bench.play(case).rows
    return {table: sorted(map(_seen, rows[table])) for table in TABLES}


def _seen(row: Row) -> str:
    shown = {key: value for key, value in row.items() if key not in COUNTED | OTHER}
    return json.dumps(shown, sort_keys=True)


@pytest.mark.parametrize("name", STORIES)
def test_any_order_ends_alike(name: str, told: dict[str, History], bench: Bench) -> None:
    events = [one for one in told[name].events if bench.project.flow_for(of(one))]
    assert events
    right = ends(bench, events)
    chance = random.Random(name)
    for _ in range(ORDERS):
        order = chance.sample(events, len(events))
        # Stripe may deliver any of them twice, too.
        order.insert(chance.randrange(len(order) + 1), chance.choice(order))
        assert ends(bench, order) == right, [event["type"] for event in order]
