"""What wakes the writer's thread, and brings it deliveries that nobody handed over to it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

from engine.jobs import Delivery


class Feed:
    """A bell, and nothing else. (engine/front/feed.py is fed by another process.)"""

    def __init__(self) -> None:
        self._bell = threading.Lock()  # whoever releases it rings
        self._bell.acquire()

    def ring(self) -> None:
        """Have the writer look for work. From any thread."""
        with contextlib.suppress(RuntimeError):  # it rings already
            self._bell.release()

    def wait(self, seconds: float) -> None:
        """Until it rings or a delivery comes, so many seconds at most. In the writer's thread."""
        self._bell.acquire(timeout=seconds)

    def take(self, most: int) -> Sequence[Delivery]:
        """Deliveries that have come, so many at most. In the writer's thread."""
        return ()

    def close(self) -> None:
        """The writer's thread has ended."""
