"""The system tables as every project has them."""

from __future__ import annotations

import pytest

from engine.store.base import Store
from engine.store.schema import system_tables
from tests.store.support import ORDER, Connector, column, project, table

MONEY = {"amount", "amount_refunded"}


def test_they_belong_to_the_bound_order_table() -> None:
    bill = table("bill", column("no", "text"), key="no")
    tables = system_tables(bill)
    assert set(tables) == {"payment", "recurring_payment", "refund"}
    assert all(table.system for table in tables.values())
    assert tables["payment"].columns["order_id"].references == "bill"
    assert tables["recurring_payment"].columns["order_id"].references == "bill"
    assert tables["refund"].columns["payment_id"].references == "payment"
    assert system_tables(ORDER)["payment"].columns["order_id"].references == "order"


@pytest.mark.parametrize("name", ["payment", "recurring_payment", "refund"])
def test_money_is_minor_units_and_all_have_times(name: str) -> None:
    found = system_tables(ORDER)[name]
    assert {c.name for c in found.columns.values() if c.type == "amount"} == (
        MONEY & found.columns.keys()
    )
    assert found.columns["created_at"].type == found.columns["updated_at"].type == "timestamp"
    assert "facts" in found.columns
    assert "facts" not in [column.name for column in found.visible]


def test_orders_may_have_a_text_key(connector: Connector) -> None:
    bill = table("bill", column("no", "text"), column("total", "amount"), key="no")
    store = connector.memory(project(bill, order="bill"))
    with store.transaction() as tx, tx.system_writes():
        tx.insert("bill", {"no": "A-1", "total": 5})
        row = tx.insert("payment", {"order_id": "A-1", "amount": 5, "currency": "USD"})
    assert (row["order_id"], row["status"], row["currency"]) == ("A-1", "PENDING", "usd")


def test_what_the_hot_path_looks_for_is_found_by_an_index(
    store: Store, connector: Connector
) -> None:
    unfinished = "state <> 'done'"
    asked = [
        "SELECT * FROM payment WHERE transaction_id = 'pi_1'",
        "SELECT * FROM payment WHERE invoice_id = 'in_1'",
        "SELECT * FROM payment WHERE charge_id = 'ch_1'",
        "SELECT * FROM payment WHERE order_id = 1",
        "SELECT * FROM refund WHERE transaction_id = 're_1'",
        "SELECT * FROM refund WHERE payment_id = 1",
        "SELECT * FROM recurring_payment WHERE subscription_id = 'sub_1'",
        f"SELECT id FROM actionflow_inbox WHERE subject = 'pi_1' AND {unfinished}"
        " AND state IN ('ignored', 'waiting')",
        f"SELECT id FROM actionflow_inbox WHERE {unfinished} AND state IN ('received', 'waiting')",
        "SELECT id FROM actionflow_inbox ORDER BY received_at DESC, id DESC LIMIT 5",
        "SELECT id FROM actionflow_run WHERE event_id = 'evt_1'",
    ]
    for sql in asked:
        plan = connector.plan_of(sql)
        assert "USING" in plan.upper() or "Index" in plan, f"{sql}: {plan}"
        assert "TEMP B-TREE" not in plan, f"{sql}: {plan}"
        assert "Seq Scan" not in plan, f"{sql}: {plan}"
        assert "Sort" not in plan, f"{sql}: {plan}"
