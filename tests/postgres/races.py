"""Two servers at the same rows at the same moment, in an order that is made and not hoped for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from engine.store.again import committed
from engine.store.base import Store, Transaction
from tests.store.support import PostgresConnector

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'actionflow second' AND wait_event_type = 'Lock'
"""
Work = Callable[[Transaction], Any]


def begun(work: Callable[[], Any]) -> Future[Any]:
    """What a thread of its own makes of this."""
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return done


class Race:
    """The first server's transaction stands just before its commit while the second server works.

    The second, whose store must be named `second`, either ends or waits for a row or key that the
    first holds; then the first commits.
    """

    def __init__(
        self, database: PostgresConnector, store: Store, second: Callable[[], Any]
    ) -> None:
        self._database = database
        self._store = store
        self._second = second
        self._started: Future[Any] | None = None
        self.waited = False
        """Whether the second had to wait for the first."""

    def transact(self, work: Work) -> Any:
        """For the first server: work in a transaction; the first one of all meets the second."""

        def meet(tx: Transaction) -> Any:
            found = work(tx)
            if self._started is None:
                self._started = begun(self._second)
                while not self._started.done() and not self.waited:
                    self.waited = self._database.by_hand(WAITING) != [(0,)]
            return found

        return committed(self._store, meet)

    @property
    def second(self) -> Any:
        """What the second made of it, once it has ended."""
        assert self._started is not None, "the race was never run"
        return self._started.result(60)
