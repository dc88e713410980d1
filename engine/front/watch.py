"""Whether the front answers: a process can hang without dying, and then nobody takes connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

ASK_EVERY = 1.0
"""Seconds between two turns, or more."""
PATIENCE = 10
"""Turns without a word, for a front that takes connections."""
PATIENCE_AT_START = 30
"""The same, for one that does not yet."""


class Watch:
    """Asks in turns of the server's loop, and gives up after too many without a word.

    Turns are counted, not seconds: while the machine sleeps, or the server itself gets no
    processor, there are none, and before each the loop has read what had come.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ask: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        """It begins at once; `give_up` is called once, and ends it."""
        self._loop = loop
        self._ask = ask
        self._give_up = give_up
        self._silent = 0
        self.patience = PATIENCE_AT_START
        """Turns without a word that are one too many."""
        self._turn()

    def heard(self) -> None:
        """The front has said something, whatever it was."""
        self._silent = 0

    def stop(self) -> None:
        """Ask no more."""
        self._next.cancel()

    def _turn(self) -> None:
        if self._silent >= self.patience:
            self._give_up()
            return
        if not self._silent:  # else it was asked, and what was asked last is not answered
            self._ask()
        self._silent += 1
        self._next = self._loop.call_later(ASK_EVERY, self._turn)
