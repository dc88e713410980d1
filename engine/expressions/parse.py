"""One `{{ … }}` to a syntax node, through jinja2's parser."""

from __future__ import annotations

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream, describe_token
from jinja2.parser import Parser

from engine.expressions.convert import Converter
from engine.expressions.errors import ExpressionProblem, Source
from engine.expressions.syntax import Node
from engine.expressions.tokens import JINJA, tokens

_SIGNS = {
    "assign": "write == to compare; an expression cannot assign",
    "pipe": "write `or` for a choice; a filter is `value | name`",
    "comma": "put a list in brackets: [a, b]",
    "colon": "write one value; slices and named arguments are not there",
    "name": "put an operator between the two, as ~ to join text, or quotes around text",
}


_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


def parse_one(source: Source, begin: int) -> tuple[Node, int]:
    """The expression whose `{{` stands at `begin`, and the offset behind its `}}`."""
    found, end = tokens(source, begin)
    if not found:
        raise source.problem(
            "empty", begin, "found an empty expression", "write what it stands for between {{ }}"
        )
    too_deep = source.problem(
        "too_large", begin, "the expression is nested too deep", "compute parts in `set` nodes"
    )
    try:
        tree = _tree(source, found, end - 2)
        return Converter(source, too_deep).node(tree, 0), end
    except RecursionError:
        raise too_deep from None


def _tree(source: Source, found: list[Token], end: int) -> nodes.Expr:
    parser = Parser(JINJA, "")
    parser.stream = TokenStream(iter([*found, Token(end, "eof", "")]), None, None)
    try:
        tree = parser.parse_expression()
    except TemplateSyntaxError:
        raise _unexpected(source, parser.stream.current, found[-1]) from None
    if parser.stream.current.type != "eof":
        raise _unexpected(source, parser.stream.current, found[-1])
    return tree


def _unexpected(source: Source, token: Token, last: Token) -> ExpressionProblem:
    if token.type == "eof":
        message = f"the expression ends behind '{last.value}', where a value is expected"
        return source.problem("syntax", token.lineno, message, "complete it")
    shown = token.value if token.type != "string" else repr(token.value)
    mend = _SIGNS.get(token.type, "check the operators and brackets around it")
    if token.type == "name" and str(shown).lower() in _WORDS:
        mend = f"write `{str(shown).lower()}`, in small letters"
    return source.problem(
        "syntax",
        token.lineno,
        f"found {str(shown)[:60] or describe_token(token)!r} where it does not belong",
        mend,
    )
