"""When a failed call is made again."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from math import ceil


def delay(tries: int, first: int, longest: int, chance: float, asked: int | None = None) -> int:
    """Whole seconds to wait after so many tries: doubling from `first` up to `longest`, of which
    jitter takes up to half, so that a crowd does not return at once.

    `asked` is the server's Retry-After; it is kept to, but never beyond `longest`.
    """
    base = min(first * 2.0 ** min(tries - 1, 30), longest)
    wait = base * (0.5 + chance / 2)
    if asked is not None:
        wait = max(wait, min(asked, longest))
    return ceil(wait)


def retry_after(written: str | None, now: float) -> int | None:
    """Seconds that a Retry-After header asks for: a number, or a date (RFC 9110, 10.2.3)."""
    if written is None:
        return None
    written = written.strip()
    if written.isascii() and written.isdigit():
        return int(written[:9])
    try:
        at = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(ceil(at.timestamp() - now), 0)
