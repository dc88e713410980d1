"""What the caller of a user action gets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import ActionflowError, RunError
from engine.model import Value
from engine.nodes.journal import ActionRefused
from engine.nodes.plain import FlowFailed

log = logging.getLogger("actionflow.actions")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status, and the flow's `returns` or a problem with its code."""

    status: int
    body: dict[str, Value]
    replayed: bool = False
    run: str | None = None
    """Names the action in logs, `action 7`; None for a request that began none."""

    def as_json(self) -> dict[str, Value]:
        """As kept with the action, for a retry."""
        return {"status": self.status, "body": self.body}


def refusal(
    status: int, code: str, detail: str, details: Mapping[str, Value] | None = None
) -> Answer:
    """An answer that says no, as problem+json has it."""
    body = {"type": "about:blank", "code": code, "status": status, "detail": detail}
    return Answer(status, {**body, **(details or {})})


def refused_by(error: ActionflowError, flow: str) -> Answer:
    """The answer to what an action's flow raised."""
    if isinstance(error, ActionRefused):
        return refusal(error.status, error.code, str(error), error.details)
    if isinstance(error, FlowFailed):
        return refusal(422, "refused", error.args[0])
    if isinstance(error, RunError):
        log.warning("action flow %s failed: %s", flow, error)
        detail = "The action's flow failed; its trace says where. Nothing was changed."
        return refusal(500, "flow_failed", detail)
    return refusal(422, "refused", str(error))
