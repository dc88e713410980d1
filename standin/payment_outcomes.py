"""How an attempt to pay ends: the intent, its charge and its events, and who else is told."""

from collections.abc import Callable
from typing import Any

from standin import charges, payment_methods
from standin.cards import TestMethod
from standin.errors import Object, StripeError
from standin.events import emit
from standin.state import State

# Called after every change of an intent's status; invoices, checkout and disputes add themselves.
LISTENERS: list[Callable[[State, Object], None]] = []


def notify(state: State, intent: Object) -> None:
    """Tells everybody who follows the intent."""
    for listener in LISTENERS:
        listener(state, intent)


def succeed(state: State, intent: Object, charge: Object, event: str) -> None:
    """The money is there; `event` is what happened to the charge."""
    intent |= {
        "status": "succeeded",
        "amount_received": charge["amount_captured"],
        "amount_capturable": 0,
        "next_action": None,
    }
    emit(state, event, charge)
    emit(state, "payment_intent.succeeded", intent)
    notify(state, intent)
    charges.settle_balance(state, charge)


def fail(
    state: State,
    intent: Object,
    item: Object,
    method: TestMethod,
    why: tuple[str, str],
    *,
    authenticated: bool = False,
) -> None:
    """The bank refuses, for a code and a decline code; a failed charge is kept."""
    code, decline = why
    charge = charges.create(state, intent, item, method, authenticated=authenticated)
    message = payment_methods.decline_message(decline)
    charge |= {
        "status": "failed",
        "failure_code": code,
        "failure_message": message,
        "outcome": charges.outcome("issuer_declined", decline),
    }
    intent["latest_charge"] = charge["id"]
    emit(state, "charge.failed", charge)
    param = {"incorrect_cvc": "cvc", "expired_card": "exp_month"}.get(code)
    error = StripeError(
        message,
        status=402,
        type="card_error",
        code=code,
        decline_code=decline if code in ("card_declined", "authentication_required") else None,
        param=param,
        charge=charge["id"],
    )
    refuse(state, intent, item, error)


def refuse(state: State, intent: Object, item: Object, error: StripeError) -> None:
    """The attempt is over and another payment method is wanted."""
    shown: dict[str, Any] = dict(error.payload()["error"])
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": shown | {"payment_method": dict(item)},
        "payment_method": None,
        "next_action": None,
    }
    emit(state, "payment_intent.payment_failed", intent)
    notify(state, intent)


def last_error(intent: Object) -> StripeError | None:
    """The error an API call answers with after a refused attempt."""
    problem = intent["last_payment_error"]
    if not problem:
        return None
    body = {
        name: value for name, value in problem.items() if name not in ("message", "type", "doc_url")
    }
    return StripeError(
        problem["message"], status=402, type=problem["type"], payment_intent=dict(intent), **body
    )
