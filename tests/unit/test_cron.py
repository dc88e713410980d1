"""Cron expressions: what is wrong with one, and when it comes, compared with a scan of every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import cron

HINTS = {
    "0 0 3 * * *": (0, "has 6 fields (seconds first?)", "Without seconds it is 0 3 * * *."),
    "0 0 1 * * 2026": (0, "has 6 fields;", "Write it like 0 3 * * *."),
    "0 3 * *": (0, "has 4 fields", ""),
    "  ": (0, "has nothing", ""),
    "daily": (0, "has one field", ""),
    "@Daily": (0, "is a short form", "Write 0 0 * * *."),
    "@reboot": (0, "has one field", ""),
    "03:05": (0, "is a time of day", "Write 5 3 * * * for every day at 03:05 UTC."),
    "75 * * * *": (0, "'75' is no minute; expected 0 to 59.", ""),
    "0 24 * * *": (2, "'24' is no hour; expected 0 to 23.", ""),
    "0  0 0 * *": (5, "'0' is no day of the month", ""),
    "0 0 * 13 *": (6, "'13' is no month", ""),
    "0 0 * february *": (6, "'february' is no month", "Did you mean 'FEB'?"),
    "0 0 * * mon-friday": (8, "is no day of the week", "Did you mean 'mon-FRI'?"),
    "0 0 * * nunday": (8, "'nunday' is no day of the week", ""),
    "0 22-6 * * *": (2, "'22-6' is no hour", "Did you mean '22-23,0-6'?"),
    "0 0 ? * MON": (4, "'?' is no day of the month", "Did you mean '*'?"),
    "1,61,2 * * * *": (2, "'61' is no minute", ""),
    "1,,2 * * * *": (2, "'' is no minute", ""),
    "*/90 * * * *": (0, "'*/90' steps by 90", ""),
    "*/0 * * * *": (0, "'*/0' is no minute", ""),
    "٣ * * * *": (0, "is no minute", ""),
}


@pytest.mark.parametrize("text", HINTS)
def test_a_mistake_says_where_what_and_the_mend(text: str) -> None:
    at, message, hint = HINTS[text]
    found = cron.mistake(text)
    assert found is not None
    assert found.at == at
    assert message in found.message
    assert hint in f"{found.message} {found.mend}"
    assert "expected" in found.message or "steps by" in found.message


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/5 0-6,22 1,15 JAN-MAR mon", "0 0 L * *", "0 0 * * 5L", "0 0 * * MON#2", "0\t3 * * 7"],
)  # fmt: skip
def test_what_can_be_read(text: str) -> None:
    assert cron.mistake(text) is None
    assert not cron.never(text)


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *"])
def test_days_that_no_month_has_never_come(text: str) -> None:
    assert cron.mistake(text) is None
    assert cron.never(text)
    assert cron.latest(text, 2_000_000_000) is None


def test_the_29th_of_february_comes_and_a_weekday_beside_a_day_is_either() -> None:
    assert not cron.never("0 0 29 2 *")
    assert not cron.never("0 0 31 2 MON")  # as cron has it: the day or the weekday


def field(
    low: int, high: int, most: int | None = None
) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """A field as written, and the numbers it means."""
    whole = st.just(("*", frozenset(range(low, high + 1))))
    step = st.integers(2, high - low).map(
        lambda n: (f"*/{n}", frozenset(range(low, high + 1)[::n]))
    )
    some = st.frozensets(st.integers(low, most or high), min_size=1, max_size=4).map(
        lambda numbers: (",".join(map(str, sorted(numbers))), numbers)
    )
    return st.one_of(whole, step, some)


SHORT = st.tuples(field(0, 59), field(0, 23), field(1, 31, 28), field(0, 6))
"""Fields of expressions that come in any month."""


@given(SHORT, st.integers(946_684_800, 2_524_608_000))
def test_it_comes_when_a_scan_of_every_minute_says(
    fields: tuple[tuple[str, frozenset[int]], ...], second: int
) -> None:
    (minute, minutes), (hour, hours), (day, days), (weekday, weekdays) = fields
    text = f"{minute} {hour} {day} * {weekday}"
    either = not day.startswith("*") and not weekday.startswith("*")

    def comes(at: datetime) -> bool:
        by_day, by_week = at.day in days, at.isoweekday() % 7 in weekdays
        right_day = by_day or by_week if either else by_day and by_week
        return right_day and at.hour in hours and at.minute in minutes

    assert cron.mistake(text) is None
    next_one, last = cron.after(text, second), cron.latest(text, second)
    assert next_one is not None
    assert last is not None
    assert last <= second < next_one
    assert comes(datetime.fromtimestamp(next_one, UTC))
    assert comes(datetime.fromtimestamp(last, UTC))
    assert cron.latest(text, next_one - 1) == last
    assert cron.after(text, last) == next_one
    first = datetime.fromtimestamp(last, UTC)
    between = [first + timedelta(minutes=n) for n in range(1, min((next_one - last) // 60, 500))]
    assert not any(comes(one) for one in between)
