"""What can be wrong with an expression: problems when it is read, errors when it is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from engine.errors import Place, Problem, ProblemsFound, RunError


class ExpressionProblem(ProblemsFound):
    """The expression cannot be used; every problem has an `expr.*` code."""


class ExpressionFailed(RunError):
    """The expression has no value for what it was given."""

    def __init__(self, message: str, *, source: str, place: Place, mend: str = "") -> None:
        shown = f"{message} (in {shorten(source)})" + (f"; mend: {mend}" if mend else "")
        super().__init__(shown, place=place)
        self.message = message
        self.source = source
        self.mend = mend


class MissingValue(ExpressionFailed):
    """The expression reads something that is not there; `path` names it."""

    def __init__(self, message: str, *, source: str, place: Place, path: str, mend: str) -> None:
        super().__init__(message, source=source, place=place, mend=mend)
        self.path = path


class Refused(Exception):
    """An operator or filter does not take these values; the caller knows the place."""

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message, self.mend = message, mend


@dataclass(frozen=True, slots=True)
class Source:
    """The text an expression was written in, and where it starts in its file."""

    text: str
    place: Place

    def at(self, offset: int) -> Place:
        """The place of the character at `offset` of the text."""
        return self.place.within(self.text, offset)

    def problem(self, code: str, offset: int, message: str, mend: str) -> ExpressionProblem:
        """A problem with what stands at `offset`."""
        found = f"{message} (in {shorten(self.text)})"
        return ExpressionProblem([Problem(f"expr.{code}", self.at(offset), found, mend)])

    def failed(self, offset: int, why: Refused) -> ExpressionFailed:
        """The run-time error for an operator or filter at `offset`."""
        return ExpressionFailed(why.message, source=self.text, place=self.at(offset), mend=why.mend)


def shorten(text: str, limit: int = 120) -> str:
    """The text on one line, cut to `limit` characters."""
    line = " ".join(text[: 2 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`did you mean 'x'? ` with the nearest known name, or nothing."""
    close = get_close_matches(str(name)[:64], [item[:64] for item in known][:200], n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'? " if close else ""


def listed(names: Iterable[object], limit: int = 20) -> str:
    """The names with commas, cut after `limit`."""
    shown = [str(name)[:64] for name in names]
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more if shown else "nothing"
