"""Expressions, `{{ … }}`: Jinja2's syntax, own rules, compiled to closures (docs/expressions.md).

The only package that imports jinja2, and only its lexer and parser.
"""

from engine.expressions.errors import ExpressionFailed, ExpressionProblem, MissingValue
from engine.expressions.expression import (
    Expression,
    condition,
    has_expression,
    parse,
)
from engine.expressions.references import Reference
from engine.expressions.values import compile_value

__all__ = [
    "Expression",
    "ExpressionFailed",
    "ExpressionProblem",
    "MissingValue",
    "Reference",
    "compile_value",
    "condition",
    "has_expression",
    "parse",
]
