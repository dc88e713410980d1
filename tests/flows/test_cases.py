"""`actionflow test`: the example's own cases, and what a builder sees when one of his is wrong."""

from __future__ import annotations

import pathlib
import re
import textwrap
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from engine.cli import watch
from tests.flows.conftest import Ran

Actionflow = Callable[..., Ran]
Write = Callable[[str], pathlib.Path]


@pytest.fixture
def write(shop: pathlib.Path) -> Write:
    """Replaces the example's cases by one file."""

    def to(text: str) -> pathlib.Path:
        for path in (shop / "tests").glob("*.yaml"):
            path.unlink()
        file = shop / "tests" / "mine.yaml"
        file.write_text(textwrap.dedent(text).lstrip())
        return file

    return to


def test_the_example_passes_and_reaches_every_case(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    ran = actionflow("test", "--all-reached")
    assert "FAIL" not in ran.out
    assert ran.code == 0
    reached = re.search(r"cases of branches reached: (\d+) of (\d+)", ran.out)
    assert reached is not None
    assert reached[1] == reached[2] != "0"
    assert "two tries and a success, in every order  (120 orders of delivery)" in ran.out
    assert re.search(r"^\d+ passed, 0 failed$", ran.out, re.MULTILINE)


def test_a_wrong_row_is_told_by_its_column_and_place(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - name: paid
            events: [payment_intent.succeeded]
            expect:
              tables:
                order: [{id: 1, status: pending, refunded: 5}, {id: 2}, {id: 3}]
                payment: [{status: SUCCESSFUL}, {status: FAILED}]
                notice: [{id: 7}]
        """
    )
    ran = actionflow("test")
    assert ran.code == 1
    at = "flows/tests/mine.yaml"
    told = [
        f'{at}:6:17: order 1: status is "paid", expected "pending"; refunded is 0, expected 5',
        f'{at}:7:41: payment: expected a row {{"status": "FAILED"}}; there is none',
        f'{at}:8:18: notice: expected a row {{"id": 7}}; there is none',
    ]
    assert [line.strip() for line in ran.out.splitlines()[1:4]] == told
    assert "0 passed, 1 failed" in ran.out


def test_a_row_too_many_is_shown(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - {name: none, events: [payment_intent.succeeded], expect: {tables: {payment: []}}}
        """
    )
    out = actionflow("test").out
    assert 'payment 1: a row too many: {"order_id": 1, "type": "one_time", "amount": 10000,' in out
    assert "facts" not in out
    assert "created_at" not in out


def test_the_order_that_fails_is_named(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - name: depends on the order
            events: [payment_intent.succeeded, payment_intent.payment_failed.declined]
            shuffle: true
            expect: {tables: {payment: [{id: 1, status: SUCCESSFUL}, {id: 2, status: FAILED}]}}
        """
    )
    out = actionflow("test").out
    assert "in this order: payment_intent.payment_failed.declined → payment_intent.succeeded" in out
    assert 'payment 1: status is "FAILED", expected "SUCCESSFUL"' in out


def test_of_very_many_orders_some_are_picked(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - name: seven times the same
            events: [&it payment_intent.succeeded, *it, *it, *it, *it, *it, *it]
            shuffle: true
            expect: {tables: {payment: [{status: SUCCESSFUL}]}}
        """
    )
    assert "ok   seven times the same  (720 of 5040 orders of delivery)" in actionflow("test").out


def test_what_waits_is_tried_again_at_the_end_of_each_order(
    write: Write, actionflow: Actionflow
) -> None:
    write(
        """
        cases:
          - name: in some orders too early
            given: {}
            events:
              - payment_intent.succeeded
              - rows: {order: [{id: 1, user_id: a, item: b, amount: 10000, currency: usd}]}
            shuffle: true
            expect: {tables: {order: [{status: paid}]}}
          - name: too early, and nobody tries again
            given: {}
            events:
              - payment_intent.succeeded
              - rows: {order: [{id: 1, user_id: a, item: b, amount: 10000, currency: usd}]}
            expect: {tables: {order: [{status: pending}]}}
        """
    )
    out = actionflow("test").out
    assert "ok   in some orders too early  (2 orders of delivery)" in out
    assert "payment_intent.succeeded evt_mntooRG0aPU6yaWUzTCebfMK failed:" in out


def test_calls_after_the_commit_are_made_and_given_up(
    shop: pathlib.Path, write: Write, actionflow: Actionflow
) -> None:
    (shop / "payment_callback.yaml").write_text(
        """
flow: payment_callback
trigger: {stripe: payment}
nodes:
  - {id: callback, type: stripe.payment_callback, locked: true}
  - id: tell
    type: http
    url: https://crm.example/paid
    json: {order: "{{ callback.orderId }}"}
    retry: {tries: 2}
    give_up:
      - id: how
        type: branch
        cases:
          - name: at once
            when: "{{ callback.amount > 5 }}"
            do:
              - id: note
                type: table.insert
                table: notice
                values: {order_id: "{{ callback.orderId }}", about: crm, message: crm is down}
          - {name: never mind, else: true, do: []}
"""
    )
    write(
        """
        cases:
          - name: it answers
            events: [payment_intent.succeeded]
            expect:
              calls: [{call: tell, method: POST, url: "https://crm.example/paid", json: {order: 1}}]
              tables: {notice: []}
          - name: it never answers well
            events: [payment_intent.succeeded, wait: 60]
            replies: {tell: [{status: 500}, {status: 404}]}
            expect:
              calls: [{call: tell}, {call: tell}]
              tables: {notice: [{about: crm}]}
        """
    )
    out = actionflow("test").out
    assert "2 passed, 0 failed" in out
    assert "payment_callback, how: at once" not in out
    assert "payment_callback, how: never mind" in out


def test_a_run_that_fails_fails_its_case(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - name: no order
            given: {}
            events: [payment_intent.succeeded]
            expect: {tables: {payment: []}}
          - name: another error
            given: {}
            events: [payment_intent.succeeded]
            expect: {error: the sky is green}
          - name: other outcomes
            events: [payment_intent.succeeded, payment_intent.succeeded]
            expect: {outcomes: [done, done]}
        """
    )
    out = actionflow("test").out
    assert "payment_intent.succeeded evt_mntooRG0aPU6yaWUzTCebfMK failed:" in out
    assert "expected the error 'the sky is green'; payment_intent pi_" in out
    assert "outcomes are done, duplicate; expected done, done" in out
    assert "0 passed, 3 failed" in out


def test_calls_and_answers_are_compared(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - name: another answer
            events: [{act: pay, input: {orderId: 1}, answer: {amount: 1}}]
            replies: {payment_intents.create: payment_intent.created}
            expect: {calls: [{call: payment_intents.create, params: {amount: 10000}}]}
          - name: another call
            events: [{act: pay, input: {orderId: 1}}]
            replies: {payment_intents.create: payment_intent.created}
            expect: {calls: [{call: payment_intents.create, params: {amount: 1}}, {call: x}]}
          - name: refused
            events: [payment_intent.succeeded, {act: pay, input: {orderId: 1}}]
            expect: {calls: []}
          - name: no reply
            events: [{act: pay, input: {orderId: 1}}]
            expect: {calls: []}
        """
    )
    out = actionflow("test").out
    assert re.search(r':3:14: pay answered \{.*"amount": 10000.*; expected \{"amount": 1\}', out)
    assert re.search(r':9:22: call 1 is \{"call": "payment_intents.create"', out)
    assert "1 calls were made (payment_intents.create); expected 2" in out
    assert "pay was refused: refused: This order is paid." in out
    assert "the case has no reply to it. Add to the case: replies: {payment_intents.create:" in out
    assert "0 passed, 4 failed" in out


def test_coverage_names_what_is_missed(write: Write, actionflow: Actionflow) -> None:
    write(
        """
        cases:
          - {name: one, events: [payment_intent.succeeded], expect: {outcomes: [done]}}
        """
    )
    ran = actionflow("test")
    assert ran.code == 0
    assert (
        "not reached: flows/payment_callback.yaml:58:9 payment_callback, outcome: failed" in ran.out
    )
    assert "payment_callback, outcome: paid" not in ran.out
    assert actionflow("test", "--all-reached").code == 1


def test_a_filter_runs_some_and_says_nothing_of_coverage(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    ran = actionflow("test", "-k", "trial")
    assert ran.code == 0
    assert all("trial" in line for line in ran.out.splitlines()[:-1])
    assert "reached" not in ran.out
    none = actionflow("test", "-k", "no such thing")
    assert none.code == 2
    assert "no case has 'no such thing' in its name" in none.err


def test_junit(write: Write, actionflow: Actionflow, tmp_path: pathlib.Path) -> None:
    write(
        """
        cases:
          - {name: good, events: [payment_intent.succeeded], expect: {outcomes: [done]}}
          - {name: bad <&>, events: [payment_intent.succeeded], expect: {outcomes: [ignored]}}
        """
    )
    report = tmp_path / "report.xml"
    assert actionflow("test", "--junit", report).code == 1
    suite = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    good, bad = suite
    assert (good.get("name"), list(good)) == ("good", [])
    assert (bad.get("name"), bad.get("classname"), bad.get("line")) == ("bad <&>", "mine", "3")
    [failure] = bad
    assert failure.get("message") == "outcomes are done; expected ignored"
    assert failure.text is not None
    assert failure.text.startswith("flows/tests/mine.yaml:3:")
    nowhere = actionflow("test", "--junit", tmp_path / "no" / "such.xml")
    assert nowhere.code == 2
    assert "cannot be written" in nowhere.err


CASE = """
cases:
  - name: a case
    events: [payment_intent.succeeded]
    expect: {outcomes: [done]}
"""
MISTAKES = {
    "event": (
        "events: [payment_intent.suceeded]",
        "3:14: error [case.event] there is no recorded event 'payment_intent.suceeded' in"
        " flows/events. Did you mean 'payment_intent.succeeded'?",
    ),
    "event with its suffix": (
        "events: [payment_intent.succeeded.json]",
        "Did you mean 'payment_intent.succeeded'?",
    ),
    "no events": ("events: []", "3:13: error [case.minItems] 'events' is empty."),
    "an odd step": (
        "events: [{evnt: payment_intent.succeeded}]",
        "error [case.",
    ),
    "table": (
        "expect: {tables: {ordr: []}}",
        "4:23: error [case.table] there is no table 'ordr'. Did you mean 'order'?",
    ),
    "column": (
        "expect: {tables: {order: [{statuss: paid}]}}",
        "4:32: error [case.column] table 'order' has no column 'statuss'. Did you mean 'status'?",
    ),
    "an internal column": (
        "expect: {tables: {payment: [{facts: {}}]}}",
        "table 'payment' has no column 'facts'.",
    ),
    "a key by another name": (
        "expect: {tables: {order: [{order_id: 1}]}}",
        "table 'order' has no column 'order_id'. Did you mean 'id'?",
    ),
    "a value not listed": (
        "expect: {tables: {order: [{status: payed}]}}",
        "4:40: error [case.value] column 'status' of 'order' is \"payed\", which is not one of its",
    ),
    "text for an amount": (
        'expect: {tables: {order: [{amount: "100"}]}}',
        "column 'amount' of 'order' is \"100\" (text); expected an amount",
    ),
    "a fraction": (
        "expect: {tables: {order: [{amount: 1.5}]}}",
        "column 'amount' of 'order' is 1.5 (a number with a fraction); expected an amount",
    ),
    "a boolean for a number": (
        "given: {order: [{id: true, user_id: a, item: b, amount: 1, currency: usd}]}",
        "column 'id' of 'order' is true (true or false); expected a whole number",
    ),
    "given without what a row needs": (
        "given: {order: [{id: 1, user_id: a, item: b, currency: usd}]}",
        "3:21: error [case.missing] this row of 'order' has no value for 'amount'.",
    ),
    "given what refers to nothing": (
        "given: {notice: [{order_id: 9, about: a, message: b}]}",
        "3:33: error [case.reference] column 'order_id' of 'notice' is 9, but there is no row of",
    ),
    "given one key twice": (
        "given: {membership: [&one {recurring_payment_id: 1, user_id: a, status: b}, *one]}",
        "[case.unique] there is a row of 'membership' with the recurring_payment_id 1 already;",
    ),
    "given rows that no database takes": (
        "given: {order: [{id: 1, user_id: a, item: b, amount: 1, currency: usd, renewal_of: 1}], "
        "recurring_payment: [{id: 1, order_id: 1, amount: 1, currency: usd, status: active}]}",
        None,
    ),
    "rows between": (
        "events: [{rows: {order: [{idd: 1}]}}]",
        "table 'order' has no column 'idd'. Did you mean 'id'?",
    ),
    "change": (
        "events: [{event: payment_intent.succeeded, change: {data.object.amonut: 5}}]",
        "[case.change] `change` names data.object.amonut, but data.object has no 'amonut'."
        " Did you mean 'amount'?",
    ),
    "change through nothing": (
        "events: [{event: payment_intent.succeeded, change: {data.objct.amount: 5}}]",
        "but data has no 'objct'. Did you mean 'object'?",
    ),
    "change of a list": (
        "events: [{event: invoice.paid.first, change: {data.object.lines.data.7.amount: 5}}]",
        "but data.object.lines.data has no '7'.",
    ),
    "change that is no event": (
        "events: [{event: payment_intent.succeeded, change: {created: soon}}]",
        "The event's `created` is text and no second",
    ),
    "now": ("now: yesterday", "3:10: error [case.now] `now` is 'yesterday'; expected a time"),
    "now out of the calendar": ('now: "2026-13-41T00:00:00Z"', "[case.now] `now` is"),
    "outcome": ("expect: {outcomes: [dome]}", "Did you mean 'done'?"),
    "too few outcomes": (
        "expect: {outcomes: [done, done]}",
        "4:24: error [case.outcomes] 2 outcomes for 1 events; expected one for each.",
    ),
    "outcomes and shuffle": (
        "shuffle: true",
        "[case.outcomes] `outcomes` are in the order of the events, and `shuffle` changes that",
    ),
    "nothing expected": ("expect: {}", "4:13: error [case.minProperties] 'expect' is empty."),
    "an unknown key": ("expects: {}", "'expects' is not a key that belongs here. Did you mean"),
    "action": (
        "events: [{act: payy, input: {orderId: 1}}]",
        "[case.action] no flow is the action 'payy'. Did you mean 'pay'?",
    ),
    "input": (
        "events: [{act: pay, input: {orderID: 1}}]",
        "[case.input] 'orderID' is not an input; expected orderId,",
    ),
    "reply": (
        "replies: {payment_intents.create: payment_intent.make}",
        "[case.event] there is no recorded event 'payment_intent.make'",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_case_is_told_before_anything_runs(
    name: str, write: Write, actionflow: Actionflow
) -> None:
    line, told = MISTAKES[name]
    key = line.partition(":")[0]
    lines = [one for one in CASE.strip().splitlines() if not one.strip().startswith(f"{key}:")]
    at = 3 if key != "events" else 2
    at = len(lines) if key == "expect" else at if key == "events" else 2
    lines.insert(at, f"    {line}")
    write("\n".join(lines) + "\n")
    ran = actionflow("test")
    if told is None:
        assert ran.code == 1
        assert "FAIL a case" in ran.out
    else:
        assert (ran.code, ran.out) == (2, "")
        assert told in ran.err
        assert "flows/tests/mine.yaml:" in ran.err


def test_two_cases_of_one_name(write: Write, actionflow: Actionflow) -> None:
    write(CASE + CASE.replace("cases:\n", "").lstrip("\n"))
    ran = actionflow("test")
    assert ran.code == 2
    assert "mine.yaml:5:5: error [case.repeated] there is another case 'a case'." in ran.err
    assert "see flows/tests/mine.yaml:2:5" in ran.err


def test_no_cases_and_broken_events(
    shop: pathlib.Path, write: Write, actionflow: Actionflow
) -> None:
    file = write(CASE)
    (shop / "events" / "payment_intent.succeeded.json").write_text("{}")
    ran = actionflow("test")
    assert ran.code == 2
    assert (
        "payment_intent.succeeded.json:1:1: error [case.recording] The body's `object` is None"
        in ran.err
    )
    file.unlink()
    ran = actionflow("test")
    assert ran.code == 2
    assert "no test cases here" in ran.err


def test_watching_sees_what_changes(tmp_path: pathlib.Path) -> None:
    runs: list[int] = []
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / ".actionflow").mkdir()

    def run() -> int:
        runs.append(len(runs))
        return 0

    def sleep(_: float) -> None:
        # Between two looks somebody saves a file; in the end Ctrl-C.
        if len(runs) == 1:
            (tmp_path / ".actionflow" / "own.yaml").write_text("not a file of the builder's")
            (tmp_path / "b.yaml").write_text("new")
        elif len(runs) == 2:
            (tmp_path / "a.yaml").write_text("longer than before")
        elif len(runs) == 3:
            (tmp_path / "b.yaml").unlink()
        else:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.watch(tmp_path, run, sleep=sleep)
    assert len(runs) == 4


def test_watching_shows_mistakes_and_goes_on(
    shop: pathlib.Path, actionflow: Actionflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = shop / "payment_callback.yaml"
    good = flow.read_text()
    flow.write_text(good.replace("paymentStatus", "paymentState"))
    seen = 0

    def sleep(_: float) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            raise KeyboardInterrupt
        flow.write_text(good)

    defaults = {**(watch.watch.__kwdefaults__ or {}), "sleep": sleep}
    monkeypatch.setattr(watch.watch, "__kwdefaults__", defaults)
    ran = actionflow("test", "--watch", "-k", "a payment pays its order")
    assert ran.code == 130
    assert "nothing was run" in ran.err
    assert "changed: payment_callback.yaml" in ran.out
    assert "1 passed, 0 failed" in ran.out


def test_check_tells_of_mistakes_in_cases(write: Write, actionflow: Actionflow) -> None:
    write(CASE.replace("payment_intent.succeeded", "payment_intent.suceeded"))
    ran = actionflow("check")
    assert ran.code == 2
    assert "flows/tests/mine.yaml:" in ran.out
    assert "[case.event] there is no recorded event 'payment_intent.suceeded'" in ran.out


def test_a_recorded_event_that_cannot_be_read_is_told_once(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    (shop / "events" / "payment_intent.succeeded.json").write_text("{")
    ran = actionflow("check")
    assert (ran.code, ran.out.count("error [")) == (2, 1)
    told = "flows/events/payment_intent.succeeded.json:1:1: error [case.recording] The body is not"
    assert ran.out.startswith(told)
