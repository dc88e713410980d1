"""The example project, through the engine's own inbox: any order of delivery, the same rows."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.receive import drain
from engine.store.connect import memory
from engine.stripe.event import of
from tests.stripe import example
from tests.stripe.histories import VERSIONS
from tests.stripe.test_payment import shuffled


def _after(events: example.Events) -> dict[str, Any]:
    store = memory(example.project().file.tables)
    receiver, clock = example.ticking()
    example.seed(store)
    for event in events:
        with store.transaction() as tx:
            receiver.receive(tx, event, json.dumps(event), of(event))
            drain(receiver, tx)
    example.settle(store, receiver, clock)
    found = example.picture(store)
    store.close()
    return found


@cache
def in_order(version: str) -> dict[str, Any]:
    """The rows after all stories, one event after another."""
    return _after(example.everything(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_in_order_the_rows_say_what_happened(version: str) -> None:
    found = in_order(version)
    shown = {table: "\n".join(found[table]) for table in example.TABLES}
    told = {
        "order": ("'refunded', 6000", "'refunded', 1000", "'renewal_of', True"),
        "payment": ("'amount_refunded', 6000", "'amount_refunded', 1000", "'type', 'recurring'"),
        "refund": ("'FAILED'", "'CANCELLED'"),
        "recurring_payment": ("'canceled'", "'active'"),
    }
    assert {table: [shown[table].count(word) for word in told[table]] for table in told} == {
        "order": [1, 1, 3],
        "payment": [1, 1, 5],
        "refund": [1, 1],
        "recurring_payment": [1, 2],
    }
    # Of five charges two were the first: they pay the orders their subscriptions began with.
    assert shown["payment"].count("('lin', False)") == shown["payment"].count("('may', False)") == 1
    assert found["states"] == {"done"}


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=6)
@given(data=st.data())
def test_any_order_of_delivery_ends_in_the_same_rows_and_leaves_nothing_waiting(
    version: str, data: st.DataObject
) -> None:
    found = _after(shuffled(example.everything(version), data))
    assert found == in_order(version)
