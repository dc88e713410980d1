"""What the locked nodes of actions share: their fixed inputs, Stripe's answers as news, refusals."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from engine.catalogue import catalogue
from engine.errors import RunError
from engine.expressions import compile_value
from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame
from engine.nodes.journal import ActionRefused, Journal, StripeCall
from engine.store import actions
from engine.stripe.event import Event, second_of
from engine.stripe.facts import Facts, register, value


def fixed_inputs(node: Node, compiler: Compiler) -> Callable[[Mapping[str, Value]], Row]:
    """The expressions a locked node reads, as schemas/nodes/<type>.yaml fixes them."""
    place = compiler.place(node)
    return compile_value(dict(catalogue()[node.type].inputs), lambda path: place)


def journal_of(frame: Frame) -> Journal:
    """The action's journal. Raises RunError in a run that is no action."""
    if frame.journal is None:
        raise RunError("This node asks Stripe, which only the flow of a user action can.")
    return frame.journal


def begun_by(frame: Frame) -> Facts:
    """The fact of a new row which action makes its Stripe object: `beginning` asks for it."""
    return {"action": register([0], journal_of(frame).action_id)}


def beginning(frame: Frame, row: Row) -> actions.Record | None:
    """The action that makes, or has made, this row's Stripe object; None where none did."""
    return actions.show(frame.tx, value(row["facts"] or {}, "action") or 0)


def new_key(project: str, operation: str, row: int) -> str:
    """An idempotency key that names the operation and its row; the end makes a restored database's
    row 7 another than the one Stripe remembers."""
    return f"actionflow-{project}-{operation}-{row}-{secrets.token_hex(8)}"


def snapshot(thing: Mapping[str, Any], at: str | None = None) -> Event:
    """An object as the API answered it, to be read by its own status like any fetched object.

    `at` is when it was asked (timestamp text); without it the object was made by this call.
    """
    made = thing.get("created")
    second = second_of(at) if at else made if isinstance(made, int) else 0
    return Event("", "api", second, None, bool(thing.get("livemode")), None, thing, {}, thin=True)


def asked(frame: Frame, step: str, call: StripeCall) -> dict[str, Any]:
    """Stripe's answer to a call: the object. Raises CallNeeded, then StripeSaidNo."""
    answer = journal_of(frame).call(step, call)
    if "error" in answer:
        raise StripeSaidNo(answer["error"])
    found: dict[str, Any] = answer["ok"]
    return found


class StripeSaidNo(ActionRefused):
    """Stripe refused the call; its own error comes through."""

    def __init__(self, error: Mapping[str, Value]) -> None:
        status = int(error.get("status") or 502)
        # Stripe not knowing our key is our fault, and no caller could mend it.
        ours = status in (401, 403)
        super().__init__(
            f"Stripe refused: {error.get('message')}",
            code="stripe_misconfigured" if ours else "stripe_error",
            status=502 if ours else status,
            keep=True,
            details={} if ours else {"stripe": dict(error)},
        )
        self.error = error
