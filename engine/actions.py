"""User actions (pay, refund, recurring): a flow run in stretches between calls to Stripe (or by `http`).

Every stretch is one transaction: its rows, the journal and the call that comes next are committed
together before the call is made. Whatever is lost after that (the answer, the process), the same
call under the same idempotency key gives the same object, and the journal goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from engine.catalogue import Output, output
from engine.clock import timestamp
from engine.errors import ActionflowError, RunError
from engine.flowfile import flow_from_text
from engine.model import HttpRules, Row, Value
from engine.net import Request
from engine.net.inline import ask
from engine.nodes.base import Frame
from engine.nodes.journal import ActionRefused, CallNeeded, Journal
from engine.nodes.outputs import misfit
from engine.nodes.plain import FlowFailed
from engine.project import Project
from engine.run import CompiledFlow, FlowCompiler
from engine.store import actions, inbox, runs
from engine.store.base import StoreBusy, Transaction
from engine.stripe.client import Stripe, StripeUnreachable

log = logging.getLogger("actionflow.actions")

LEASE = 90
"""Seconds a process may take over one stretch and its call before another may take over."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets: an HTTP status, and the flow's `returns` or a problem with its code."""

    status: int
    body: dict[str, Value]
    replayed: bool = False

    def as_json(self) -> dict[str, Value]:
        """As kept with the action, for a retry."""
        return {"status": self.status, "body": self.body}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may run: who asks, for what, with what."""

    action: str
    caller_id: str
    caller_role: str
    given: Row
    client_key: str | None = None
    """The request's Idempotency-Key header: a retry with it gets the first answer."""


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

    def act(self, asked: Asked) -> Answer:
        """Run an action, or go on with the one an earlier request began. Blocks while Stripe answers.

        Raises StoreBusy when the database cannot take it: then nothing was done.
        """
        compiled = self.project().action(asked.action)
        if compiled is None:
            return refusal(404, "no_such_action", f"This project has no flow for '{asked.action}'.")
        problems = input_problems(compiled, asked.given)
        if problems:
            return refusal(422, "invalid_input", " ".join(problems), {"errors": problems})
        record, mine = self.transact(lambda tx: self._begin(tx, asked, compiled))
        if record.input != asked.given:
            return refusal(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another input. Use a new key for a new request.",
            )
        if record.answer is not None:
            return Answer(record.answer["status"], record.answer["body"], replayed=True)
        if not mine:
            return refusal(
                409,
                "action_in_progress",
                "The same request is being worked on. Ask again in a moment with the same key.",
            )
        return self.go_on(record.id)

    def go_on(self, id: int) -> Answer:
        """Take a leased action to its end, asking Stripe between stretches."""
        reply: Value = None
        while True:
            step = self.transact(partial(self._stretch, id=id, reply=reply))
            if isinstance(step, Answer):
                return step
            if step["kind"] == "http":
                reply = self.ask(Request.of(step), self.project().file.http)
                continue
            try:
                reply = self.stripe.perform(
                    step["operation"],
                    step["params"],
                    id=step["id"],
                    idempotency_key=step["idempotency_key"],
                )
            except StripeUnreachable as error:
                log.warning("action %d: %s", id, error)
                # Free at once: whoever asks next, or the recovery, repeats the call under its key.
                self.transact(partial(self._let_go, id=id))
                return refusal(
                    503, "stripe_unreachable", f"{error} Nothing is done twice: ask again."
                )

    def recover(self, most: int = 20) -> int:
        """Go on with actions whose process was killed or whose answer was lost; how many there were."""
        found: list[int] = self.transact(lambda tx: actions.stuck(tx, now=self._text(), limit=most))
        taken = 0
        for id in found:
            if self.transact(partial(self._lease, id=id)):
                taken += 1
                answer = self.go_on(id)
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
        return record, new or (record.answer is None and self._lease(tx, record.id))

    def _stretch(self, tx: Transaction, id: int, reply: Value) -> Answer | dict[str, Value]:
        """Run up to the next call or to the end; what comes next is committed with what was done."""
        record = actions.show(tx, id)
        assert record is not None
        if record.answer is not None:
            return Answer(record.answer["status"], record.answer["body"], replayed=True)
        kept = record.journal or {"now": record.created_at, "outputs": {}, "steps": {}}
        journal = Journal(id, kept["now"], kept["outputs"], kept["steps"])
        if record.call is not None:
            if reply is None:
                # Taken up after a crash: the same call under the same key, before anything else.
                return dict(record.call)
            journal.steps[record.call["step"]] = reply
        compiled = self._version(tx, record)
        tx.now = journal.now
        frame = compiled.frame(
            tx,
            event=None,
            now=journal.now,
            caller={"id": record.caller_id, "role": record.caller_role},
            inputs=record.input,
            trace=[],
            origin=f"action {id}",
        )
        frame.journal = journal
        frame.values["run"]["publishable_key"] = self.publishable_key
        started = time.perf_counter()
        needed, answer = self._run(tx, compiled, frame)
        if frame.subjects:
            inbox.wake(tx, frame.subjects, now=self._text())
        runs.record_run(
            tx,
            event_id=None,
            flow=compiled.flow.name,
            flow_digest=compiled.flow.digest,
            outcome="done" if answer is None or answer.status < 400 else "failed",
            started_at=journal.now,
            duration_us=round((time.perf_counter() - started) * 1_000_000),
            trace=frame.trace,
            error=answer.body["detail"] if answer and answer.status >= 400 else None,
        )
        call: dict[str, Value] | None = None
        if needed is not None:
            call = {"step": needed.step, **needed.call.as_json()}
        actions.save(
            tx,
            id,
            state="done" if answer else "calling",
            # A refused stretch may be half in the journal; its answer is all a retry needs.
            journal=journal.as_json() if needed else kept,
            call=call,
            answer=answer.as_json() if answer else None,
            lease_until=None if answer else self._text(LEASE),
            now=self._text(),
        )
        if answer is not None:
            return answer
        assert call is not None
        return call

    def _run(
        self, tx: Transaction, compiled: CompiledFlow, frame: Frame
    ) -> tuple[CallNeeded | None, Answer | None]:
        try:
            with tx.savepoint():
                try:
                    compiled.run(frame)
                    return None, Answer(200, dict(compiled.returns(frame.values)))
                except CallNeeded as needed:
                    return needed, None
                except ActionRefused as refused:
                    if not refused.keep:
                        raise
                    return None, _answer(refused)
        except StoreBusy:
            raise
        except ActionRefused as refused:
            return None, _answer(refused)
        except FlowFailed as failed:
            return None, refusal(422, "refused", failed.args[0])
        except RunError as error:
            log.warning("action flow %s failed: %s", compiled.flow.name, error)
            detail = "The action's flow failed; its trace says where. Nothing was changed."
            return None, refusal(500, "flow_failed", detail)
        except ActionflowError as error:
            return None, refusal(422, "refused", str(error))

    def _version(self, tx: Transaction, record: actions.Record) -> CompiledFlow:
        """The flow as it was when the action began."""
        project = self.project()
        current = project.action(record.action)
        if current is not None and current.flow.digest == record.flow_digest:
            return current
        source = runs.source(tx, record.flow_digest)
        name = f"{current.flow.name if current else record.action}.yaml"
        flow = flow_from_text(source or "", name)
        flows = {other.flow.name: other.flow for other in project.flows.values()}
        return FlowCompiler(flow, project.file, flows).compile()

    def _lease(self, tx: Transaction, id: int) -> bool:
        return actions.lease(tx, id, until=self._text(LEASE), now=self._text())

    def _let_go(self, tx: Transaction, id: int) -> None:
        record = actions.show(tx, id)
        if record is not None and record.answer is None:
            actions.save(
                tx,
                id,
                state=record.state,
                journal=record.journal,
                call=record.call,
                now=self._text(),
            )

    def _text(self, ahead: int = 0) -> str:
        return timestamp(self.now() + ahead)


def refusal(
    status: int, code: str, detail: str, details: Mapping[str, Value] | None = None
) -> Answer:
    """An answer that says no, as problem+json has it."""
    body = {"type": "about:blank", "code": code, "status": status, "detail": detail}
    return Answer(status, {**body, **(details or {})})


def _answer(refused: ActionRefused) -> Answer:
    return refusal(refused.status, refused.code, str(refused), refused.details)


def inputs_of(compiled: CompiledFlow) -> dict[str, Output]:
    """What an action flow declares that it takes; a `key` has the type of the order table's key."""
    order = compiled.project.order
    key = order.columns[order.key].type
    declared = {name: output(name, written) for name, written in compiled.flow.inputs.items()}
    return {
        name: replace(one, type=key) if one.type == "key" else one for name, one in declared.items()
    }


def input_problems(compiled: CompiledFlow, given: Value) -> list[str]:
    """Everything wrong with an input, in words. Optional ones that are left out become null."""
    declared = inputs_of(compiled)
    if not isinstance(given, dict):
        return [f"The body is not a JSON object; expected one with {', '.join(declared)}."]
    problems = [
        f"'{name}' is not an input; expected {', '.join(declared)}."
        for name in given
        if name not in declared
    ]
    for name, wanted in declared.items():
        if name not in given and wanted.nullable:
            given[name] = None
        elif name not in given:
            problems.append(f"'{name}' is missing; expected {wanted.type}.")
        elif wrong := misfit(wanted, given[name]):
            problems.append(f"'{name}' {wrong}")
    return problems
