"""The example project, through the engine's own inbox: any order of delivery, the same rows."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.project import Project
from engine.receive import Receiver, drain
from engine.store.connect import memory
from engine.stripe.event import of
from tests.stripe.histories import START, VERSIONS, Payment, Subscription
from tests.stripe.test_payment import shuffled

FLOWS = Path(__file__).resolve().parents[2] / "flows"
MONTH = 2_592_000
ROUNDS = 8
HIDDEN = ("id", "created_at", "updated_at", "facts", "order_id", "payment_id")


@cache
def _project() -> Project:
    return Project.open(FLOWS)


def _story(version: str) -> list[dict[str, Any]]:
    paid = Payment(version, metadata={"order_id": "1"})
    paid.create(START)
    paid.fail(START)
    paid.succeed(START + 1)
    first = paid.refund(START + 2, 4_000)
    paid.refund(START + 3, 6_000)
    paid.move_refund(START + 4, first, "failed")
    paid.dispute("created", START + 5, "needs_response")
    member = Subscription(version, {"order_id": "2"})
    member.create(START)
    member.update(START, status="active")
    member.invoice(("paid", "payment_succeeded"), START, 2_000, first=True)
    member.invoice(("paid",), START + MONTH, 2_000)
    return paid.events + member.events


def _after(events: list[dict[str, Any]]) -> dict[str, Any]:
    project = _project()
    store = memory(project.file.tables)
    clock = [1_800_000_000.0]
    receiver = Receiver(project, "test", now=lambda: clock[0])
    with store.transaction() as tx:
        for user, amount in (("ada", 10_000), ("lin", 2_000)):
            order = {"user_id": user, "item": "x", "amount": amount, "currency": "usd"}
            tx.insert("order", order)
    for event in events:
        with store.transaction() as tx:
            receiver.receive(tx, event, json.dumps(event), of(event))
            drain(receiver, tx)
    for _ in range(ROUNDS):
        clock[0] += 4_000
        with store.transaction() as tx:
            drain(receiver, tx)
    with store.transaction() as tx:
        states = {row["state"] for row in tx.execute("SELECT state FROM actionflow_inbox")}
        found: dict[str, Any] = {
            table: sorted(
                repr({name: value for name, value in row.items() if name not in HIDDEN})
                for row in tx.find(table, {})
            )
            for table in ("order", "payment", "refund", "recurring_payment", "membership")
        }
    store.close()
    return found | {"states": states}


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_order_of_delivery_ends_in_the_same_rows_and_leaves_nothing_waiting(
    version: str, data: st.DataObject
) -> None:
    events = _story(version)
    found = _after(shuffled(events, data))
    assert found == _after(events)
    assert found["states"] == {"done"}
