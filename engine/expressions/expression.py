"""One text with `{{ … }}` in it: parsed, compiled, ready to evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import Place, Problem
from engine.expressions import syntax
from engine.expressions.compile import compile_node
from engine.expressions.data import as_text, joined, kind
from engine.expressions.errors import ExpressionProblem, Refused, Source, shorten
from engine.expressions.operators import boolean
from engine.expressions.parse import parse_one
from engine.expressions.paths import Closure
from engine.expressions.references import Reference, references
from engine.expressions.syntax import Node
from engine.model import Value

MAX_SOURCE = 20_000
MAX_EXPRESSIONS = 100
"""Expressions in one text."""

_MARKS = ("{{", "{%", "{#")
_ALWAYS_BOOLEAN = (
    syntax.Compare,
    syntax.In,
    syntax.And,
    syntax.Or,
    syntax.Not,
    syntax.IsNone,
    syntax.IsDefined,
)
"""What gives true or false, or an error."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A text with expressions. `evaluate(values)` gives its value; it raises MissingValue and
    ExpressionFailed (both RunError) with the place set.

    `whole`: the text is one `{{ … }}`, and gives the object itself rather than text.
    `parts`: the texts and syntax nodes, in order; one node where `whole`.
    """

    source: str
    place: Place
    whole: bool
    parts: tuple[str | Node, ...]
    references: tuple[Reference, ...]
    evaluate: Closure = field(repr=False, compare=False)

    def at(self, offset: int) -> Place:
        """The place of what stands at this offset (`at` of a syntax node)."""
        return Source(self.source, self.place).at(offset)


def has_expression(text: str) -> bool:
    """Whether the text has to be parsed: it holds `{{`, or the refused `{%` or `{#`."""
    return "{{" in text or "{%" in text or "{#" in text


def parse(source: str, place: Place) -> Expression:
    """Parse and compile a text; `place` is where it starts in its file.

    Raises ExpressionProblem, nothing else.
    """
    where = Source(source, place)
    parts = _parts(where)
    # Block text ends with a line break that nobody wrote on purpose.
    seen = parts[:-1] if parts and parts[-1] == "\n" else parts
    whole = len(seen) == 1 and not isinstance(seen[0], str)
    return _expression(where, seen if whole else parts, whole)


def condition(source: Value, place: Place) -> Expression:
    """A `when`: one whole expression that gives a boolean, else evaluation fails and says why."""
    if not isinstance(source, str):
        raise _not_whole(place, f"found {kind(source)}")
    parsed = parse(source.rstrip(), place)
    if not parsed.whole:
        raise _not_whole(place, f"found {shorten(source) or 'nothing'}", source)
    [node] = parsed.parts
    if isinstance(node, _ALWAYS_BOOLEAN):
        return parsed
    where, evaluate = Source(parsed.source, place), parsed.evaluate
    if isinstance(node, syntax.Const) and not isinstance(node.value, bool):
        raise _not_whole(place, f"found {shorten(source)}, which is always {node.value!r}")

    def run(values: Mapping[str, Value]) -> Value:
        found = evaluate(values)
        if found is True or found is False:
            return found
        try:
            return boolean(found, "a condition")
        except Refused as why:
            raise where.failed(0, why) from None

    return Expression(parsed.source, place, True, parsed.parts, parsed.references, run)


def _not_whole(place: Place, found: str, source: str = "") -> ExpressionProblem:
    message = f"{found}; expected a condition: one whole expression that is true or false"
    # Most often it is one, in one brace, in no braces, or in a word processor's quotes.
    meant = source.strip(' \n{}%“”„‘’"')
    if not meant or "{" in meant or "}" in meant or len(meant) > 80:
        meant = "callback.paymentStatus == 'SUCCESSFUL'"
    mend = f'write it as "{{{{ {meant} }}}}", nothing around it'
    if any(quote in source for quote in "“”„‘’"):
        mend += "; and in straight quotes, not curly ones"
    return ExpressionProblem([Problem("expr.condition", place, message, mend)])


def _parts(where: Source) -> tuple[str | Node, ...]:
    text = where.text
    if len(text) > MAX_SOURCE:
        raise where.problem(
            "too_large",
            0,
            f"a text with expressions has at most {MAX_SOURCE} characters",
            "compute parts of it in `set` nodes before",
        )
    parts: list[str | Node] = []
    offset = found = 0
    while True:
        begin = min((n for mark in _MARKS if (n := text.find(mark, offset)) >= 0), default=-1)
        if begin < 0:
            break
        if text[begin : begin + 2] != "{{":
            raise _refused_mark(where, begin)
        if begin > offset:
            parts.append(text[offset:begin])
        node, offset = parse_one(where, begin)
        parts.append(node)
        found += 1
        if found > MAX_EXPRESSIONS:
            raise where.problem(
                "too_large",
                begin,
                f"found more than {MAX_EXPRESSIONS} expressions in one text",
                "compute parts of it in `set` nodes before",
            )
    if offset < len(text):
        parts.append(text[offset:])
    return tuple(parts)


def _refused_mark(where: Source, begin: int) -> ExpressionProblem:
    if where.text[begin + 1] == "%":
        return where.problem(
            "statement",
            begin,
            "found {% … %}; a flow has no template statements",
            "write {{ a if condition else b }}, or use branch and for_each; to have the two "
            "characters as text write {{ '{%' }}",
        )
    return where.problem(
        "comment",
        begin,
        "found {# … #}, a template comment",
        "write a YAML comment (#); to have the two characters as text write {{ '{#' }}",
    )


def _expression(where: Source, parts: tuple[str | Node, ...], whole: bool) -> Expression:
    nodes = [part for part in parts if not isinstance(part, str)]
    used = tuple(reference for node in nodes for reference in references(node, where))
    evaluate = compile_node(nodes[0], where) if whole else _text(where, parts)
    return Expression(where.text, where.place, whole, parts, used, evaluate)


def _text(where: Source, parts: tuple[str | Node, ...]) -> Closure:
    """Text around expressions. What they give is put in as it is, and never parsed again."""

    def piece(part: str | Node) -> Closure:
        if isinstance(part, str):
            return lambda values: part
        inner, at = compile_node(part, where), syntax.start(part)

        def run(values: Mapping[str, Value]) -> Value:
            try:
                return as_text(inner(values))
            except Refused as why:
                raise where.failed(at, why) from None

        return run

    pieces = [piece(part) for part in parts]

    def text(values: Mapping[str, Value]) -> Value:
        try:
            return joined([one(values) for one in pieces])
        except Refused as why:
            raise where.failed(0, why) from None

    return text
