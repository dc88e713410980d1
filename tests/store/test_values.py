"""What goes into a column comes back; what does not belong there is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import Value
from engine.store.base import BadValue, Store, StoreError
from tests.store.support import ORDER, Connector, column, project, table, undone

WIDE = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MOMENT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(microsecond=0).isoformat() + "Z"
)
JSON = st.recursive(
    st.none() | st.booleans() | WIDE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
VALUES = {
    "an_integer": WIDE,
    "an_amount": st.integers(0, 2**63 - 1),
    "a_text": TEXT,
    "a_boolean": st.booleans(),
    "a_timestamp": MOMENT,
    "a_json": JSON.filter(lambda value: value is not None),
    "a_currency": st.sampled_from(["usd", "jpy", "kwd"]),
}
SHARED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SHARED
@given(row=st.fixed_dictionaries({}, optional={k: v | st.none() for k, v in VALUES.items()}))
def test_every_value_comes_back_as_it_went_in(shared: Store, row: dict[str, Value]) -> None:
    with undone(shared) as tx:
        inserted = tx.insert("every_type", {"id": "x", **row})
        found = tx.get("every_type", "x")
        assert found == inserted == {**dict.fromkeys(inserted), "id": "x", **row}
        assert [type(found[name]) for name in row] == [type(row[name]) for name in row]
        tx.update("every_type", {"id": "x"}, dict.fromkeys(VALUES))
        [change] = tx.update("every_type", {"id": "x"}, row) if row else [None]
        if change is not None:
            assert change.after == found == tx.get("every_type", "x")


REFUSED: list[tuple[str, Value]] = [
    *[("an_integer", v) for v in (True, 1.0, "1", Decimal(1), 2**63, -(2**63) - 1, [1], {})],
    *[("an_amount", v) for v in (-1, 0.5, 5.1 * 100, 2000.0, "2000", True, Decimal("1"), 2**63)],
    *[("a_text", v) for v in (1, True, b"x", 1.5, "a\0b", "\ud800", ["a"])],
    *[("a_boolean", v) for v in (1, 0, "true", 1.0, [])],
    *[
        ("a_timestamp", v)
        for v in (
            "2026-01-01T00:00:00",  # no zone
            "2026-01-01",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "yesterday",
            "",
            True,
            1.5,
            1_700_000_000_000,  # milliseconds
            -(10**15),
            "0001-01-01T00:00:00+05:00",
            datetime(2026, 1, 1, tzinfo=UTC),
        )
    ],
    *[
        ("a_json", v)
        for v in (1.5, {"a": [0.1]}, float("nan"), {1: 2}, {"a": b"x"}, (1, 2), {"a": 2**70})
    ],
    *[("a_json", v) for v in (Decimal(1), datetime(2026, 1, 1, tzinfo=UTC), "\ud800", {"a": {1}})],
    *[("a_json", v) for v in ("\0", ["a\0"], {"\0": 1}, {"a": ["\\\0"]})],
    *[("a_currency", v) for v in ("us", "usdd", "u5d", "", 840, True, "ÜSD", "us\n")],
    *[("a_reference", v) for v in ("1", True, 1.0)],
    *[("id", v) for v in (None, 1, True)],
]


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda item: repr(item)[:30])
def test_a_value_of_another_type_is_refused_and_nothing_is_written(
    shared: Store, name: str, value: Value
) -> None:
    with undone(shared) as tx:
        tx.insert("every_type", {"id": "there"})
        with pytest.raises(BadValue) as refused:
            tx.insert("every_type", {"id": "x", name: value})
        assert refused.value.table == "every_type"
        assert refused.value.column == name
        message = str(refused.value)
        assert message.startswith(f"every_type.{name}: found ")
        assert "expected" in message
        assert type(value).__name__ in message or value is None
        if name != "id":
            with pytest.raises(BadValue):
                tx.update("every_type", {"id": "there"}, {name: value})
        assert [row["id"] for row in tx.find("every_type", {})] == ["there"]
        assert len(tx.changes) == 1


@pytest.mark.parametrize(
    ("given_as", "kept"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
        ("2026-01-31 12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.999Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00Z", "2026-01-31T12:00:00Z"),
        (1_800_000_000, "2027-01-15T08:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ],
)
def test_moments_are_kept_in_one_form(shared: Store, given_as: Value, kept: str) -> None:
    with undone(shared) as tx:
        assert tx.insert("every_type", {"id": "x", "a_timestamp": given_as})["a_timestamp"] == kept
        assert tx.find("every_type", {"a_timestamp": given_as})


@SHARED
@given(
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
    offset=st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_means_the_same_in_any_zone(shared: Store, moment: datetime, offset: int) -> None:
    here = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    seconds = int((here - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))
    with undone(shared) as tx:
        as_text = tx.insert("every_type", {"id": "a", "a_timestamp": here.isoformat()})
        as_seconds = tx.insert("every_type", {"id": "b", "a_timestamp": seconds})
        assert as_text["a_timestamp"] == as_seconds["a_timestamp"]


def test_a_currency_is_kept_in_small_letters(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.insert("every_type", {"id": "x", "a_currency": "JPY"})["a_currency"] == "jpy"
        assert tx.find("every_type", {"a_currency": "Jpy"})


def test_equal_json_is_kept_as_equal_text(store: Store, connector: Connector) -> None:
    with store.transaction() as tx:
        tx.insert("every_type", {"id": "a", "a_json": {"b": 1, "a": [1, {"d": 1, "c": 2}]}})
        tx.insert("every_type", {"id": "b", "a_json": {"a": [1, {"c": 2, "d": 1}], "b": 1}})
    assert connector.by_hand("SELECT count(DISTINCT a_json) FROM every_type") == [(1,)]


def test_a_backslash_before_u0000_is_no_nul(store: Store) -> None:
    for number, value in enumerate(("\\u0000", {"\\\\u0000": ["\\u0000"]})):
        with store.transaction() as tx:
            tx.insert("every_type", {"id": str(number), "a_json": value})
            row = tx.get("every_type", str(number))
            assert row is not None
            assert row["a_json"] == value


def test_a_row_shares_no_json_with_what_was_given(store: Store) -> None:
    given_data: dict[str, Any] = {"list": [1]}
    with store.transaction() as tx:
        row = tx.insert("every_type", {"id": "x", "a_json": given_data})
        given_data["list"].append(2)
        assert row["a_json"] == tx.changes[0].after["a_json"] == {"list": [1]}  # type: ignore[index]


def test_a_value_outside_the_list_is_refused(store: Store) -> None:
    with (
        store.transaction() as tx,
        pytest.raises(BadValue, match="expected one of 'new', 'paid', 'failed'"),
    ):
        tx.insert("order", {"amount": 1, "status": "payed"})


def test_null_is_refused_where_the_column_takes_none(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(BadValue, match=r"order\.amount: found None"):
        tx.insert("order", {"amount": None})


def test_what_is_missing_is_named_all_at_once(connector: Connector) -> None:
    strict = table("strict", column("id", "text"), column("a", "integer"), column("b", "integer"))
    store = connector.memory(project(ORDER, strict))
    with store.transaction() as tx:
        with pytest.raises(BadValue, match=r"strict\.id: no value was given.* 'a', 'b'"):
            tx.insert("strict", {})
        with pytest.raises(BadValue, match=r"strict\.b: no value"):
            tx.insert("strict", {"id": "x", "a": 1})


def test_a_default_that_does_not_fit_is_found_when_the_store_opens(
    connector: Connector,
) -> None:
    wrong = table("wrong", column("id", "integer"), column("a", "amount", default=1.5))
    with pytest.raises(BadValue, match=r"wrong\.a: found 1\.5"):
        connector.memory(project(ORDER, wrong))


def test_a_reference_to_no_table_is_named_with_the_nearest(connector: Connector) -> None:
    lost = table("lost", column("id", "integer"), column("o", "reference", references="ordr"))
    with pytest.raises(StoreError, match=r"'ordr'.*Did you mean 'order'\?"):
        connector.memory(project(ORDER, lost))


def test_a_reference_takes_what_its_targets_key_takes(connector: Connector) -> None:
    user = table("user", column("id", "text"))
    profile = table(
        "profile", column("id", "reference", references="user"), column("n", "integer", default=0)
    )
    badge = table(
        "badge", column("id", "integer"), column("owner", "reference", references="profile")
    )
    store = connector.memory(project(ORDER, user, profile, badge))
    with store.transaction() as tx:
        tx.insert("user", {"id": "ann"})
        tx.insert("profile", {"id": "ann"})
        assert tx.insert("badge", {"owner": "ann"})["owner"] == "ann"
        with pytest.raises(BadValue, match="expected text"):
            tx.insert("badge", {"owner": 1})
