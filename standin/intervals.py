"""Billing periods: month ends stay month ends, counted from the anchor. Times are UTC seconds."""

import calendar
from datetime import UTC, datetime, timedelta

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def add(anchor: int, interval: str, count: int) -> int:
    """The time `count` intervals after the anchor; a day the month lacks becomes its last one."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in _DAYS:
        return int((start + timedelta(days=_DAYS[interval] * count)).timestamp())
    months = start.year * 12 + start.month - 1 + _MONTHS[interval] * count
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def next_end(anchor: int, interval: str, count: int, after: int) -> int:
    """The first period end later than `after`, counted from the anchor."""
    number = 1
    while (end := add(anchor, interval, count * number)) <= after:
        number += 1
    return end
