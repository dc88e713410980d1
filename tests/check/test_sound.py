"""What the checker lets through works: an expression it accepts has a value of the type it says."""

from __future__ import annotations

import pathlib
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.check.types import Type
from engine.check.view import View
from engine.check.walk import Here
from engine.errors import Place, Problem
from engine.expressions import Expression, ExpressionFailed, parse
from engine.flowfile import flow_from_text
from engine.load import Loaded
from tests.check.corpus import LAB

FLOW = flow_from_text(f"{LAB}  - {{id: a, type: log, message: x}}\n", "lab.yaml")
NAMES = ("number", "some", "money", "word", "some_word", "flag", "some_flag", "moment", "state")
# Failures that no type can rule out: a divisor of 0, results too large, text without digits.
ONLY_AT_RUN = ("by zero", "64 bits", "longer than", "plain digits", "items", "of an empty list")

FAILED = object()
values = st.fixed_dictionaries(
    {
        "number": st.integers(-50, 50),
        "some": st.none() | st.integers(-5, 5),
        "money": st.integers(0, 50),
        "word": st.sampled_from(["", "a", "7", "open"]),
        "some_word": st.none() | st.sampled_from(["", "a"]),
        "flag": st.booleans(),
        "some_flag": st.none() | st.booleans(),
        "moment": st.just("2026-01-01T00:00:00Z"),
        "state": st.sampled_from(["open", "done", "lost"]),
    }
)
paths = st.sampled_from([f"input.{name}" for name in NAMES])
leaves = paths | st.sampled_from(["1", "0", "'a'", "'open'", "none", "true", "[1, 2]", "[]"])


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    signs = st.sampled_from(["==", "!=", "<", ">=", "and", "or", "+", "*", "//", "~", "in"])
    return st.one_of(
        st.builds(lambda sides, sign: f"({sides[0]} {sign} {sides[1]})", two, signs),
        st.builds(lambda one: f"(not {one})", inner),
        st.builds(lambda one: f"({one} is none)", inner),
        st.builds(lambda one: f"({one} is not none)", inner),
        st.builds(lambda sides: f"({sides[0]} | default({sides[1]}))", two),
        st.builds(lambda sides, test: f"({sides[0]} if {test} else {sides[1]})", two, inner),
        st.builds(
            lambda one, name: f"({one} | {name})",
            inner,
            st.sampled_from(["length", "lower", "text", "int", "abs", "first", "last", "sum"]),
        ),
        # Conditions that narrow, in front of what may need them.
        st.builds(lambda path, one: f"({path} is not none and {one})", paths, inner),
        st.builds(lambda path, one: f"({path} is none or {one})", paths, inner),
        st.builds(lambda path, one: f"({one} if {path} is not none else {path})", paths, inner),
    )


expressions = st.recursive(leaves, _deeper, max_leaves=6)


def checked(expression: str) -> tuple[Type, list[Problem]]:
    problems: list[Problem] = []
    here = Here(FLOW, View(Loaded(pathlib.Path())), problems.append)
    return here.value(f"{{{{ {expression} }}}}", ("nodes", 0, "message")), problems


def evaluated(compiled: Expression, inputs: dict[str, Any]) -> Any:
    """The value, or FAILED where no type could have told. Raises what a type should have told."""
    try:
        return compiled.evaluate({"input": inputs})
    except ExpressionFailed as failed:
        if any(words in failed.message for words in ONLY_AT_RUN):
            return FAILED
        raise


def conforms(value: Any, found: Type) -> bool:
    if value is None:
        return found.nullable or found.kind in ("any", "null")
    if found.kind == "mixed":
        return any(conforms(value, one) for one in found.options)
    if found.one_of and value not in found.one_of:
        return False
    kinds = {bool: {"boolean"}, int: {"integer", "amount"}, list: {"list"}, dict: {"dict"}}
    kinds[str] = {"text", "timestamp", "currency"}
    if found.kind == "list" and isinstance(value, list) and found.item is not None:
        return all(conforms(item, found.item) for item in value)
    return found.kind == "any" or found.kind in kinds[type(value)]


@settings(max_examples=400, deadline=None)
@example(expression="((1 == 1) == (1 | default(input.number)))", inputs=[dict.fromkeys(NAMES, 1)])
@given(expression=expressions, inputs=st.lists(values, min_size=1, max_size=4))
def test_an_expression_without_findings_has_a_value_of_its_type(
    expression: str, inputs: list[dict[str, Any]]
) -> None:
    found, problems = checked(expression)
    if problems:
        return
    compiled = parse(f"{{{{ {expression} }}}}", Place("lab.yaml"))
    for given_inputs in inputs:
        value = evaluated(compiled, given_inputs)
        assert value is FAILED or conforms(value, found), (value, found)
        assert not (found.never and value is True)
