"""Runs are found by the order they are about, whatever they were called by."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import BadInput
from engine.store import runs
from engine.studio import orders
from engine.studio.runs import run_list, run_page
from tests.studio.conftest import Office
from tests.studio.world import LATE_ORDER, late_payment, recorded

FLOWS_OF = {
    1: ["refund_callback"] * 2 + ["payment_callback"] * 3,
    3: ["recurring_charge_callback"] * 2 + ["recurring_management_callback"],
    4: ["recurring_charge_callback"],
    LATE_ORDER: ["payment_callback"],
    1000: [],
}


def listed(office: Office, **filters: Any) -> dict[str, Any]:
    return run_list(office.store, office.write, office.project, **filters)


def flows(office: Office, **filters: Any) -> list[str]:
    return [run["flow"] for run in listed(office, **filters)["runs"]]


@pytest.mark.parametrize(("order", "expected"), FLOWS_OF.items())
def test_an_orders_runs_are_found(busy: Office, order: int, expected: list[str]) -> None:
    assert flows(busy, order=f" {order} ") == expected


def test_a_run_names_its_orders(busy: Office) -> None:
    with busy.store.reader() as tx:
        pages = [run_page(tx, busy.project, run.id) for run in runs.listing(tx)]
    assert {order for page in pages if page for order in page["orders"]} == {1, 3, 4, LATE_ORDER}


def test_what_came_since_the_last_search_is_found(busy: Office) -> None:
    before = len(flows(busy, order="1"))
    assert flows(busy, order=str(LATE_ORDER), outcome="failed") == ["payment_callback"]
    busy.receive(recorded("charge.dispute.closed"))
    busy.receive(recorded("refund.updated"))
    assert len(flows(busy, order="1")) > before
    busy.receive(late_payment("evt_another"))
    assert len(flows(busy, order=str(LATE_ORDER))) == 2


def test_order_and_the_other_filters_hold_together(busy: Office) -> None:
    assert flows(busy, order="1", flow="payment_callback") == ["payment_callback"] * 3
    assert flows(busy, order="1", event_type="charge.refunded") == ["refund_callback"]
    assert flows(busy, order="1", outcome="failed") == []


def test_pages_of_an_order_go_on_where_they_ended(busy: Office) -> None:
    whole = [run["id"] for run in listed(busy, order="1")["runs"]]
    seen, before = [], None
    while True:
        page = listed(busy, order="1", limit=2, before=before)
        seen += [run["id"] for run in page["runs"]]
        before = page["before"]
        if before is None:
            break
    assert seen == whole


def test_a_long_history_is_read_a_part_at_a_time(
    busy: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "STRETCH", 2)
    monkeypatch.setattr(orders, "MOST_READ", 2)
    seen, before, early = [], None, 0
    while True:
        page = listed(busy, order="1", before=before)
        seen += [run["flow"] for run in page["runs"]]
        before, early = page["before"], early + page["stopped_early"]
        if before is None:
            break
    assert seen == FLOWS_OF[1]
    assert early > 0
    # From now on nothing has to be read again.
    assert flows(busy, order="1") == FLOWS_OF[1]


def test_after_a_long_while_reading_begins_at_the_latest(
    busy: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows(busy, order="1")
    monkeypatch.setattr(orders, "STRETCH", 1)
    monkeypatch.setattr(orders, "MOST_READ", 1)
    for number in range(3):
        busy.receive(late_payment(f"evt_{number}"))
    found = flows(busy, order=str(LATE_ORDER))
    assert len(found) == 1, "one stretch was allowed"


def test_what_is_no_order_key_is_said(busy: Office) -> None:
    with pytest.raises(BadInput, match="whole number"):
        flows(busy, order="abc")
