"""From text to tokens that carry their offset, through jinja2's lexer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import Token, operators

from engine.expressions.errors import ExpressionProblem, Source

MAX_TOKENS = 600
MAX_BRACKETS = 25

JINJA = Environment()
_INTEGER = re.compile(r"0|[1-9][0-9]*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.?)", re.DOTALL)
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t", "r": "\r"}
_CHARACTER_MENDS = {
    "&": ("'&'", "write `and`"),
    "!": ("'!'", "write `not`"),
    "?": ("'?'", "write `a if condition else b`"),
    "$": ("'$'", "write the name alone, as in {{ callback.amount }}"),
    "'": ("a text that is never closed", "add the closing quote"),
    '"': ("a text that is never closed", "add the closing quote"),
    "}": ("a single '}'", "close the expression with }}"),
    "\\": ("a backslash outside of a text", "remove it"),
    **{
        quote: (f"the curly quote {quote}", "write straight quotes, as in 'text'")
        for quote in "“”„‘’‚«»"
    },
}


def tokens(source: Source, begin: int) -> tuple[list[Token], int]:
    """The tokens of the expression whose `{{` stands at `begin`, and the offset behind its `}}`.

    A token's `lineno` is its offset in the whole text: jinja2's parser hands it on to its nodes.
    """
    # A return would be a line break to the lexer and shift what follows; a blank does not.
    lexed = source.text[begin + 2 :].replace("\r", " ")
    found: list[Token] = []
    depth = 0
    offset = begin + 2
    try:
        for _, kind, text in JINJA.lexer.tokeniter(lexed, None, state="variable"):
            written = source.text[offset : offset + len(text)]
            if kind == "variable_end":
                if text.startswith("-"):
                    raise source.problem("syntax", offset, "found '-}}'", "write }} without the -")
                return found, offset + 2
            if kind == "string" and found and found[-1].type == "string":
                mend = r"write ~ between them, or \' for a quote inside of a text"
                raise source.problem("syntax", offset, "found two texts side by side", mend)
            if kind in _READ:
                value: Any = _READ[kind](source, offset, written)
                found.append(Token(offset, kind, value))
            elif kind == "operator":
                found.append(Token(offset, operators[text], text))
                depth += (text in "([{") - (text in ")]}")
            if len(found) > MAX_TOKENS or depth > MAX_BRACKETS:
                raise source.problem(
                    "too_large",
                    begin,
                    f"the expression has more than {MAX_TOKENS} words and signs, or brackets more "
                    f"than {MAX_BRACKETS} deep",
                    "compute parts of it in `set` nodes before",
                )
            offset += len(text)
    except TemplateSyntaxError as error:
        raise _lexer_problem(source, offset, error) from None
    raise source.problem(
        "unclosed", begin, "found '{{' that is never closed", "close the expression with }}"
    )


def _lexer_problem(source: Source, offset: int, error: TemplateSyntaxError) -> ExpressionProblem:
    character = source.text[offset : offset + 1]
    if character in ")]" or ", expected" in str(error.message):
        return source.problem(
            "syntax", offset, f"found '{character}' that closes no bracket", "check the brackets"
        )
    found, mend = _CHARACTER_MENDS.get(
        character, (f"the character '{character}'", "remove it, or put quotes around text")
    )
    return source.problem("syntax", offset, f"found {found}", mend)


def _integer(source: Source, offset: int, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise source.problem(
            "number", offset, f"found the number {text}", "write it in plain digits, as 1000"
        )
    if len(text) > 19 or int(text) >= 2**63:
        raise source.problem(
            "number", offset, "found an integer of more than 64 bits", "use a smaller number"
        )
    return int(text)


def _float(source: Source, offset: int, text: str) -> object:
    raise source.problem(
        "float",
        offset,
        f"found {text}; there are no numbers with a fraction, for money would be rounded",
        "write minor units, an integer: 5.10 USD is 510",
    )


def _text(source: Source, offset: int, text: str) -> str:
    def unescape(escape: re.Match[str]) -> str:
        code = escape.group(1)
        character = chr(int(code[1:], 16)) if code[:1] == "u" and code[1:] else _ESCAPES.get(code)
        if character is None or character == "\0" or "\ud800" <= character <= "\udfff":
            raise source.problem(
                "syntax",
                offset,
                f"found the escape \\{code} in a text",
                r"write \\ for a backslash",
            )
        return character

    return _ESCAPE.sub(unescape, text[1:-1])


def _name(source: Source, offset: int, text: str) -> str:
    if not text.isidentifier():
        raise source.problem(
            "syntax", offset, f"found '{text}', which is no name", "begin names with a letter"
        )
    return text


_READ: dict[str, Callable[[Source, int, str], object]] = {
    "integer": _integer,
    "float": _float,
    "string": _text,
    "name": _name,
}
