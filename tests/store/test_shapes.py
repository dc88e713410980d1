"""Generated functions give the rows, and the errors, that the codec gives column by column."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Column, ColumnType, Value
from engine.store import codec as codecs
from engine.store.base import BadValue, StoreError, UnknownColumn
from engine.store.codec import TableCodec
from engine.store.shapes import Shapes
from engine.store.sqlite_schema import WIRE
from engine.store.sqlite_store import UNWIRE
from tests.store.support import NOW, column, table
from tests.store.test_values import JSON, VALUES

LATER = "2026-03-02T00:00:00Z"
TYPES: tuple[ColumnType, ...] = (
    "integer",
    "amount",
    "text",
    "boolean",
    "timestamp",
    "json",
    "currency",
)
DEFAULTS: dict[str, Value] = {
    "integer": -3,
    "amount": 7,
    "text": "new",
    "boolean": True,
    "timestamp": NOW,
    "json": {"b": [], "a": 1},
    "currency": "usd",
}
ODD = 'it\'s "quoted" \\ {v0}\n'
"""A name and a choice that would end a text it is put into carelessly."""
TABLE = table(
    "every'type",
    column("id", "integer"),
    *[column(f"a_{kind}", kind, nullable=True) for kind in TYPES],
    *[column(f"my_{kind}", kind) for kind in TYPES],
    *[column(f"default_{kind}", kind, default=DEFAULTS[kind]) for kind in TYPES],
    column("chosen", "text", one_of=("new", "paid", ODD), nullable=True),
    column("number", "integer", nullable=True),
    column("own", "json", internal=True, nullable=True),
    column(ODD, "text", nullable=True),
    column("created_at", "timestamp"),
    column("updated_at", "timestamp"),
)
PARENT = table(
    "parent",
    column("code", "text"),
    column("refers", "reference", references="every'type"),
    key="code",
)
TABLES = {one.name: one for one in (TABLE, PARENT)}
CODECS = {
    (name, wire): TableCodec(TABLES[name], TABLES, *pair)
    for name in TABLES
    for wire, pair in {"sqlite": (WIRE, UNWIRE), "plain": ({}, {})}.items()
}
FITTING = {
    **{kind: VALUES[f"an_{kind}" if kind[0] in "ai" else f"a_{kind}"] for kind in TYPES},
    "reference": VALUES["an_integer"],
}
ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["USD", "usd", "ab1", "ÄÖÜ", "new", ODD, "a\0b", "\ud800", 2**63, 1.0, b"x"])
    | JSON
    | st.dictionaries(st.text(max_size=2), st.floats() | st.text(max_size=3), max_size=2)
)


def values_of(one: Column) -> st.SearchStrategy[Value]:
    fitting = st.sampled_from(one.one_of) if one.one_of else FITTING[one.type]
    return st.one_of(fitting, fitting, fitting, st.none(), ANY)


@st.composite
def some_values(draw: st.DrawFn, name: str) -> dict[str, Value]:
    """Some columns with values, in any order; mostly enough for a row."""
    columns = TABLES[name].columns
    must = [one for one in columns if CODECS[name, "plain"].required >= {one}]
    wanted = draw(
        st.permutations(sorted(set(draw(st.lists(st.sampled_from([*columns])))) | {*must}))
    )
    if draw(st.integers(0, 19)) == 0:
        wanted = [*wanted[1:], "nothing"]
    return {one: draw(values_of(columns[one]) if one in columns else ANY) for one in wanted}


def outcome(work: Callable[[], Any]) -> Any:
    """What it gives with all types, or its error."""
    try:
        return repr(work())
    except StoreError as error:
        return type(error), str(error), vars(error)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.sampled_from([*TABLES]), wire=st.sampled_from(["sqlite", "plain"]))
def test_a_row_is_what_the_codec_makes(data: st.DataObject, name: str, wire: str) -> None:
    codec, values = CODECS[name, wire], data.draw(some_values(name))
    shapes = Shapes(codec)
    for _ in range(2):
        assert outcome(lambda: shapes.row(values, NOW)) == outcome(
            lambda: shapes.plain_row(values, NOW)
        )


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.sampled_from([*TABLES]), wire=st.sampled_from(["sqlite", "plain"]))
def test_a_change_is_what_the_codec_makes(data: st.DataObject, name: str, wire: str) -> None:
    codec, values = CODECS[name, wire], data.draw(some_values(name))
    keep = data.draw(st.integers(0, len(values)))
    values = dict(list(values.items())[:keep])
    shapes = Shapes(codec)
    assert outcome(lambda: shapes.change(tuple(values))(values, LATER)) == outcome(
        lambda: shapes.plain_change(values, LATER)
    )


def test_json_of_a_default_is_each_rows_own() -> None:
    shapes = Shapes(CODECS["every'type", "sqlite"])
    values = {f"my_{kind}": DEFAULTS[kind] for kind in TYPES}
    one, other = (shapes.row(values, NOW)[0] for _ in range(2))
    one["default_json"]["a"] = 2
    assert other["default_json"] == {"a": 1, "b": []}


def test_too_many_shapes_are_done_without_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.shapes.MOST_SHAPES", 1)
    shapes = Shapes(CODECS["every'type", "sqlite"])
    values: dict[str, Value] = {f"my_{kind}": DEFAULTS[kind] for kind in TYPES}
    first = shapes.row(values, NOW)
    second = shapes.row({**values, "own": {"a": 1}}, NOW)
    assert shapes._rows.keys() == {tuple(values)}
    assert second[0] == {**first[0], "own": {"a": 1}}
    assert codecs.MOST_SHAPES > 1


def test_errors_name_columns_in_the_order_given() -> None:
    shapes = Shapes(CODECS["every'type", "sqlite"])
    with pytest.raises(UnknownColumn, match="no column 'nothing'"):
        shapes.row({"nothing": 1, "my_amount": "x"}, NOW)
    change = shapes.change(("my_amount", "nothing"))
    with pytest.raises(BadValue, match="my_amount: found 'x'"):
        change({"my_amount": "x", "nothing": 1}, NOW)


def test_a_traceback_shows_the_generated_line() -> None:
    change = Shapes(CODECS["every'type", "sqlite"]).change(("my_amount",))
    with pytest.raises(BadValue) as raised:
        change({"my_amount": "x"}, NOW)
    told = "".join(traceback.format_exception(raised.value))
    assert "generated: a change of every'type: my_amount" in told
    assert "v0 = e0(v0)" in told
