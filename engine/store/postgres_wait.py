"""Waiting for a socket."""

from __future__ import annotations

import select
from collections.abc import Callable


def waiter(socket: int) -> Callable[[bool, float], bool | None]:
    """Waits on a socket: True when it can be read, False when (only) written, None when time is up."""
    if hasattr(select, "poll"):
        reading, both = select.poll(), select.poll()
        reading.register(socket, select.POLLIN)
        both.register(socket, select.POLLIN | select.POLLOUT)

        def wait(writing: bool, seconds: float) -> bool | None:
            found = (both if writing else reading).poll(seconds * 1000)
            return bool(found[0][1] & ~select.POLLOUT) if found else None

        return wait

    def wait_by_select(writing: bool, seconds: float) -> bool | None:
        readable, writable, _ = select.select([socket], [socket] if writing else [], [], seconds)
        return bool(readable) if readable or writable else None

    return wait_by_select
