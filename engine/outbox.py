"""Makes the calls of the outbox, after the commit of the runs that asked for them, at least once.

A call is leased in one transaction, made outside any, and its outcome recorded in another. Killed
in between, the lease ends and another takes the call over, under the same Idempotency-Key.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine.clock import timestamp
from engine.giveup import run_block
from engine.logs import about
from engine.model import HttpRules
from engine.net import Guard, Refused, Request
from engine.net.client import Reply, Unanswered, send
from engine.net.schedule import delay, retry_after
from engine.project import Project
from engine.store import outbox
from engine.store.base import Transaction
from engine.store.outbox import Call

log = logging.getLogger("actionflow.outbox")

LEASE = 150
"""Seconds until another may take over: more than the longest call and the resolver's patience."""
LOOK_EVERY = 1.0
"""Seconds between looks for calls that are due."""
AT_ONCE = 8
"""Calls made at the same time, so that one slow server does not hold up the others."""
TRY_AGAIN = frozenset({408, 409, 425, 429})
"""Answers below 500 that another try can change; all others of 3xx and 4xx are final."""
MOST_BLOCK_TRIES = 8
"""Tries of give-up nodes that fail themselves."""
EXCERPT = 200

Send = Callable[[Request, HttpRules], Reply]


def send_by_rules(request: Request, rules: HttpRules) -> Reply:
    """Make the call, where the project's rules allow it."""
    return send(request, Guard.of(rules.allow))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. `wait` is what the server asked for, in seconds."""

    ok: bool
    status: int | None = None
    reason: str = ""
    final: bool = False
    wait: int | None = None


@dataclass(slots=True)
class Outbox:
    """Delivers the outbox of a project. `transact` runs work in a durable transaction and waits for
    it; `now` is in seconds; `send` and `chance` (a number from 0 to 1) are there to be replaced in tests.
    """

    project: Callable[[], Project]
    transact: Callable[[Callable[[Transaction], Any]], Any]
    now: Callable[[], float] = time.time
    send: Send = send_by_rules
    chance: Callable[[], float] = random.random
    tell: Callable[[Call, Outcome, float], None] = lambda call, outcome, seconds: None
    """Is told of each try, with the seconds it took; from any thread."""
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")

    def lease(self, limit: int) -> list[Call]:
        """Calls that are due, held for this process."""
        # A new name each time: a call taken over from ourselves is no longer the slow thread's.
        owner = f"{self.name}-{secrets.token_hex(4)}"
        now = self.now()
        work = partial(
            outbox.lease, now=timestamp(now), until=timestamp(now + LEASE), owner=owner, limit=limit
        )
        calls: list[Call] = self.transact(work)
        return calls

    def deliver(self, call: Call) -> None:
        """Make one leased call and record what came of it. No transaction is open meanwhile."""
        with about(run=f"call {call.id}", call=call.id, event=call.event_id, flow=call.flow):
            self._deliver(call)

    def _deliver(self, call: Call) -> None:
        if call.state == "giving_up":
            self.transact(partial(self._give_up, call=call))
            return
        request = Request.of(call.call)
        began = time.perf_counter()
        outcome = self._try(request)
        self.tell(call, outcome, time.perf_counter() - began)
        if outcome.ok:
            log.info("call %d (%s): %d", call.id, request, outcome.status)
        else:
            log.warning("call %d (%s): %s", call.id, request, outcome.reason)
        self.transact(partial(self._record, call=call, outcome=outcome))

    def _try(self, request: Request) -> Outcome:
        try:
            reply = self.send(request, self.project().file.http)
        except Refused as error:
            return Outcome(False, reason=str(error), final=True)
        except Unanswered as error:
            return Outcome(False, reason=str(error))
        except Exception as error:
            log.exception("call %s: the engine itself failed", request)
            return Outcome(False, reason=f"the engine itself failed: {type(error).__name__}")
        if reply.ok:
            return Outcome(True, reply.status)
        final = reply.status < 500 and reply.status not in TRY_AGAIN
        wait = retry_after(reply.headers.get("retry-after"), self.now())
        return Outcome(False, reply.status, told(reply), final, wait)

    def _record(self, tx: Transaction, call: Call, outcome: Outcome) -> None:
        now = self.now()
        if outcome.ok and outcome.status is not None:
            outbox.done(tx, call.id, status=outcome.status, now=timestamp(now))
            return
        tries = call.tries + 1
        again = not outcome.final and tries < call.retry["tries"]
        # After `outbox retry` the give-up nodes have run already, and once is what they are for.
        block = not again and call.kept is not None and call.gave_up_at is None
        wait = 0
        if again:
            wait = delay(
                tries,
                call.retry["first_delay"],
                call.retry["longest_delay"],
                self.chance(),
                outcome.wait,
            )
        mine = outbox.failed(
            tx,
            call,
            state="waiting" if again else "giving_up" if block else "dead",
            status=outcome.status,
            reason=outcome.reason,
            next_try_at=timestamp(now + wait) if again or block else None,
            now=timestamp(now),
        )
        if mine and not again:
            log.error("call %d is given up after %d tries: %s", call.id, tries, outcome.reason)

    def _give_up(self, tx: Transaction, call: Call) -> None:
        """The give-up nodes and the note that they ran, in one transaction: they have their effect
        once."""
        now = timestamp(self.now())
        tx.now = now
        if not outbox.gave_up(tx, call.id, now=now):
            return
        problem = run_block(tx, self.project(), call, now)
        if problem is None:
            return
        wait = delay(call.block_tries + 1, 5, 3600, self.chance())
        again = call.block_tries + 1 < MOST_BLOCK_TRIES
        log.error("the give-up nodes of call %d failed: %s", call.id, problem)
        outbox.block_failed(
            tx,
            call.id,
            reason=problem,
            next_try_at=timestamp(self.now() + wait) if again else None,
            now=now,
        )


class Deliverer:
    """The thread that looks for due calls, and a thread for each call under way."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._free = threading.Semaphore(AT_ONCE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="actionflow-outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Take no more calls, and wait this long for those under way; the lease of what still is
        ends, and it is made again under the same key."""
        self._stopping.set()
        self._thread.join()
        until = time.monotonic() + patience
        ended = 0
        while ended < AT_ONCE and self._free.acquire(timeout=max(until - time.monotonic(), 0.001)):
            ended += 1
        if ended:
            self._free.release(ended)

    def _work(self) -> None:
        while not self._stopping.is_set():
            if not self._look():
                self._stopping.wait(LOOK_EVERY)

    def _look(self) -> bool:
        """Start due calls; True when there may be more."""
        free = 0
        while free < AT_ONCE and self._free.acquire(blocking=False):
            free += 1
        calls: list[Call] = []
        try:
            calls = self.outbox.lease(free) if free else []
        except Exception as error:
            log.error("calls that are due could not be taken: %s", error)
        for call in calls:
            threading.Thread(target=self._deliver, args=(call,), daemon=True).start()
        if free > len(calls):
            self._free.release(free - len(calls))
        return bool(calls) and len(calls) == free

    def _deliver(self, call: Call) -> None:
        try:
            self.outbox.deliver(call)
        except Exception as error:
            log.error("call %d: its outcome could not be kept: %s", call.id, error)
        finally:
            self._free.release()


def told(reply: Reply) -> str:
    """A refusal in words: the status, and the beginning of what the server said."""
    if 300 <= reply.status < 400:
        where = reply.headers.get("location", "another address")[:EXCERPT]
        return (
            f"{reply.status}: the server sends the call on to {where}; redirects are not followed."
        )
    said = " ".join((reply.text or "").split())
    cut = f"{said[:EXCERPT]}…" if len(said) > EXCERPT else said
    return f"{reply.status}: {cut}" if cut else f"{reply.status}, without a word."
