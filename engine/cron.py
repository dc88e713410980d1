"""Cron expressions: five fields, in UTC; when they come, and what is wrong with one that cannot be read.

`cronsim` reads them as Debian's cron does. Moments are seconds since 1970 UTC, whole minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cronsim import CronSim

EXAMPLE = "0 3 * * *"
EXPECTED = (
    "five fields: minute, hour, day of the month, month, day of the week, as in "
    f"{EXAMPLE} (every day at 03:00 UTC)"
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, the mend, and at which character of the expression (from 0)."""

    at: int
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: str
    names: tuple[str, ...] = ()


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    _Field("minute", 0, 59, "0 to 59"),
    _Field("hour", 0, 23, "0 to 23"),
    _Field("day of the month", 1, 31, "1 to 31, or L for the last one"),
    _Field("month", 1, 12, "1 to 12, or JAN to DEC", _MONTHS),
    _Field("day of the week", 0, 7, "0 to 7 (0 and 7 are Sunday), or SUN to SAT", _DAYS),
)
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def mistake(text: str) -> Mistake | None:
    """What is wrong with an expression; None where it can be read."""
    words = [(found.start(), found[0]) for found in re.finditer(r"\S+", text)]
    if len(words) != len(_FIELDS):
        return _not_five(text.strip(), [word for _, word in words])
    for field, (at, word) in zip(_FIELDS, words, strict=True):
        for offset, term in _terms(word):
            found = _wrong(field, term)
            if found:
                return Mistake(at + offset, *found)
    return None


def never(text: str) -> bool:
    """Whether a sound expression never comes: no month has such a day."""
    return after(text, 0) is None


def after(text: str, second: int) -> int | None:
    """The first moment later than `second`; None when it never comes."""
    return _moment(text, second, reverse=False)


def latest(text: str, second: int) -> int | None:
    """The last moment that is not later than `second`; None when there is none."""
    return _moment(text, second + 1, reverse=True)


def _moment(text: str, second: int, *, reverse: bool) -> int | None:
    from cronsim import CronSim, CronSimError

    try:
        found: CronSim = CronSim(text, datetime.fromtimestamp(second, UTC), reverse=reverse)
        return int(next(found).timestamp())
    except (StopIteration, CronSimError, OverflowError):
        return None  # such as 31 February: the library refuses some, and looks for others in vain


def _not_five(text: str, words: list[str]) -> Mistake:
    short = text.lower()
    if short in _SHORT:
        return Mistake(
            0, f"{text!r} is a short form; expected {EXPECTED}.", f"Write {_SHORT[short]}."
        )
    clock = _CLOCK.fullmatch(text)
    if clock:
        mend = f"Write {int(clock[2])} {int(clock[1])} * * * for every day at {text} UTC."
        return Mistake(0, f"{text!r} is a time of day; expected {EXPECTED}.", mend)
    count = {0: "nothing", 1: "one field"}.get(len(words), f"{len(words)} fields")
    mend = f"Write it like {EXAMPLE}."
    if len(words) == 6 and mistake(" ".join(words[1:])) is None:
        mend = f"Without seconds it is {' '.join(words[1:])}."
        count += " (seconds first?)"
    elif len(words) in (6, 7) and words[0].isdigit() and "?" in words:
        mend = f"Leave seconds and year out, and write * for ?, as in {EXAMPLE}."
    return Mistake(0, f"{text!r} has {count}; expected {EXPECTED}.", mend)


def _terms(word: str) -> Iterator[tuple[int, str]]:
    """The parts of a field that stand between commas, and where each begins."""
    at = 0
    for term in word.split(","):
        yield at, term
        at += len(term) + 1


def _wrong(field: _Field, term: str) -> tuple[str, str] | None:
    """What is wrong with one part of a field, and the mend."""
    mend = (
        f"{field.name.capitalize()}: {field.words}; * is every one, */5 every fifth, 1-5 a range, and "
        "commas stand between several."
    )
    if not _readable(" ".join(term if one is field else "*" for one in _FIELDS)):
        return f"{term!r} is no {field.name}; expected {field.words}.{_near(field, term)}", mend
    step = term.rpartition("/")[2] if "/" in term else "1"
    if int(step) > field.high - field.low:
        said = (
            f"{term!r} steps by {step}, and the {field.name} goes from {field.low} to {field.high}"
        )
        return f"{said}: it would come as if no step were there.", mend
    return None


def _readable(text: str) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(text, datetime.fromtimestamp(0, UTC))
    except CronSimError:
        return False
    return True


def _near(field: _Field, term: str) -> str:
    """What may have been meant: a whole name, another tool's sign, a range that runs backwards."""
    if term == "?":
        return " Did you mean '*'?"
    whole = re.sub(
        r"[A-Za-z]{4,}", lambda word: word[0][:3].upper() if _named(field, word[0]) else "?", term
    )
    if whole != term and "?" not in whole:
        return f" Did you mean '{whole}'?"
    numbers = re.fullmatch(r"(\d+)-(\d+)", term)
    if numbers:
        first, last = (int(one) for one in numbers.groups())
        if field.low <= last < first <= field.high:
            return f" Did you mean '{first}-{field.high},{field.low}-{last}'?"
    return ""


def _named(field: _Field, word: str) -> bool:
    return word[:3].upper() in field.names
