"""Every role against every action and table; row rules; what a caller can find out."""

from __future__ import annotations

import dataclasses
import logging
import pathlib
from typing import Any

import pytest

from engine.access import AccessDenied, Caller, authorize, may_read
from engine.model import ProjectFile
from engine.projectfile import read_project
from tests.access.support import PROJECT, ROOT, project_of

OWN = {"id": 1, "user_id": "ada", "amount": 10, "status": "pending"}
OTHERS = {"id": 2, "user_id": "lin", "amount": 10, "status": "pending"}
NOBODYS = {"id": 3, "user_id": None, "amount": 10, "status": "pending"}
PAID = {"id": 4, "user_id": "ada", "amount": 10, "status": "paid"}
NONE = None
ORDERS = {"own": OWN, "another's": OTHERS, "nobody's": NOBODYS, "missing": NONE}

ALLOWED, NO_ACTION, NO_ORDER = "allowed", "action_denied", "order_denied"
# The example project, as shipped: role -> action -> verdict for each of ORDERS.
EXAMPLE = {
    "customer": {
        "pay": (ALLOWED, NO_ORDER, NO_ORDER, NO_ORDER),
        "refund": (NO_ACTION,) * 4,
        "recurring": (ALLOWED, NO_ORDER, NO_ORDER, NO_ORDER),
    },
    "admin": {"pay": (ALLOWED,) * 4, "refund": (ALLOWED,) * 4, "recurring": (ALLOWED,) * 4},
    "nobody": dict.fromkeys(("pay", "refund", "recurring"), (NO_ACTION,) * 4),
}


def verdict(project: ProjectFile, role: str, action: str, order: Any, input: Any = None) -> str:
    try:
        authorize(project, Caller("ada", role, "key"), action, order, input)
    except AccessDenied as denied:
        return denied.code
    return ALLOWED


@pytest.mark.parametrize("role", EXAMPLE)
@pytest.mark.parametrize("action", ["pay", "refund", "recurring"])
@pytest.mark.parametrize("which", ORDERS)
def test_the_example_project(role: str, action: str, which: str) -> None:
    project = read_project(ROOT / "flows" / "project.yaml")
    expected = EXAMPLE[role][action][list(ORDERS).index(which)]
    assert verdict(project, role, action, ORDERS[which]) == expected


def test_an_order_of_another_and_none_look_alike_and_who_names_none_is_told_so() -> None:
    project = read_project(ROOT / "flows" / "project.yaml")
    said = []
    for order, input in ((OTHERS, {"orderId": 2}), (None, {"orderId": 2}), (None, {})):
        with pytest.raises(AccessDenied) as denied:
            authorize(project, Caller("ada", "customer", "key"), "pay", order, input)
        said.append(str(denied.value))
    assert said[0] == said[1]
    assert "expected the orderId" in said[2]


@pytest.mark.parametrize(
    ("input", "expected"),
    [
        ({"course": "cooking"}, ALLOWED),
        ({"course": "closed"}, NO_ORDER),
        ({"orderId": 9, "course": "cooking"}, NO_ORDER),
    ],
)
def test_a_rule_that_reads_no_order_is_for_actions_that_make_one(
    tmp_path: pathlib.Path, input: dict[str, Any], expected: str
) -> None:
    old = "{when: \"{{ order.user_id == caller.id and order.status != 'paid' }}\"}"
    new = "{when: \"{{ input.course != 'closed' }}\"}"
    project = project_of(tmp_path, PROJECT.replace(old, new))
    assert verdict(project, "customer", "pay", None, input) == expected


def test_the_table_above_names_every_role_of_the_example() -> None:
    project = read_project(ROOT / "flows" / "project.yaml")
    assert set(EXAMPLE) - {"nobody"} == set(project.roles)


@pytest.mark.parametrize(
    ("role", "action", "order", "input", "expected"),
    [
        ("customer", "pay", OWN, {}, ALLOWED),
        ("customer", "pay", PAID, {}, NO_ORDER),
        ("customer", "recurring", OWN, {"type": "Cancel"}, ALLOWED),
        ("customer", "recurring", OWN, {"type": "Initiate"}, NO_ORDER),
        ("customer", "recurring", OWN, {}, NO_ORDER),  # the rule reads an input that is not there
        ("customer", "recurring", OWN, None, NO_ORDER),
        ("customer", "Pay", OWN, {}, NO_ACTION),
        ("customer", "", OWN, {}, NO_ACTION),
        ("customer", "actions", OWN, {}, NO_ACTION),
        ("auditor", "pay", OWN, {}, NO_ACTION),
        ("broken", "pay", OWN, {}, NO_ORDER),
        ("broken", "refund", OWN, {}, NO_ORDER),
    ],
)
def test_row_rules(
    project: ProjectFile, role: str, action: str, order: Any, input: Any, expected: str
) -> None:
    assert verdict(project, role, action, order, input) == expected


def test_a_missing_order_and_a_denied_one_look_the_same(project: ProjectFile) -> None:
    answers = []
    for order in (OTHERS, NONE, PAID):
        with pytest.raises(AccessDenied) as denied:
            authorize(project, Caller("ada", "customer", "jwt"), "pay", order)
        answers.append((denied.value.status, denied.value.code, str(denied.value)))
    assert len(set(answers)) == 1


def test_a_missing_order_is_denied_whatever_the_rule_says(tmp_path: pathlib.Path) -> None:
    text = PROJECT.replace("{{ order.nothing == 1 }}", "{{ caller.id == 'ada' }}")
    project = project_of(tmp_path, text)
    assert verdict(project, "broken", "refund", OTHERS) == ALLOWED
    assert verdict(project, "broken", "refund", NONE) == NO_ORDER


def test_the_engines_own_tables_are_never_read(project: ProjectFile) -> None:
    granted = dataclasses.replace(project, roles={"admin": {"read": {"actionflow_key": {}}}})
    assert may_read(granted, Caller("ada", "admin", "key"), "actionflow_key") is None


def test_a_rule_that_fails_is_logged_with_its_place(
    project: ProjectFile, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "actionflow.access"):
        assert verdict(project, "broken", "refund", OWN) == NO_ORDER
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    line = PROJECT[: PROJECT.index("order.nothing")].count("\n") + 1
    assert f"project.yaml:{line}:" in record.getMessage()


@pytest.mark.parametrize("rule", ["yes", "{{ order.", "{{ 1 }}", "{{ order.id }}", "x {{ true }}"])
def test_a_rule_that_is_no_condition_denies(tmp_path: pathlib.Path, rule: str) -> None:
    text = PROJECT.replace("{{ order.nothing == 1 }}", rule)
    assert rule in text
    assert verdict(project_of(tmp_path, text), "broken", "refund", OWN) == NO_ORDER


@pytest.mark.parametrize(
    ("role", "table", "visible"),
    [
        ("customer", "order", ["own"]),
        ("customer", "payment", None),
        ("admin", "order", ["own", "another's", "nobody's"]),
        ("admin", "payment", ["own", "another's", "nobody's"]),
        ("admin", "refund", None),
        ("auditor", "order", ["own", "another's", "nobody's"]),
        ("broken", "order", []),
        ("nobody", "order", None),
        ("admin", "actionflow_key", None),
        ("admin", "no_such_table", None),
    ],
)
def test_reading(project: ProjectFile, role: str, table: str, visible: list[str] | None) -> None:
    allowed = may_read(project, Caller("ada", role, "key"), table)
    if allowed is None:
        assert visible is None
    else:
        rows = {which: row for which, row in ORDERS.items() if row is not None}
        assert [which for which, row in rows.items() if allowed(row)] == visible


def test_a_read_rule_that_fails_on_every_row_is_one_warning(
    project: ProjectFile, caplog: pytest.LogCaptureFixture
) -> None:
    allowed = may_read(project, Caller("ada", "broken", "key"), "order")
    assert allowed is not None
    with caplog.at_level(logging.INFO, "actionflow.access"):
        assert [allowed(OWN) for _ in range(100)] == [False] * 100
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
