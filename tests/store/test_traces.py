"""What is kept of a trace gives back the whole of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.model import Change
from engine.store.traces import pack, plain, unpack

ROW = {"id": 1, "status": "paid", "amount": 5, "secret": {"a": 1}}
OLD = {**ROW, "status": "open", "secret": {}}
SEEN = {"id": 1, "status": "paid", "amount": 5}
HIDDEN = ("secret",)


def entry(*changes: Change, **more: Any) -> dict[str, Any]:
    return {"id": "n", "type": "table.update", "line": 3, "changes": list(changes), **more}


CASES = {
    "insert": [entry(Change("order", 1, None, ROW, HIDDEN), out={"id": 1})],
    "update": [entry(Change("order", 1, OLD, ROW, HIDDEN))],
    "update of nothing that is seen": [
        entry(Change("order", 1, {**ROW, "secret": {}}, ROW, HIDDEN))
    ],
    "delete": [entry(Change("order", 1, OLD, None, HIDDEN), notes=[{"case": "a"}])],
    "the row is the output": [entry(Change("order", 1, SEEN, {**SEEN, "amount": 6}), row=True)],
    "inside": [
        {"id": "b", "type": "branch", "line": 1, "nodes": [entry(Change("o", "k", OLD, ROW))]}
    ],
    "an error": [{"id": "n", "type": "code", "line": 2, "error": "no", "in": {"x": None}}],
}


@pytest.mark.parametrize("entries", CASES.values(), ids=CASES)
def test_what_was_kept_is_what_was_recorded(entries: list[dict[str, Any]]) -> None:
    assert unpack(pack(entries)) == plain(entries)


def test_columns_of_the_engines_own_are_not_kept() -> None:
    for name in ("insert", "update", "delete"):
        text = pack(CASES[name])
        assert "secret" not in text
        assert "secret" not in orjson.dumps(plain(CASES[name])).decode()


def test_an_output_that_is_the_row_is_kept_once() -> None:
    [found] = unpack(pack(CASES["the row is the output"]))
    assert found["out"] == {**SEEN, "amount": 6}
    assert found["changes"][0]["before"] == SEEN
    assert "row" not in found


def test_a_trace_of_before_stays_as_it_was() -> None:
    old = [entry(out={"id": 1}) | {"changes": [Change("order", 1, OLD, ROW).as_json()]}]
    assert unpack(orjson.dumps(old).decode()) == old
