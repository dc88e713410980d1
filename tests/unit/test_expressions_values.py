"""YAML values with expressions inside, as a node's `where` and `values`."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Place
from engine.expressions import ExpressionProblem, MissingValue, compile_value
from engine.yamlfile import read

PLACE = Place("flow.yaml", 1, 1)


def compiled(value: Any) -> Any:
    return compile_value(value, lambda path: PLACE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ a.b }}", 5),
        ("x{{ a.b }}", "x5"),
        ({"id": "{{ a.b }}", "status": "paid"}, {"id": 5, "status": "paid"}),
        (["{{ a }}", 1, None], [{"b": 5}, 1, None]),
        ({"x": [{"y": "{{ a.b }}"}, "{{ a.b + 1 }}"], "z": []}, {"x": [{"y": 5}, 6], "z": []}),
        ("plain", "plain"),
        ({"a": {"b": [1, True, None, "x", 1.5]}}, {"a": {"b": [1, True, None, "x", 1.5]}}),
        (None, None),
        ({}, {}),
    ],
)
def test_a_value_is_evaluated_all_through(value: Any, expected: Any) -> None:
    before = repr(value)
    evaluate = compiled(value)
    result = evaluate({"a": {"b": 5}})
    assert result == expected
    if isinstance(expected, dict):
        assert list(result) == list(expected)
    assert repr(value) == before


@pytest.mark.parametrize("value", ["text", 5, {"a": [1]}, [{}], ""])
def test_a_constant_is_returned_as_it_is(value: Any) -> None:
    assert compiled(value)({}) is value


def test_each_evaluation_gives_a_new_object() -> None:
    evaluate = compiled({"a": "{{ x }}", "b": ["{{ x }}"]})
    first, second = evaluate({"x": 1}), evaluate({"x": 2})
    assert (first, second) == ({"a": 1, "b": [1]}, {"a": 2, "b": [2]})


def test_all_problems_of_a_value_come_with_their_places() -> None:
    document = read(
        "where: {id: '{{ a / 2 }}'}\nvalues:\n  ok: '{{ a }}'\n  total: 'sum {{ 1.5 }}'\n"
        "  '{{ k }}': 1\n",
        "flow.yaml",
    )
    with pytest.raises(ExpressionProblem) as caught:
        compile_value(document.data, document.place)
    assert [(p.code, p.place) for p in caught.value.problems] == [
        ("expr.divide", Place("flow.yaml", 1, 17)),
        ("expr.float", Place("flow.yaml", 4, 18)),
        ("expr.key", Place("flow.yaml", 5, 14)),
    ]


def test_errors_point_at_the_very_column_of_the_file() -> None:
    document = read("values:\n  note: |\n    Dear {{ a.name }},\n    {{ a.nmae }}\n", "flow.yaml")
    evaluate = compile_value(document.data, document.place)
    with pytest.raises(MissingValue) as caught:
        evaluate({"a": {"name": "Zoë"}})
    assert caught.value.place == Place("flow.yaml", 4, 10)
