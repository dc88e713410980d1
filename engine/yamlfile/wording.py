"""The YAML parser's complaints, in words for people who are no programmers."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from engine.errors import Place, Problem

UNQUOTED_MEND = 'put quotes around the expression: "{{ … }}"'
_CURLY = re.compile("[“”„‘’]\\s*\\{\\{")
_ODD_BLANK = re.compile("[ ]*[\u00a0\u2000-\u200b\u202f\u3000]")
_INNER_QUOTES = re.compile(r'"[^"]*\{\{[^"}]*"[^"]+"[^"}]*\}\}')
_NO_SPACE = re.compile(r"^(\s*(?:- )?[A-Za-z_]+):([A-Za-z_][\w.]*)\s*$")
_UNQUOTED = re.compile(r"(?:^|[:\-,\[{])\s*\{\{")


class _Words(NamedTuple):
    fragment: str
    """What the parser's own sentence holds (libyaml's and PyYAML's words for the same mistake)."""
    message: str
    mend: str
    at_start: bool = False
    """Point at where the broken thing starts, not at where the parser gave up."""
    code: str = "syntax"


_TABLE = (
    _Words(
        "mapping values are not allowed",
        "found a ':' where none can stand; expected one `key: value` on a line",
        "put quotes around text that holds ': ', a space after every key's ':' (also in the lines "
        "above), and the same indentation before all keys of one block",
    ),
    _Words(
        "sequence entries are not allowed",
        "found a list item ('- ') behind other text on its line",
        "start the list on a line of its own, indented under its key",
    ),
    _Words(
        "could not find expected ':'",
        "found text that is neither `key: value` nor a list item ('- ')",
        "add ': ' and a value, or indent it if it belongs to the text above",
        at_start=True,
    ),
    _Words(
        "unexpected end of stream",
        "found a quoted text that is never closed",
        "add the closing quote",
        at_start=True,
    ),
    _Words(
        "unexpected document",
        "found '---' or '...' inside a quoted text that is never closed",
        "add the closing quote",
        at_start=True,
    ),
    _Words(
        "',' or ']'",
        "found a list '[' whose items do not end as expected, by ',' or ']'",
        "add the missing ',' or ']', and quotes around text with special characters",
        at_start=True,
    ),
    _Words(
        "',' or '}'",
        "found a '{' whose entries do not end as expected, by ',' or '}'",
        "add the missing ',' or '}', and quotes around text with special characters",
        at_start=True,
    ),
    _Words(
        "expected '-' indicator",
        "found something else among the items of a list; expected '- '",
        "begin the line with '- ', or indent it to where it belongs",
    ),
    _Words(
        "expected key",
        "found something that does not belong here; expected the next `key: value`",
        "line the keys of one block up with each other, and put nothing behind a closed quote",
    ),
    _Words(
        "block end",
        "found something that does not belong here; expected the next `key: value` or item",
        "line the keys or items of one block up, and put nothing behind a closed quote",
    ),
    _Words(
        "node content",
        "found punctuation; expected a value",
        "put quotes around the text if it begins with this character, or remove it",
    ),
    _Words(
        "unknown escape",
        "found a backslash with no meaning inside double quotes",
        r"use single quotes, or write the backslash twice: \\",
    ),
    _Words(
        "hexdecimal",
        r"found \x, \u or \U without enough digits behind it",
        r"write two digits after \x, four after \u, or use single quotes",
    ),
    _Words(
        "hexadecimal",
        r"found \x, \u or \U without enough digits behind it",
        r"write two digits after \x, four after \u, or use single quotes",
    ),
    _Words(
        "invalid Unicode",
        "found an escape for a character that does not exist",
        "write the character itself",
    ),
    _Words(
        "alphabetic or numeric",
        "found '*' or '&' at the start of a value; YAML takes it for an alias or anchor",
        "put quotes around the text",
        at_start=True,
    ),
    _Words(
        "cannot start any token",
        "found a character that cannot begin a value without quotes (@, `, %)",
        "put quotes around the text",
    ),
    _Words(
        "document start",
        "found more text after the end of the document",
        "remove it, or indent it to where it belongs",
    ),
    _Words(
        "maximum nesting",
        "found brackets nested too deep",
        "close the brackets that were left open",
        code="depth",
    ),
    _Words(
        "chomping",
        "found text right behind '|' or '>'; block text begins on the next line",
        "move it to the next line, indented, or put quotes around it",
        at_start=True,
    ),
    _Words(
        "comment or line break",
        "found text right behind '|' or '>'; block text begins on the next line",
        "move it to the next line, indented, or put quotes around it",
        at_start=True,
    ),
    _Words(
        "indentation indicator",
        "found a digit right behind '|' or '>' that is no indentation",
        "remove the digit",
    ),
    _Words(
        "tag",
        "found '!' at the start of a value; YAML takes it for a tag",
        "put quotes around the text",
        at_start=True,
        code="tag",
    ),
    _Words(
        "YAML document",
        "found a %YAML directive for another version; Actionflow reads YAML 1.2",
        "remove the line",
        code="directive",
    ),
    _Words(
        "directive",
        "found '%' at the start of a line; YAML takes it for a directive",
        "remove the line, or put quotes around the text",
        code="directive",
    ),
)
_OTHER_MEND = "look at this line and the one above: quotes, indentation, brackets"


def syntax_problem(error: Any, text: str, file: str) -> Problem:
    """A problem for a `yaml.MarkedYAMLError` of either parser."""
    said = str(error.problem or "it is not YAML")
    heard = f"{error.context}: {said}"
    known = next((words for words in _TABLE if words.fragment in heard), None)
    at_start = known is not None and known.at_start and error.context_mark is not None
    mark = error.context_mark if at_start else error.problem_mark or error.context_mark
    lines = text.split("\n")
    number = min(mark.line, len(lines) - 1) if mark else 0
    column = (mark.column if mark else 0) + 1
    # Odd blanks break what follows: the parser gives up further down.
    blank = next((n for n in range(number, -1, -1) if _ODD_BLANK.match(lines[n])), None)
    unclosed = [n for n in range(number + 1) if _opens_a_quote(lines[n])]
    if blank is not None:
        number, column = blank, len(lines[blank]) - len(lines[blank].lstrip(" ")) + 1
    elif len(unclosed) % 2 and unclosed[-1] != number:
        # The text went on to the next quote, lines below.
        number = unclosed[-1]
        column = lines[number].rindex('"') + 1
    line = lines[number]
    place = Place(file, number + 1, column)
    code, message, mend = _by_look(line) or (
        (known.code, known.message, known.mend) if known else ("syntax", said, _OTHER_MEND)
    )
    shown = f" (the line is: {_short(line.strip())})" if line.strip() else ""
    return Problem(f"yaml.{code}", place, message + shown, mend)


def _by_look(line: str) -> tuple[str, str, str] | None:
    """Causes the line shows better than the parser's words do."""
    indentation = line[: len(line) - len(line.lstrip())]
    if _UNQUOTED.search(line):
        return "unquoted_expression", "found an expression without quotes", UNQUOTED_MEND
    if "\t" in indentation:
        return (
            "tab",
            "found a tab; expected spaces, for YAML indents with spaces only",
            "replace the tab by spaces, as many as the neighbouring lines have",
        )
    if _INNER_QUOTES.search(line):
        return (
            "syntax",
            'found a " inside of a text in double quotes, which ends the text there',
            "write single quotes inside: \"{{ a == 'b' }}\"",
        )
    if close := _NO_SPACE.match(line):
        mend = f"write `{close[1].strip()}: {close[2]}`"
        return "syntax", "found no space behind the ':'", mend
    if _CURLY.search(line):
        return (
            "syntax",
            "found curly quotes, as word processors make them; YAML knows straight ones only",
            UNQUOTED_MEND,
        )
    if _opens_a_quote(line):
        return "syntax", 'found a quote (") in this line that is never closed', "close it"
    if "\u00a0" in line:
        return (
            "character",
            "found a no-break space (U+00A0), as web pages and word processors make",
            "replace it by an ordinary space",
        )
    return None


def _opens_a_quote(line: str) -> bool:
    """Whether a double quote of the line has no other one on it."""
    return re.sub(r"\\.|'[^']*'|(?:^|\s)#.*", "", line).count('"') % 2 == 1


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
