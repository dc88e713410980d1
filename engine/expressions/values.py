"""Whole YAML values (a node's `where`, `values`, …) to one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import Place, Problem
from engine.expressions.errors import ExpressionProblem, shorten
from engine.expressions.expression import has_expression, parse
from engine.expressions.paths import Closure
from engine.model import Path, Value


def compile_value(value: Value, place_of: Callable[[Path], Place]) -> Closure:
    """A YAML value as one function: every text with an expression in it is evaluated.

    `place_of` gives the place of the part at a path inside of `value`. What holds no expression
    is returned as it is, the same object each time: do not change it. Raises ExpressionProblem
    with the problems of all texts.
    """
    problems: list[Problem] = []
    compiled = _compiled(value, (), place_of, problems)
    if problems:
        raise ExpressionProblem(problems)
    return compiled or (lambda values: value)


def _compiled(
    value: Value, path: Path, place_of: Callable[[Path], Place], problems: list[Problem]
) -> Closure | None:
    """None for a value without any expression."""
    if isinstance(value, str):
        if not has_expression(value):
            return None
        try:
            return parse(value, place_of(path)).evaluate
        except ExpressionProblem as found:
            problems.extend(found.problems)
            return None
    if not isinstance(value, (dict, list)):
        return None
    changing: list[tuple[str | int, Closure]] = []
    for step, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(step, str) and has_expression(step):
            message, mend = f"found an expression in the key {shorten(step)}", "keys are fixed text"
            problems.append(Problem("expr.key", place_of((*path, step)), message, mend))
        if evaluate := _compiled(part, (*path, step), place_of, problems):
            changing.append((step, evaluate))
    if not changing:
        return None

    def run(values: Mapping[str, Value]) -> Value:
        result: Any = value.copy()
        for step, evaluate in changing:
            result[step] = evaluate(values)
        return result

    return run
