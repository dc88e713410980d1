"""User actions (pay, refund, recurring): a flow run in stretches between calls to Stripe (or by `http`).

Every stretch is one transaction: its rows, the journal and the call that comes next are committed
together before the call is made. Whatever is lost after that (the answer, the process), the same
call under the same idempotency key gives the same object, and the journal goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from engine.answer import Answer, refusal
from engine.clock import timestamp
from engine.errors import ActionflowError
from engine.forgotten import KEYS_LAST, made_before
from engine.inputs import input_problems, orders_of
from engine.logs import about
from engine.model import HttpRules, Row, Value
from engine.net import Request
from engine.net.inline import ask
from engine.project import Project
from engine.run import CompiledFlow
from engine.store import actions, runs
from engine.store.base import CommitUnknown, StoreBusy, Transaction
from engine.stretch import LEASE, Stretch, run_of
from engine.stripe.client import Stripe, StripeUnreachable

log = logging.getLogger("actionflow.actions")

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to keep what a call gave, while the database is away."""


class Interrupted(ActionflowError):
    """The database went away in the middle of this. What was begun is taken up again by itself, and not
    twice: ask again with the same Idempotency-Key; without one, see what has become of it before you
    ask anew."""


class NoSuchOrder(ActionflowError):
    """The input names an order that is not there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may run: who asks, for what, with what."""

    action: str
    caller_id: str
    caller_role: str
    given: Row
    client_key: str | None = None
    """The request's Idempotency-Key header: a retry with it gets the first answer."""


def no_flow(action: str) -> Answer:
    """The answer to an action that no flow of the project is for."""
    return refusal(404, "no_such_action", f"This project has no flow for '{action}'.")


def unfit_input(compiled: CompiledFlow, given: Row) -> Answer | None:
    """The answer to an input that is not as the flow declares, None to one that is. Looks at no row.

    Optional inputs that are left out become null in `given`.
    """
    problems = input_problems(compiled, given)
    if not problems:
        return None
    return refusal(422, "invalid_input", " ".join(problems), {"errors": problems})


@dataclass(slots=True)
class Actions:
    """Runs the actions of a project. `transact` runs work in a durable transaction and waits for it."""

    project: Callable[[], Project]
    transact: Callable[[Callable[[Transaction], Any]], Any]
    stripe: Stripe
    publishable_key: str | None = None
    now: Callable[[], float] = field(default=time.time)
    ask: Callable[[Request, HttpRules], dict[str, Value]] = ask
    """Makes the calls of inline `http` nodes."""
    pause: Callable[[float], None] = time.sleep

    def act(self, asked: Asked) -> Answer:
        """Run an action, or go on with the one an earlier request began. Blocks while Stripe answers.

        Raises StoreBusy when the database cannot take it: then nothing was done, and nothing will be.
        """
        compiled = self.project().action(asked.action)
        if compiled is None:
            return no_flow(asked.action)
        if unfit := unfit_input(compiled, asked.given):
            return unfit
        try:
            record, mine = self.transact(lambda tx: self._begin(tx, asked, compiled))
        except NoSuchOrder as error:
            return refusal(404, "no_such_order", str(error))
        except CommitUnknown as error:
            # Its record may be there, but has no effect: nobody goes on before its first stretch.
            raise StoreBusy("The database went away; nothing was done. Ask again.") from error
        if record.input != asked.given:
            return refusal(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another input. Use a new key for a new request.",
            )
        if record.answer is not None:
            run = run_of(record.id)
            return Answer(record.answer["status"], record.answer["body"], replayed=True, run=run)
        if not mine:
            return refusal(
                409,
                "action_in_progress",
                "The same request is being worked on. Ask again in a moment with the same key.",
            )
        return self.go_on(record.id)

    def go_on(self, id: int) -> Answer:
        """Take a leased action to its end, asking Stripe between stretches.

        Raises StoreBusy when the database does not take the first of them: then nothing was done.
        """
        with about(run=run_of(id)):
            return replace(self._go_on(id), run=run_of(id))

    def _go_on(self, id: int) -> Answer:
        stretch = Stretch(id, self.project(), self.publishable_key, self.now)
        while True:
            try:
                step = self._made(stretch)
            except Interrupted as error:
                log.error("action %d is interrupted", id)
                return refusal(503, "action_interrupted", str(error))
            if isinstance(step, Answer):
                return step
            if step["kind"] == "http":
                reply: Value = self.ask(Request.of(step), self.project().file.http)
            else:
                try:
                    reply = self._perform(step)
                except StripeUnreachable as error:
                    log.warning("action %d: %s", id, error)
                    # Free at once: whoever asks next, or the recovery, repeats the call under its key.
                    self.transact(partial(self._let_go, id=id))
                    return refusal(
                        503, "stripe_unreachable", f"{error} Nothing is done twice: ask again."
                    )
            stretch = replace(stretch, project=self.project(), asked=step["step"], reply=reply)

    def _perform(self, step: dict[str, Value]) -> Value:
        """Stripe's answer to a call. Raises StripeUnreachable."""
        begun = step.get("begun")
        if begun is not None and begun < self._text(-KEYS_LAST):
            done = made_before(self.stripe, step)
            if done is not None:
                return done
        return self.stripe.perform(
            step["operation"],
            step["params"],
            id=step["id"],
            idempotency_key=step["idempotency_key"],
        )

    def recover(self, most: int = 20) -> int:
        """Go on with actions whose process was killed or whose answer was lost; how many there were."""
        found: list[int] = self.transact(lambda tx: actions.stuck(tx, now=self._text(), limit=most))
        taken = 0
        for id in found:
            if self.transact(partial(self._lease, id=id)):
                taken += 1
                answer = self.go_on(id)
                with about(run=answer.run):
                    log.info("action %d was taken up again: %d", id, answer.status)
        return taken

    def _begin(
        self, tx: Transaction, asked: Asked, compiled: CompiledFlow
    ) -> tuple[actions.Record, bool]:
        now = self._text()
        flow = compiled.flow
        runs.record_flow(tx, digest=flow.digest, name=flow.name, source=flow.source, now=now)
        key = asked.client_key
        record, new = actions.begin(
            tx,
            action=asked.action,
            caller_id=asked.caller_id,
            caller_role=asked.caller_role,
            dedupe=None if key is None else f"{asked.caller_id}\n{asked.action}\n{key}",
            input=asked.given,
            flow_digest=flow.digest,
            lease_until=self._text(LEASE),
            now=now,
        )
        for id in orders_of(compiled, asked.given) if new else ():
            if tx.get(compiled.project.order_table, id) is None:
                raise NoSuchOrder(f"There is no order {id!r}.")
        return record, new or (record.answer is None and self._lease(tx, record.id))

    def _made(self, stretch: Stretch) -> Answer | dict[str, Value]:
        """What a stretch gives. Raises StoreBusy when nothing was done, Interrupted else.

        Tried again where something is at stake: a call was made, or it may have been committed.
        Running it again then finds out, for what is done is in the record.
        """
        at_stake = bool(stretch.asked)
        waits = iter(WAITS)
        while True:
            try:
                return self.transact(stretch)  # type: ignore[no-any-return]
            except StoreBusy as error:
                at_stake = at_stake or isinstance(error, CommitUnknown)
                if not at_stake:
                    raise
                log.warning("action %d: %s", stretch.id, error)
                wait = next(waits, None)
                if wait is None:
                    raise Interrupted from error
                self.pause(wait)

    def _lease(self, tx: Transaction, id: int) -> bool:
        return actions.lease(tx, id, until=self._text(LEASE), now=self._text())

    def _let_go(self, tx: Transaction, id: int) -> None:
        actions.let_go(tx, id, now=self._text())

    def _text(self, ahead: int = 0) -> str:
        return timestamp(self.now() + ahead)
