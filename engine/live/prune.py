"""The log of changes is kept as long as `live` in project.yaml says, and no longer."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.clock import timestamp
from engine.model import LiveRules
from engine.store import changes
from engine.store.base import Transaction, WriterBusy


@dataclass(slots=True)
class Pruner:
    """Shortens the log by a project's rules, until `stopping`. `submit` runs work in the writer's next
    transaction."""

    rules: Callable[[], LiveRules]
    submit: Callable[[Callable[[Transaction], Any]], Future[Any]]
    stopping: threading.Event

    def prune(self) -> None:
        """Have the writer forget what is too old or too much, some at a time. Returns at once."""
        rules = self.rules()
        since = time.time() - rules.keep_hours * 3600
        work = partial(changes.prune, older_than=timestamp(since), keep=rules.keep_changes)
        with contextlib.suppress(WriterBusy):  # a minute later is as well
            self.submit(work).add_done_callback(self._go_on)

    def _go_on(self, done: Future[bool]) -> None:
        if done.exception() is None and done.result() and not self.stopping.is_set():
            self.prune()
