"""The faults of ../shared/cases.md: which test shows that we do not have them, and the tests of those
that belong to no single module."""

from __future__ import annotations

import json
import re
import time
from decimal import InvalidOperation
from typing import Any

import pytest
import stripe

from engine.errors import RunError
from engine.receive import drain
from engine.store.connect import memory
from engine.stripe.event import load, of
from engine.stripe.signature import sign, verify
from tests.conftest import ROOT
from tests.stripe import example
from tests.stripe.histories import NEW, START, Payment
from tests.stripe.support import SHARED, files, is_event, name_of
from tests.stripe.support import load as recorded

CASES = SHARED / "cases.md"
UNIT, HERE, ACCEPTANCE = "tests/unit", "tests/stripe", "tests/acceptance"
FAULTS: dict[int, tuple[str, ...]] = {
    1: (
        f"{HERE}/test_reported_faults.py::"
        "test_case_1_an_event_whose_run_failed_is_not_taken_for_processed",
    ),
    2: (f"{ACCEPTANCE}/test_webhook.py::test_twenty_copies_at_once_run_once",),
    3: (
        f"{ACCEPTANCE}/test_webhook.py::test_three_events_about_one_payment_have_one_effect",
        f"{UNIT}/test_stripe_nodes.py::test_case_3_one_payment_whatever_many_events_tell_of_it",
    ),
    4: (
        f"{HERE}/test_subscription.py::test_case_4_created_never_overwrites_what_was_updated",
        f"{UNIT}/test_stripe_nodes_recurring.py::"
        "test_case_4_updated_makes_the_row_and_created_does_not_downgrade",
    ),
    5: (
        f"{HERE}/test_payment.py::"
        "test_case_5_a_late_failure_does_not_undo_a_success_nor_the_reverse",
    ),
    6: (
        f"{UNIT}/test_stripe_nodes.py::"
        "test_case_6_ours_but_the_order_does_not_exist_yet_is_not_processed",
        f"{ACCEPTANCE}/test_webhook.py::test_the_event_beats_the_order_row",
    ),
    7: (
        f"{HERE}/test_subscription.py::"
        "test_case_7_the_period_is_found_on_the_root_and_on_the_items",
        f"{HERE}/test_subscription.py::test_case_7_items_of_different_ends_the_earliest_counts",
        f"{HERE}/test_subscription.py::test_case_7_an_absent_period_keeps_the_old_one",
    ),
    8: (
        f"{HERE}/test_invoice.py::test_case_8_the_subscription_of_an_invoice_by_old_and_new_path",
        f"{UNIT}/test_stripe_nodes_recurring.py::"
        "test_case_8_an_invoice_of_its_own_is_no_charge_of_ours",
    ),
    9: (
        f"{HERE}/test_reported_faults.py::test_case_9_a_signed_event_is_plain_data_and_no_sdk_object",
    ),
    10: (
        f"{HERE}/test_amounts.py::"
        "test_case_10_and_11_an_amount_is_what_stripe_gets_and_what_is_shown",
        "flows/tests/actions.yaml::"
        "yen have no smaller unit, so what is asked for is what goes back",
    ),
    11: (f"{HERE}/test_amounts.py::test_case_11_and_12_what_is_no_amount_is_refused_in_words",),
    12: (
        f"{HERE}/test_amounts.py::test_case_11_and_12_what_is_no_amount_is_refused_in_words",
        f"{UNIT}/test_expressions.py::test_case_12_no_float_is_computed_with",
    ),
    13: (
        f"{HERE}/test_refund.py::test_case_13_partial_refunds_add_up_and_no_order_lowers_the_total",
        f"{UNIT}/test_stripe_nodes.py::test_case_13_partial_refunds_add_up",
    ),
    14: (
        f"{HERE}/test_refund.py::test_case_14_a_refund_that_fails_later_restores_the_balance",
        f"{UNIT}/test_stripe_refund_action.py::"
        "test_a_refund_of_ours_that_fails_later_restores_the_balance",
    ),
    15: (
        f"{HERE}/test_payment.py::test_case_15_a_completed_checkout_is_not_paid_until_the_money_came",
    ),
    16: (f"{HERE}/test_subscription.py::test_case_16_every_way_to_cancel_shows_when_it_ends",),
    17: (
        f"{UNIT}/test_stripe_nodes_recurring.py::"
        "test_case_17_a_trials_zero_invoice_makes_no_payment_and_is_told_once",
    ),
    18: (
        f"{HERE}/test_signature.py::test_case_18_every_v1_and_every_secret_counts",
        f"{HERE}/test_signature.py::"
        "test_case_18_a_signature_that_proves_nothing_is_refused_in_words",
    ),
    19: (
        f"{UNIT}/test_stripe_nodes.py::test_case_19_an_object_that_is_not_ours_touches_no_row",
        f"{UNIT}/test_run.py::test_events_of_the_other_mode_touch_nothing",
        f"{UNIT}/test_run.py::test_an_event_no_flow_handles_is_set_aside",
    ),
    20: (
        f"{UNIT}/test_expressions.py::test_case_20_default_keeps_what_is_there",
        f"{UNIT}/test_expressions.py::test_case_20_default_replaces_null_and_absent",
    ),
    21: (
        f"{UNIT}/test_expressions.py::test_case_21_a_skipped_or_mistyped_node_is_an_error",
        "tests/check/test_check.py::test_case_21_a_typo_is_refused_and_a_skipped_output_named",
    ),
    22: (f"{UNIT}/test_yamlfile.py::test_case_22_words_of_yaml_1_1_stay_text",),
    23: (
        f"{UNIT}/test_yamlfile.py::test_case_23_a_repeated_key_names_both_lines",
        "tests/check/test_check.py::test_case_23_two_nodes_of_one_name_are_refused_with_both_lines",
    ),
    24: (
        f"{ACCEPTANCE}/test_crash.py::test_a_crash_at_any_step_then_a_retry_is_one_action",
        f"{ACCEPTANCE}/test_actions.py::test_a_lost_answer_then_a_retry_is_one_refund",
        "tests/outbox/test_delivery.py::"
        "test_a_run_that_fails_leaves_no_call_and_its_retry_has_the_same_key",
    ),
    25: (
        f"{UNIT}/test_reload.py::test_case_25_a_run_ends_on_the_flow_it_began_with",
        f"{UNIT}/test_reload.py::test_a_file_that_grows_is_not_read_half_written",
    ),
}


@pytest.mark.skipif(not CASES.is_file(), reason=f"{CASES} is not here: it is read in place")
def test_every_reported_fault_has_its_tests() -> None:
    reported = {int(number) for number in re.findall(r"(?m)^(\d+)\. \*\*", CASES.read_text())}
    assert set(FAULTS) == reported
    for named in FAULTS.values():
        for one in named:
            path, _, name = one.partition("::")
            text = (ROOT / path).read_text()
            there = f"def {name}(" if path.endswith(".py") else f"- name: {name}\n"
            assert there in text, f"{one} is named in this table but is not there"


def test_case_1_an_event_whose_run_failed_is_not_taken_for_processed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = Payment(NEW, metadata={"order_id": "1"})
    history.succeed(START)
    event = history.events[-1]
    store = memory(example.project().file.tables)
    receiver, _ = example.ticking()
    example.seed(store)

    def deliver() -> str:
        with store.transaction() as tx:
            return receiver.receive(tx, event, json.dumps(event), of(event)).outcome

    with store.transaction() as tx:
        kind = type(tx)
    update = kind.update

    def failing(tx: Any, table: str, *given: Any, **more: Any) -> Any:
        if table == "order":
            raise RunError("database is locked")
        return update(tx, table, *given, **more)

    with monkeypatch.context() as broken:
        broken.setattr(kind, "update", failing)
        assert deliver() == "waiting"
    with store.transaction() as tx:
        assert tx.find("payment", {}) == []
    assert [deliver(), deliver()] == ["done", "duplicate"]
    with store.transaction() as tx:
        assert [row["status"] for row in tx.find("payment", {})] == ["SUCCESSFUL"]
        assert tx.find("order", {"id": 1})[0]["status"] == "paid"
        assert drain(receiver, tx) == []
    store.close()


def _plain(found: Any) -> None:
    assert type(found) in (dict, list, str, int, float, bool, type(None)), type(found)
    for inner in (
        found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    ):
        _plain(inner)


SIGNED = [path for path in files() if is_event(recorded(path)) and path.parent.name != "v2-thin"]

NOT_FOR_THE_SDK = {"2025-03-31.basil/invoice.payment_succeeded.foks.subscription_create"}
"""A decimal was made unreadable for privacy; the SDK parses decimals, we do not touch them."""


@pytest.mark.skipif(not SIGNED, reason="the recorded events are not here")
@pytest.mark.parametrize("path", SIGNED, ids=name_of)
def test_case_9_a_signed_event_is_plain_data_and_no_sdk_object(path: Any) -> None:
    body, secret, now = path.read_bytes(), "whsec_case9", int(time.time())
    header = sign(body, secret, now)
    # What the SDK gives is no dict any more: code that calls .get on it passes with plain test data only.
    if name_of(path) in NOT_FOR_THE_SDK:
        with pytest.raises(InvalidOperation):
            stripe.Webhook.construct_event(body, header, secret)  # type: ignore[no-untyped-call]
    else:
        theirs = stripe.Webhook.construct_event(body, header, secret)  # type: ignore[no-untyped-call]
        assert not isinstance(theirs, dict)
        with pytest.raises(AttributeError):
            theirs.get("type")
    verify(body, header, [secret], now=now)
    data = load(body)
    _plain(data)
    read = of(data)
    _plain(dict(read.object))
    assert (read.id, read.type) == (data["id"], data["type"])
    assert json.loads(json.dumps(data)) == data
