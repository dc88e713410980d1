"""LISTEN: a connection and a thread that hear what all processes notify."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import psycopg

from engine.store.base import StoreError
from engine.store.ears import Ears

log = logging.getLogger("actionflow.store")

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
LOOK_EVERY = 0.2
"""Seconds until a channel that is new, or the end, is noticed."""


class Listener:
    """Hears notifications and calls those who listen; a lost connection is opened again."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._ears = Ears()
        self._ending = threading.Event()
        self._changed = threading.Condition()
        self._listening: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="actionflow-listen", daemon=True)
        self._thread.start()

    def listen(self, channel: str, heard: Callable[[str], None]) -> Callable[[], None]:
        """As `Store.listen`. Returns when the database listens, or after 5 seconds without."""
        end = self._ears.listen(channel, heard)
        with self._changed:
            self._changed.wait_for(lambda: channel in self._listening, 5)
        return end

    def close(self) -> None:
        self._ending.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _work(self) -> None:
        wait, first = FIRST_WAIT, True
        while not self._ending.is_set():
            try:
                with self._connect() as connection:
                    self._hear(connection, first)
                    wait, first = FIRST_WAIT, False
            except (psycopg.Error, StoreError) as error:
                first = False
                if self._ending.wait(wait):
                    return
                log.warning("notifications are not heard for the moment: %s", error)
                wait = min(wait * 2, LONGEST_WAIT)
            finally:
                with self._changed:
                    self._listening.clear()

    def _hear(self, connection: psycopg.Connection[Any], first: bool) -> None:
        while not self._ending.is_set():
            for channel in self._ears.channels():
                if channel not in self._listening:
                    connection.execute(f'LISTEN "{channel}"')
                    with self._changed:
                        self._listening.add(channel)
                        self._changed.notify_all()
                    if not first:
                        self._ears.tell(channel, "")
            first = True
            # To its end: what has come and was not taken from this loop would be lost.
            for notice in connection.notifies(timeout=LOOK_EVERY):
                self._ears.tell(notice.channel, notice.payload)
