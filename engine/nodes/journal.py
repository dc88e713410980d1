"""The journal of an action: what it has already done, so that it can go on after a Stripe call or a crash.

An action flow cannot hold a transaction open while Stripe, or another server, answers. So it runs in
stretches: up to a call, commit with the journal, call, then run again from the top, where every
finished node gives its journaled output instead of running twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.errors import ActionflowError
from engine.model import Value
from engine.net import Request


class Call(Protocol):
    """A call an action waits for, as data; `str` says in words what it waits for."""

    def as_json(self) -> dict[str, Value]:
        """The call as plain data; its `kind` is `stripe` or `http`."""


@dataclass(frozen=True, slots=True)
class StripeCall:
    """One call to Stripe as data. `operation` is like `refunds.create`; `idempotency_key` goes with
    every call that makes something, and names the operation it stands for."""

    operation: str
    params: Mapping[str, Value]
    id: str | None = None
    """The object's id, for operations on one (`payment_intents.retrieve`)."""
    idempotency_key: str | None = None

    @classmethod
    def of(cls, data: Mapping[str, Value]) -> StripeCall:
        """The call again from its plain data."""
        return cls(data["operation"], data["params"], data["id"], data["idempotency_key"])

    def __str__(self) -> str:
        return f"Stripe's answer to {self.operation}"

    def as_json(self) -> dict[str, Value]:
        """The call as plain data, for the journal and the dry run."""
        return {
            "kind": "stripe",
            "operation": self.operation,
            "params": dict(self.params),
            "id": self.id,
            "idempotency_key": self.idempotency_key,
        }


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One call of an inline `http` node."""

    request: Request

    def __str__(self) -> str:
        return f"the answer to {self.request}"

    def as_json(self) -> dict[str, Value]:
        """The call as plain data; secrets are in it by the names of their variables only."""
        return {"kind": "http", **self.request.as_json()}


class CallNeeded(ActionflowError):
    """The action goes on when this call has been answered."""

    def __init__(self, step: str, call: Call) -> None:
        super().__init__(f"waiting for {call}")
        self.step = step
        self.call = call


class ActionRefused(ActionflowError):
    """The action is not done, for a reason its caller can understand.

    `code` is stable; `status` is the HTTP status. With `keep` what the flow wrote stays (a refund
    row that says why Stripe refused it), else it is undone.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int = 409,
        keep: bool = False,
        details: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.keep = keep
        self.details = dict(details or {})


@dataclass(slots=True)
class Journal:
    """What an action has done so far; plain data, kept with its record in the database."""

    action_id: int
    now: str
    outputs: dict[str, Value] = field(default_factory=dict)
    """Outputs of finished nodes, by id."""
    steps: dict[str, Value] = field(default_factory=dict)
    """What unfinished nodes have done, by `node.step`; a call's step holds its answer."""

    def once(self, step: str, work: Callable[[], Value]) -> Value:
        """The result of `work`, done only the first time this step is reached."""
        if step not in self.steps:
            self.steps[step] = work()
        return self.steps[step]

    def call(self, step: str, call: Call) -> Value:
        """The answer; Stripe's is `{"ok": object}` or `{"error": {...}}`, that of an http node what
        `engine.net.inline.ask` gives. Raises CallNeeded until it is there."""
        if step not in self.steps:
            raise CallNeeded(step, call)
        return self.steps[step]

    def as_json(self) -> dict[str, Value]:
        """The journal as plain data."""
        return {"now": self.now, "outputs": self.outputs, "steps": self.steps}
