"""What becomes of a verified event: the one way for the webhook server, the retries, `events replay`,
the dry run and the tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.batch import Batch
from engine.clock import timestamp
from engine.project import Project
from engine.secrets import Mode
from engine.store import waking
from engine.store.base import Transaction
from engine.store.inbox import InboxRow
from engine.stripe.event import Event
from engine.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes events of one project. `mode` is that of the keys: events of the other mode touch nothing."""

    project: Project
    mode: Mode = "test"
    now: Callable[[], float] = time.time
    explain: bool = False
    recorded: set[str] = field(default_factory=set)
    """Digests of flows whose text is known to be kept."""

    def receive(self, tx: Transaction, data: dict[str, Any], payload: str, event: Event) -> Verdict:
        """A delivered event: into the inbox, and run unless it is finished already.

        `data` is the decoded body, `payload` its text. Raises StoreBusy: then nothing may be kept.
        """
        batch = Batch(self, tx, [event])
        verdict = batch.receive(data, payload, event)
        batch.write()
        return verdict

    def again(self, tx: Transaction, row: InboxRow) -> Verdict:
        """An event of the inbox (its row) that is due: a retry, a replay, or one set aside before."""
        batch = Batch(self, tx, [])
        verdict = batch.again(row)
        batch.write()
        return verdict

    def refusal(self, event: Event) -> str:
        """Why an event of the other mode is not looked at; empty when it may pass."""
        if event.livemode == (self.mode == "live"):
            return ""
        theirs = "live" if event.livemode else "test"
        return f"this is a {theirs} event, the keys here are {self.mode} keys"


def mode_of(event: Event) -> Mode:
    """The mode an event was made in; a dry run takes events of either."""
    return "live" if event.livemode else "test"


def drain(receiver: Receiver, tx: Transaction, *, most: int = 1000) -> list[Verdict]:
    """Run every event that is due now, oldest first, until none is: woken ones come due at once."""
    verdicts: list[Verdict] = []
    while len(verdicts) < most:
        due = waking.due(tx, now=timestamp(receiver.now()), limit=50)
        if not due:
            break
        verdicts += [receiver.again(tx, row) for row in due]
    return verdicts
