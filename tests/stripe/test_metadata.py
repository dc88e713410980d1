from typing import Any

import pytest

from engine.stripe.metadata import mark_of

INTEGER, TEXT = "integer", "text"


@pytest.mark.parametrize(
    ("metadata", "key_type", "order_id", "reason"),
    [
        ({"order_id": "42"}, INTEGER, 42, ""),
        ({"order_id": "42", "actionflow_project": "shop"}, INTEGER, 42, ""),
        ({"order_id": "A-7"}, TEXT, "A-7", ""),
        ({}, INTEGER, None, "names no order_id"),
        (None, INTEGER, None, "names no order_id"),
        ([], INTEGER, None, "names no order_id"),
        ({"order_id": ""}, INTEGER, None, "names no order_id"),
        ({"order_id": None}, INTEGER, None, "names no order_id"),
        ({"order_id": "abc"}, INTEGER, None, "'abc', which is no integer key"),
        ({"order_id": "1.5"}, INTEGER, None, "no integer key"),
        ({"order_id": "-1"}, INTEGER, None, "no integer key"),
        ({"order_id": "007"}, INTEGER, None, "no integer key"),
        ({"order_id": "٣"}, INTEGER, None, "no integer key"),
        ({"order_id": "9" * 19}, INTEGER, None, "no integer key"),
        ({"order_id": 42}, INTEGER, None, "no integer key"),
        ({"order_id": "a\x00b"}, TEXT, None, "no text key"),
        ({"order_id": "x" * 256}, TEXT, None, "no text key"),
        ({"order_id": "42", "actionflow_project": "other"}, INTEGER, None, "'other'"),
    ],
)
def test_case_19_only_metadata_that_names_an_order_of_ours_makes_an_object_ours(
    metadata: Any, key_type: str, order_id: Any, reason: str
) -> None:
    mark = mark_of(metadata, key_type, "shop")
    assert mark.order_id == order_id
    assert type(mark.order_id) is type(order_id)
    assert reason in mark.reason
    assert bool(mark.reason) is (order_id is None)


def test_the_row_that_waits_is_named_by_its_key() -> None:
    told = {"order_id": "1", "payment_id": "5", "recurring_payment_id": "x", "refund_id": "7"}
    mark = mark_of(told, INTEGER, "shop")
    assert (mark.payment_id, mark.recurring_payment_id, mark.refund_id) == (5, None, 7)
