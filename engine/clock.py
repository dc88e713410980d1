"""The one form that times have in the engine: text `YYYY-MM-DDTHH:MM:SSZ`, UTC; it sorts and is JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def timestamp(seconds: float) -> str:
    """The text of this moment, in seconds since 1970 UTC; parts of a second are cut off."""
    return _text(int(seconds))


@lru_cache(256)
def _text(second: int) -> str:
    # Cached: a server asks for the same few seconds thousands of times.
    return f"{datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()}Z"
