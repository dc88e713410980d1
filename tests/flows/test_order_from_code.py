"""A builder's code block decides what a renewal's order costs: less than was agreed, never more."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tests.flows.conftest import Ran

FLOW = """
flow: recurring_charge_callback
trigger: {stripe: recurring_charge}
nodes:
  - {id: callback, type: stripe.recurring_charge_callback, locked: true}
  - id: outcome
    type: branch
    cases:
      - name: nothing to do
        when: "{{ callback.callbackProcessed or callback.status != 'SUCCESSFUL' }}"
        do: [{id: enough, type: stop, reason: processed before}]
      - {name: paid, else: true, do: []}
  - {id: began_with, type: table.find, table: order, where: {id: "{{ callback.orderId }}"}, expect: one}
  - id: price
    type: code
    inputs: {amount: "{{ callback.amount }}", first: "{{ callback.firstCharge }}"}
    outputs: {amount: amount}
    code: |
      return {"amount": amount if first else amount * PERCENT // 100}
  - id: new_order
    type: table.insert
    table: order
    values:
      user_id: "{{ began_with.user_id }}"
      item: "{{ began_with.item }}"
      amount: "{{ price.amount }}"
      currency: "{{ callback.currency }}"
      status: paid
      renewal_of: "{{ callback.recurringPaymentId }}"
  - id: create_order
    type: set
    values: {orderId: "{{ new_order.id }}", amount: "{{ new_order.amount }}"}
  - {id: process, type: stripe.process_recurring_payment, locked: true}
"""
LOWER = """
cases:
  - name: a tenth off each renewal
    events: [customer.subscription.created, invoice.paid.first, invoice.paid.renewal]
    shuffle: true
    expect:
      tables:
        # The payment is what Stripe charged, the order what the builder says it costs.
        payment: [{amount: 2000, status: SUCCESSFUL}, {amount: 2000, status: SUCCESSFUL}]
        order: [{id: 1}, {id: 2}, {id: 3}, {amount: 2000, status: paid}, {amount: 1800, status: paid}]
"""
RAISE = """
cases:
  - name: a tenth more is refused
    events: [customer.subscription.created, invoice.paid.renewal]
    expect:
      outcomes: [done, waiting]
      error: create_order gave amount 2200. Expected at most 2000, the amount agreed at the start
      tables: {payment: [], order: [{id: 1}, {id: 2}, {id: 3}]}
"""


@pytest.mark.parametrize(("percent", "cases"), [("90", LOWER), ("110", RAISE)])
def test_what_a_renewal_costs(
    percent: str, cases: str, shop: pathlib.Path, actionflow: Callable[..., Ran]
) -> None:
    (shop / "recurring_charge_callback.yaml").write_text(FLOW.replace("PERCENT", percent))
    for path in (shop / "tests").glob("*.yaml"):
        path.unlink()
    (shop / "tests" / "renewals.yaml").write_text(cases)
    ran = actionflow("test")
    assert "1 passed, 0 failed" in ran.out, ran.out + ran.err
    assert ran.code == 0
