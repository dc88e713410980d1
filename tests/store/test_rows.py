"""Finding, inserting, changing and deleting rows."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import Row, Value
from engine.store.base import (
    BadValue,
    ConstraintViolation,
    Store,
    StoreError,
    UniqueViolation,
    UnknownColumn,
    UnknownTable,
    WriteRefused,
)
from tests.store.support import NOW, ORDER, Connector, column, project, table, undone

LATER = "2026-03-02T08:00:00Z"


def test_a_new_row_has_defaults_key_and_times(store: Store) -> None:
    with store.transaction() as tx:
        row = tx.insert("order", {"amount": 500})
        assert row == {
            "id": 1,
            "status": "new",
            "amount": 500,
            "note": None,
            "reference": None,
            "created_at": NOW,
            "updated_at": NOW,
        }
        assert tx.get("order", 1) == row
        assert tx.insert("order", {"id": 40, "amount": 1})["id"] == 40
        assert tx.insert("order", {"amount": 1})["id"] == 41


def test_the_time_of_a_row_is_the_transactions_now(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.now == NOW
        tx.insert("order", {"amount": 1})
        tx.now = LATER
        [change] = tx.update("order", {"id": 1}, {"status": "paid"})
    assert change.after is not None
    assert (change.after["created_at"], change.after["updated_at"]) == (NOW, LATER)


def test_times_that_are_given_are_kept(store: Store) -> None:
    with store.transaction() as tx:
        row = tx.insert("order", {"amount": 1, "created_at": 0, "updated_at": 60})
        assert (row["created_at"], row["updated_at"]) == (
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:01:00Z",
        )


def test_columns_of_these_names_but_another_type_are_left_alone(connector: Connector) -> None:
    odd = table("odd", column("id", "integer"), column("updated_at", "integer", nullable=True))
    store = connector.memory(project(ORDER, odd))
    with store.transaction() as tx:
        assert tx.insert("odd", {}) == {"id": 1, "updated_at": None}


def test_changes_tell_before_and_after(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        [update] = tx.update("order", {"id": 1}, {"amount": 2})
        [delete] = tx.delete("order", {"id": 1})
        insert = tx.changes[0]
        assert tx.changes == [insert, update, delete]
    assert insert.before is None
    assert insert.after == update.before
    assert update.after == delete.before == {**update.before, "amount": 2}  # type: ignore[dict-item]
    assert delete.after is None
    assert {(c.table, c.key) for c in (insert, update, delete)} == {("order", 1)}


def test_update_and_delete_take_all_rows_that_match_in_key_order(store: Store) -> None:
    with store.transaction() as tx:
        for amount in (3, 1, 3, 3):
            tx.insert("order", {"amount": amount})
        updated = tx.update("order", {"amount": 3}, {"amount": 4})
        assert [change.key for change in updated] == [1, 3, 4]
        assert tx.update("order", {"amount": 99}, {"amount": 1}) == []
        assert [change.key for change in tx.delete("order", {"amount": {"above": 3}})] == [1, 3, 4]
        assert [row["id"] for row in tx.find("order", {})] == [2]


def test_the_key_of_a_row_stays(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        [change] = tx.update("order", {"id": 1}, {"id": 1, "amount": 2})
        assert change.after is not None
        assert change.after["amount"] == 2
        with pytest.raises(BadValue, match=r"order\.id: found 2 .* key of a row cannot be changed"):
            tx.update("order", {"id": 1}, {"id": 2})


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (lambda tx: tx.find("ordr", {}), UnknownTable, "Did you mean 'order'"),
        (lambda tx: tx.get("ordr", 1), UnknownTable, "the project has 'order'"),
        (lambda tx: tx.insert("actionflow_inbox", {}), UnknownTable, "actionflow_inbox"),
        (lambda tx: tx.insert("order", {"amont": 1}), UnknownColumn, "Did you mean 'amount'"),
        (lambda tx: tx.find("order", {"stat": 1}), UnknownColumn, "Did you mean 'status'"),
        (lambda tx: tx.find("order", {}, order_by=["-amoun"]), UnknownColumn, "'amount'"),
        (lambda tx: tx.update("order", {"id": 1}, {"x": 1}), UnknownColumn, "no column 'x'"),
        (lambda tx: tx.update("order", {"id": 1}, {}), StoreError, "update without values"),
        (lambda tx: tx.find("order", {"id": "1"}), BadValue, "whole number"),
        (lambda tx: tx.find("order", {"amount": {"over": 1}}), BadValue, "above"),
        (lambda tx: tx.find("order", {"amount": {"above": None}}), BadValue, "above"),
        (lambda tx: tx.find("order", {"amount": {}}), BadValue, "a comparison"),
        (lambda tx: tx.find("every_type", {"a_boolean": {"above": True}}), BadValue, "boolean"),
        (lambda tx: tx.find("every_type", {"a_json": [1]}), BadValue, "json"),
        (lambda tx: tx.find("every_type", {"a_json": {"not": 1}}), BadValue, "json"),
        (lambda tx: tx.insert("payment", {}), WriteRefused, "locked nodes"),
        (lambda tx: tx.update("refund", {}, {"status": "PENDING"}), WriteRefused, "system table"),
        (lambda tx: tx.delete("recurring_payment", {}), WriteRefused, "system table"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    store: Store, act: Callable[[Any], object], error: type[StoreError], says: str
) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        with pytest.raises(error, match=says):
            act(tx)
        assert len(tx.changes) == 1


def test_internal_columns_are_not_offered(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(UnknownColumn) as refused:
        tx.find("payment", {"fact": 1})
    assert "facts" not in str(refused.value)


def test_system_tables_are_written_inside_system_writes_only(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        with tx.system_writes():
            with tx.system_writes():
                row = tx.insert("payment", {"order_id": 1, "amount": 1, "currency": "usd"})
            tx.update("payment", {"id": row["id"]}, {"status": "SUCCESSFUL"})
        with pytest.raises(UnknownColumn), tx.system_writes():
            tx.update("payment", {"id": row["id"]}, {"state": "FAILED"})
        with pytest.raises(WriteRefused):
            tx.update("payment", {"id": row["id"]}, {"status": "FAILED"})
        assert tx.find("payment", {"order_id": 1})[0]["status"] == "SUCCESSFUL"


def test_a_second_row_of_a_unique_value_is_named(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1, "reference": "a"})
        with (
            pytest.raises(UniqueViolation, match=r"order\.reference: .*'a'") as by_column,
            tx.savepoint(),
        ):
            tx.insert("order", {"amount": 1, "reference": "a"})
        with (
            pytest.raises(UniqueViolation, match=r"order\.id: a row with 1 ") as by_key,
            tx.savepoint(),
        ):
            tx.insert("order", {"id": 1, "amount": 1})
        tx.insert("order", {"amount": 1, "reference": "b"})
        with pytest.raises(UniqueViolation, match=r"order\.reference: .*'a'"), tx.savepoint():
            tx.update("order", {"reference": "b"}, {"reference": "a"})
    refused = by_column.value
    assert (refused.table, refused.columns, refused.value) == ("order", ("reference",), "a")
    assert (by_key.value.columns, by_key.value.value) == (("id",), 1)


def test_a_reference_to_no_row_is_named(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
        tx.insert("every_type", {"id": "x", "a_reference": 1})
        with (
            pytest.raises(
                ConstraintViolation, match=r"every_type\.a_reference: found 9 .*'order' has no row"
            ) as refused,
            tx.savepoint(),
        ):
            tx.insert("every_type", {"id": "y", "a_reference": 9})
        with pytest.raises(ConstraintViolation, match="found 9"), tx.savepoint():
            tx.update("every_type", {"id": "x"}, {"a_reference": 9})
        with (
            pytest.raises(ConstraintViolation, match=r"table 'order'.*every_type\.a_reference"),
            tx.savepoint(),
        ):
            tx.delete("order", {"id": 1})
    assert (refused.value.columns, refused.value.value) == (("a_reference",), 9)


def test_rows_come_in_the_order_asked_for(store: Store) -> None:
    with store.transaction() as tx:
        for amount, note in ((2, "b"), (1, "a"), (2, "a")):
            tx.insert("order", {"amount": amount, "note": note})

        def ids(*order_by: str, limit: int | None = None) -> list[Value]:
            return [row["id"] for row in tx.find("order", {}, order_by=order_by, limit=limit)]

        assert ids() == [1, 2, 3]
        assert ids("-id") == [3, 2, 1]
        assert ids("amount") == [2, 1, 3]
        assert ids("-amount", "note") == [3, 1, 2]
        assert ids("-amount", limit=1) == [1]
        assert ids(limit=0) == []


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}
NUMBERS = st.none() | st.integers(0, 4)
ONE_COMPARISON = st.one_of(
    st.fixed_dictionaries({"not": NUMBERS | st.lists(NUMBERS, max_size=3)}),
    *[st.fixed_dictionaries({name: st.integers(0, 4)}) for name in OPERATORS],
)
TWO_COMPARISONS = st.tuples(ONE_COMPARISON, ONE_COMPARISON).map(lambda two: {**two[0], **two[1]})
WANTED = NUMBERS | st.lists(NUMBERS, max_size=3) | ONE_COMPARISON | TWO_COMPARISONS


def holds(value: Value, wanted: Value) -> bool:
    """What a condition means, in Python: null is a value too, but above or below none."""
    if isinstance(wanted, list):
        return value in wanted
    if not isinstance(wanted, dict):
        return bool(value == wanted)
    for name, other in wanted.items():
        if name == "not":
            if holds(value, other):
                return False
        elif value is None or not OPERATORS[name](value, other):
            return False
    return True


EACH = [
    *(None, 0, 2),
    *([], [1], [0, 2], [None], [1, None]),
    *({"not": value} for value in (None, 0, 2, [], [1], [0, 2], [None], [1, None])),
    *({name: value} for name in OPERATORS for value in (0, 1, 2)),
    {"above": 0, "below": 2},
]


@pytest.mark.parametrize("wanted", EACH, ids=repr)
def test_each_condition_means_what_it_says(shared: Store, wanted: Value) -> None:
    with undone(shared) as tx:
        for value in (None, 0, 1, 2):
            tx.insert("every_type", {"id": repr(value), "an_integer": value})
        found = [row["an_integer"] for row in tx.find("every_type", {"an_integer": wanted})]
        assert found == [value for value in (0, 1, 2, None) if holds(value, wanted)]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.fixed_dictionaries({"an_integer": NUMBERS, "an_amount": NUMBERS}), max_size=6),
    where=st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from("0123"),
            "an_integer": WANTED,
            "an_amount": WANTED,
            "a_text": st.sampled_from(("met", ["met", "new"], None, "new")),
        },
    ),
    known=st.booleans(),
)
def test_conditions_hold_all_together(
    shared: Store, rows: list[Row], where: Row, known: bool
) -> None:
    with undone(shared) as tx:
        rows = [{"id": str(at), "a_text": "new", **row} for at, row in enumerate(rows)]
        for row in rows:
            tx.insert("every_type", row)
        if known:
            tx.expect("every_type", "id", {row["id"] for row in rows})
        expected = [
            row["id"]
            for row in rows
            if all(holds(row[name], wanted) for name, wanted in where.items())
        ]
        assert [row["id"] for row in tx.find("every_type", where)] == expected
        assert [c.key for c in tx.update("every_type", where, {"a_text": "hit"})] == expected
        assert [row["id"] for row in tx.find("every_type", {"a_text": "hit"})] == expected
        again = where | {"a_text": "hit"}
        assert [row["id"] for row in tx.find("every_type", again)] == expected


def test_booleans_moments_and_currencies_are_found_by_any_of_their_forms(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert(
            "every_type",
            {"id": "x", "a_boolean": True, "a_timestamp": 60, "a_currency": "usd", "a_json": {}},
        )
        for where in (
            {"a_boolean": True},
            {"a_boolean": {"not": False}},
            {"a_timestamp": {"below": "1970-01-01T01:02:00+01:00", "above": 59}},
            {"a_currency": ["EUR", "USD"]},
            {"a_json": {"not": None}},
            {"a_text": None},
        ):
            assert [row["id"] for row in tx.find("every_type", where)] == ["x"], where
        assert tx.find("every_type", {"a_boolean": [False, None]}) == []
