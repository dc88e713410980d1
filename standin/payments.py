"""What a payment intent goes through: authentication, charge, capture, settlement, cancellation."""

import functools

from standin import charges, payment_methods
from standin import payment_outcomes as outcomes
from standin.cards import TestMethod
from standin.errors import Object, StripeError, wrong_state
from standin.events import emit
from standin.state import State

CANCELABLE = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
)


def confirm(
    state: State,
    intent: Object,
    item: Object,
    *,
    off_session: bool = False,
    return_url: str | None = None,
) -> None:
    """Tries to take the money. The intent tells what came of it; nothing is raised."""
    method = payment_methods.behaviour(state, item)
    intent["payment_method"] = item["id"]
    intent["last_payment_error"] = None
    ready = (
        state.hidden(item["id"]).get("set_up", False) and method.authentication == "unless_set_up"
    )
    if method.authentication == "none" or ready:
        _charge(state, intent, item, method, authenticated=False)
        return
    if off_session:
        outcomes.fail(
            state, intent, item, method, ("authentication_required", "authentication_required")
        )
        return
    intent["status"] = "requires_action"
    intent["next_action"] = next_action(state, intent, return_url)
    emit(state, "payment_intent.requires_action", intent)
    outcomes.notify(state, intent)


def next_action(state: State, intent: Object, return_url: str | None) -> Object:
    """Where the buyer proves who he is; without a way back it is for Stripe.js to ask."""
    url = f"{state.url}/_standin/authenticate/{intent['id']}"
    if return_url:
        return {
            "redirect_to_url": {"return_url": return_url, "url": url},
            "type": "redirect_to_url",
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
    }


def authenticate(state: State, intent: Object, *, succeed: bool) -> None:
    """The buyer passes, or fails, the authentication that the intent waits for."""
    if intent["status"] != "requires_action":
        raise wrong_state("payment_intent", "The payment intent does not wait for authentication.")
    item = state.get("payment_method", intent["payment_method"])
    method = payment_methods.behaviour(state, item)
    intent["next_action"] = None
    if succeed:
        _charge(state, intent, item, method, authenticated=True)
        return
    outcomes.refuse(
        state,
        intent,
        item,
        StripeError(
            "We are unable to authenticate your payment method. Please choose a different payment "
            "method and try again.",
            status=402,
            code="payment_intent_authentication_failure",
        ),
    )


def _charge(
    state: State, intent: Object, item: Object, method: TestMethod, *, authenticated: bool
) -> None:
    if method.decline:
        outcomes.fail(state, intent, item, method, method.decline, authenticated=authenticated)
        return
    charge = charges.create(state, intent, item, method, authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
    intent["next_action"] = None
    if intent["customer"] and intent["setup_future_usage"]:
        state.hidden(item["id"])["set_up"] = True
        payment_methods.attach(state, item, intent["customer"])
    if method.delayed:
        intent["status"] = "processing"
        emit(state, "payment_intent.processing", intent)
        emit(state, "charge.pending", charge)
        outcomes.notify(state, intent)
        clock = state.clock_of(intent["customer"])
        job = functools.partial(_settle_when_due, state, intent, charge["id"], method.settles)
        clock.at(clock.now() + method.delay, job)
        return
    charge |= {"status": "succeeded", "paid": True, "outcome": charges.outcome("authorized")}
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        emit(state, "charge.succeeded", charge)
        emit(state, "payment_intent.amount_capturable_updated", intent)
        outcomes.notify(state, intent)
        return
    charge |= {"captured": True, "amount_captured": charge["amount"]}
    outcomes.succeed(state, intent, charge, "charge.succeeded")


def settle(state: State, intent: Object, *, succeed: bool) -> None:
    """The bank answers about a delayed payment."""
    if intent["status"] != "processing":
        raise wrong_state("payment_intent", "The payment intent is not processing.")
    charge = state.get("charge", intent["latest_charge"])
    if succeed:
        charge |= {
            "status": "succeeded",
            "paid": True,
            "captured": True,
            "amount_captured": charge["amount"],
            "outcome": charges.outcome("authorized"),
        }
        outcomes.succeed(state, intent, charge, "charge.succeeded")
        return
    message = "The customer's bank account has insufficient funds."
    charge |= {
        "status": "failed",
        "failure_code": "insufficient_funds",
        "failure_message": message,
        "outcome": charges.outcome("issuer_declined", "insufficient_funds"),
    }
    emit(state, "charge.failed", charge)
    item = state.get("payment_method", intent["payment_method"])
    error = StripeError(
        message,
        status=402,
        code="payment_intent_payment_attempt_failed",
        charge=charge["id"],
    )
    outcomes.refuse(state, intent, item, error)


def _settle_when_due(state: State, intent: Object, charge: str, succeed: bool) -> None:
    if intent["status"] == "processing" and intent["latest_charge"] == charge:
        settle(state, intent, succeed=succeed)


def capture(state: State, intent: Object, amount: int | None) -> None:
    """Takes an authorized amount, or less of it; the rest is released."""
    if intent["status"] != "requires_capture":
        raise wrong_state(
            "payment_intent",
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
            payment_intent=dict(intent),
        )
    charge = state.get("charge", intent["latest_charge"])
    wanted = charge["amount"] if amount is None else amount
    if not 1 <= wanted <= charge["amount"]:
        raise StripeError(
            f"The amount to capture must be between 1 and {charge['amount']}.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge |= {"captured": True, "amount_captured": wanted}
    if wanted < charge["amount"]:
        # Stripe shows the released part as refunded, though no refund of money happened.
        charge["amount_refunded"] = charge["amount"] - wanted
    outcomes.succeed(state, intent, charge, "charge.captured")


def cancel(state: State, intent: Object, reason: str | None) -> None:
    """Ends the intent; an authorized amount is released."""
    if intent["status"] not in CANCELABLE:
        raise wrong_state(
            "payment_intent",
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(CANCELABLE)}.",
            payment_intent=dict(intent),
        )
    if intent["status"] == "requires_capture":
        charge = state.get("charge", intent["latest_charge"])
        charge |= {"refunded": True, "amount_refunded": charge["amount"]}
        emit(state, "charge.refunded", charge)
    intent |= {
        "status": "canceled",
        "canceled_at": state.now(intent["customer"]),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    emit(state, "payment_intent.canceled", intent)
    outcomes.notify(state, intent)
