"""Setup intents: a payment method is saved for later, without taking money."""

from collections.abc import Callable
from typing import Any

from standin import payment_methods, payments
from standin.api import Call, operation
from standin.client_secret import own_intent
from standin.errors import Object, StripeError, wrong_state
from standin.events import emit
from standin.listing import page
from standin.metadata import merge
from standin.state import State

_PATH = "/v1/setup_intents/{intent}"
# Called when an intent succeeded; checkout adds itself.
SUCCEEDED: list[Callable[[State, Object], None]] = []
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(state: State, **fields: Any) -> Object:
    """A new setup intent, and its event."""
    identifier = state.ids.new("seti")
    intent: Object = {
        "id": identifier,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{state.ids.text(25)}",
        "created": 0,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    } | fields
    intent["created"] = state.now(intent["customer"])
    state.add(intent)
    emit(state, "setup_intent.created", intent)
    return intent


def confirm(state: State, intent: Object, item: Object, return_url: str | None = None) -> None:
    """Tries to save the payment method."""
    method = payment_methods.behaviour(state, item)
    intent |= {"payment_method": item["id"], "last_setup_error": None}
    if method.authentication != "none":
        intent["status"] = "requires_action"
        intent["next_action"] = payments.next_action(state, intent, return_url)
        emit(state, "setup_intent.requires_action", intent)
        return
    if method.decline and not method.attaches:
        _refuse(state, intent, item, payment_methods.declined(method, item))
        return
    _succeed(state, intent, item)


def authenticate(state: State, intent: Object, *, succeed: bool) -> None:
    """The buyer passes, or fails, the authentication."""
    if intent["status"] != "requires_action":
        raise wrong_state("setup_intent", "The setup intent does not wait for authentication.")
    item = state.get("payment_method", intent["payment_method"])
    if succeed:
        _succeed(state, intent, item)
        return
    error = StripeError(
        "We are unable to authenticate your payment method. Please choose a different payment "
        "method and try again.",
        status=402,
        code="setup_intent_authentication_failure",
    )
    _refuse(state, intent, item, error)


def _succeed(state: State, intent: Object, item: Object) -> None:
    state.hidden(item["id"])["set_up"] = True
    if intent["customer"]:
        payment_methods.attach(state, item, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None}
    emit(state, "setup_intent.succeeded", intent)
    for listener in SUCCEEDED:
        listener(state, intent)


def _refuse(state: State, intent: Object, item: Object, error: StripeError) -> None:
    intent |= {
        "status": "requires_payment_method",
        "last_setup_error": error.payload()["error"] | {"payment_method": dict(item)},
        "payment_method": None,
        "next_action": None,
    }
    emit(state, "setup_intent.setup_failed", intent)


def _fields(call: Call) -> dict[str, Any]:
    params = call.params
    fields: dict[str, Any] = {}
    if call.text("customer"):
        fields["customer"] = call.state.get("customer", params["customer"], "customer", status=400)[
            "id"
        ]
    for name in ("description", "usage", "payment_method_types"):
        if name in params:
            fields[name] = params[name] or None
    if call.text("payment_method"):
        item = payment_methods.resolve(call.state, params["payment_method"])
        fields |= {"payment_method": item["id"], "status": "requires_confirmation"}
    return fields


def _confirm(call: Call, intent: Object) -> Object:
    if call.text("payment_method"):
        intent["payment_method"] = payment_methods.resolve(
            call.state, call.params["payment_method"]
        )["id"]
    if not intent["payment_method"]:
        raise wrong_state(
            "setup_intent",
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            setup_intent=dict(intent),
        )
    item = call.state.get("payment_method", intent["payment_method"])
    confirm(call.state, intent, item, call.text("return_url"))
    problem = intent["last_setup_error"]
    if problem:
        body = {n: v for n, v in problem.items() if n not in ("message", "type", "doc_url")}
        raise StripeError(
            problem["message"],
            status=402,
            type=problem["type"],
            setup_intent=dict(intent),
            **body,
        )
    return intent


@operation("POST", "/v1/setup_intents")
def _create(call: Call) -> Object:
    fields = _fields(call)
    automatic = call.get("automatic_payment_methods")
    if automatic and automatic["enabled"]:
        fields["automatic_payment_methods"] = {
            "allow_redirects": automatic.get("allow_redirects", "always"),
            "enabled": True,
        }
    fields["metadata"] = merge({}, call.get("metadata"))
    call.params.pop("payment_method", None)
    intent = create(call.state, **fields)
    return _confirm(call, intent) if call.get("confirm") else intent


@operation("GET", "/v1/setup_intents")
def _list(call: Call) -> Object:
    wanted = {n: call.params[n] for n in ("customer", "payment_method") if n in call.params}
    return page(call.state.where("setup_intent", **wanted), call.params, call.url)


@operation("GET", _PATH, publishable=True)
def _retrieve(call: Call) -> Object:
    return own_intent(call, "setup_intent")


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    intent = call.state.get("setup_intent", call.path["intent"], "intent")
    if intent["status"] not in _OPEN:
        raise wrong_state("setup_intent", f"This SetupIntent has a status of {intent['status']}.")
    merged = merge(intent["metadata"], call.get("metadata"))
    intent |= _fields(call) | {"metadata": merged}
    return intent


@operation("POST", _PATH + "/confirm", publishable=True)
def _confirm_call(call: Call) -> Object:
    intent = _retrieve(call)
    if intent["status"] not in _OPEN:
        raise wrong_state(
            "setup_intent",
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}.",
            setup_intent=dict(intent),
        )
    return _confirm(call, intent)


@operation("POST", _PATH + "/cancel")
def _cancel(call: Call) -> Object:
    intent = call.state.get("setup_intent", call.path["intent"], "intent")
    if intent["status"] not in _OPEN:
        raise wrong_state(
            "setup_intent",
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.",
            setup_intent=dict(intent),
        )
    intent |= {
        "status": "canceled",
        "cancellation_reason": call.text("cancellation_reason"),
        "next_action": None,
    }
    emit(call.state, "setup_intent.canceled", intent)
    return intent
