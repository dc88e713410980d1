"""What can go wrong, as data (`Problem`) and as exceptions (`ActionflowError`).

Every message a person meets says where, what was found, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]


class Place(NamedTuple):
    """A spot in a file; line and column count from 1, as editors show them."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def within(self, text: str, offset: int) -> Place:
        """The place of the character at `offset` of `text`, which begins here and is written as it is."""
        before = text[:offset]
        if "\n" not in before:
            return Place(self.file, self.line, self.column + offset)
        lines = before.count("\n")
        # Lines of block text all begin in the same column.
        column = self.column + offset - before.rindex("\n") - 1
        return Place(self.file, self.line + lines, column)


class TextPlace(Place):
    """The place of a text that its file writes otherwise: with escapes, or folded over several lines."""

    runs: tuple[tuple[int, int, int], ...] = ()
    """Offset, line and column where characters begin to stand one after another."""

    @classmethod
    def of(cls, place: Place, runs: tuple[tuple[int, int, int], ...]) -> TextPlace:
        """The same place, knowing where each part of the text stands."""
        made = cls(*place)
        made.runs = runs
        return made

    def within(self, text: str, offset: int) -> Place:
        """As Place.within, by what is known of each part."""
        known = [run for run in self.runs if run[0] <= offset]
        begin, line, column = known[-1] if known else (0, self.line, self.column)
        return Place(self.file, line, column + offset - begin)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a project: a stable code, where, what is wrong, and the mend.

    `message` says what was found and what was expected; `mend` says what to do about it.
    """

    code: str
    place: Place
    message: str
    mend: str
    severity: Severity = "error"
    related: tuple[tuple[Place, str], ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.severity} [{self.code}] {self.message}"]
        lines += [f"    see {place}: {why}" for place, why in self.related]
        lines.append(f"    mend: {self.mend}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """The same finding as plain data, for `--format json`."""
        data = asdict(self)
        data["place"] = self.place._asdict()
        data["related"] = [{"place": p._asdict(), "message": why} for p, why in self.related]
        return data


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` with the nearest known name, or an empty text when nothing is near."""
    # Imported when something is wrong only: commands start without it.
    from difflib import get_close_matches

    near = get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


class ActionflowError(Exception):
    """Something went wrong in Actionflow."""

    def __init__(self, message: str | None = None) -> None:
        # The docstring is the message unless the raiser knows more (procrastinate's custom).
        super().__init__(message or (self.__doc__ or "").strip())


class ProblemsFound(ActionflowError):
    """The project has mistakes and cannot run."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class BadInput(ActionflowError):
    """What was given cannot be used; nothing was changed."""


class RunError(ActionflowError):
    """A node could not do its work; the effects of this run are rolled back."""

    def __init__(
        self, message: str | None = None, *, node: str | None = None, place: Place | None = None
    ) -> None:
        super().__init__(message)
        self.node = node
        self.place = place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        node = f"node '{self.node}': " if self.node else ""
        return f"{where}{node}{super().__str__()}"
