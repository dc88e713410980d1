"""Listeners of one process: who wants to hear what, and what happens when one of them fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("actionflow.store")

Heard = Callable[[str], None]


class Ears:
    """Callbacks by channel. May be used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, list[Heard]] = {}

    def listen(self, channel: str, heard: Heard) -> Callable[[], None]:
        """Call `heard` with each message; gives what ends it."""
        with self._lock:
            self._heard.setdefault(channel, []).append(heard)

        def end() -> None:
            with self._lock:
                listening = self._heard.get(channel, [])
                if heard in listening:
                    listening.remove(heard)
                if not listening:
                    self._heard.pop(channel, None)

        return end

    def tell(self, channel: str, message: str) -> None:
        """Call those who listen to this channel; the failure of one does not keep it from others."""
        with self._lock:
            listening = list(self._heard.get(channel, ()))
        for heard in listening:
            try:
                heard(message)
            except Exception:
                log.exception("a listener on '%s' failed", channel)

    def channels(self) -> list[str]:
        """The channels somebody listens to."""
        with self._lock:
            return list(self._heard)
