"""Payment intents: the API around a payment."""

from typing import Any

from standin import intent_object, money, payment_methods, payment_outcomes, payments
from standin.addresses import shipping
from standin.api import Call, operation
from standin.client_secret import own_intent
from standin.errors import Object, StripeError, required, wrong_state
from standin.listing import page
from standin.metadata import merge

_PATH = "/v1/payment_intents/{intent}"
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def _fields(call: Call, code: str) -> dict[str, Any]:
    """The intent's fields that the parameters set."""
    call.refuse("transfer_data", "on_behalf_of", "hooks", "amount_details", "payment_details")
    params, state = call.params, call.state
    fields: dict[str, Any] = {}
    for name in (
        "description", "receipt_email", "setup_future_usage", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_group", "application_fee_amount",
    ):  # fmt: skip
        if name in params:
            fields[name] = params[name] or None
    for name in ("capture_method", "confirmation_method"):
        if name in params:
            fields[name] = params[name]
    if call.text("customer"):
        fields["customer"] = state.get("customer", params["customer"], "customer", status=400)["id"]
    if "shipping" in params:
        fields["shipping"] = shipping(params["shipping"])
    if "payment_method_types" in params:
        fields["payment_method_types"] = params["payment_method_types"]
        fields["automatic_payment_methods"] = None
    return fields


def _method(call: Call, intent: Object) -> Object | None:
    """The payment method that the parameters name, checked against the intent."""
    if call.text("payment_method"):
        item = payment_methods.resolve(call.state, call.params["payment_method"])
    elif call.get("payment_method_data"):
        data = call.params["payment_method_data"]
        item = payment_methods.from_data(call.state, data, "payment_method_data")
    else:
        return None
    if item["type"] not in intent["payment_method_types"]:
        raise StripeError(
            f"The PaymentMethod provided ({item['type']}) is not allowed for this PaymentIntent. "
            "Please attach a PaymentMethod of one of the following types: "
            f"{', '.join(intent['payment_method_types'])}.",
            param="payment_method",
        )
    if item["customer"] and item["customer"] != intent["customer"]:
        raise StripeError(
            "The provided PaymentMethod cannot be attached. To reuse a PaymentMethod, you must "
            "attach it to a Customer first.",
            param="payment_method",
        )
    return item


def _confirm(call: Call, intent: Object) -> Object:
    item = _method(call, intent)
    if item is None and intent["payment_method"]:
        item = call.state.get("payment_method", intent["payment_method"])
    if item is None:
        raise wrong_state(
            "payment_intent",
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            payment_intent=dict(intent),
        )
    off_session = call.get("off_session") not in (None, False)
    payments.confirm(
        call.state, intent, item, off_session=off_session, return_url=call.text("return_url")
    )
    error = payment_outcomes.last_error(intent)
    if error:
        raise error
    if intent["status"] == "requires_action" and call.get("error_on_requires_action"):
        payments.authenticate(call.state, intent, succeed=False)
        raise payment_outcomes.last_error(intent) or AssertionError("a refused intent has an error")
    return intent


@operation("POST", "/v1/payment_intents")
def _create(call: Call) -> Object:
    params = call.params
    code = money.currency(params["currency"])
    amount = money.chargeable(params["amount"], code)
    fields = _fields(call, code)
    automatic = params.get("automatic_payment_methods")
    if automatic and "payment_method_types" in params:
        raise StripeError(
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            code="parameters_exclusive",
        )
    if "payment_method_types" not in params:
        enabled = automatic["enabled"] if automatic else True
        if enabled:
            redirects = automatic.get("allow_redirects", "always") if automatic else "always"
            fields["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True}
            fields["payment_method_types"] = intent_object.automatic_types(code)
    confirm = params.get("confirm", False)
    if not confirm and "off_session" in params:
        raise StripeError("off_session may be used only when confirm is true.", param="off_session")
    draft = {"payment_method_types": ["card"], "customer": None} | fields
    item = _method(call, draft)
    if confirm and item is None:
        raise required("payment_method")
    if (
        confirm
        and (fields.get("automatic_payment_methods") or {}).get("allow_redirects") == "always"
        and not params.get("return_url")
    ):
        raise StripeError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`. If you don't want to accept redirect-based payment "
            "methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents "
            "and Payment Intents.",
            param="return_url",
        )
    if item is not None:
        fields |= {"payment_method": item["id"], "status": "requires_confirmation"}
        call.params["payment_method"] = item["id"]
    fields["metadata"] = merge({}, params.get("metadata"))
    intent = intent_object.create(call.state, amount, code, **fields)
    return _confirm(call, intent) if confirm else intent


@operation("GET", "/v1/payment_intents")
def _list(call: Call) -> Object:
    wanted = {"customer": call.params["customer"]} if "customer" in call.params else {}
    return page(call.state.where("payment_intent", **wanted), call.params, call.url)


@operation("GET", _PATH, publishable=True)
def _retrieve(call: Call) -> Object:
    return own_intent(call, "payment_intent")


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    intent = call.state.get("payment_intent", call.path["intent"], "intent")
    if intent["status"] not in _OPEN:
        raise wrong_state(
            "payment_intent",
            "This PaymentIntent could not be updated because it has a status of "
            f"{intent['status']}.",
            payment_intent=dict(intent),
        )
    code = money.currency(call.get("currency", intent["currency"]))
    amount = money.chargeable(call.get("amount", intent["amount"]), code)
    fields = _fields(call, code) | {"amount": amount, "currency": code}
    item = _method(call, intent | fields)
    if item is not None:
        fields |= {"payment_method": item["id"], "status": "requires_confirmation"}
    fields["metadata"] = merge(intent["metadata"], call.get("metadata"))
    intent |= fields
    return intent


@operation("POST", _PATH + "/confirm", publishable=True)
def _confirm_call(call: Call) -> Object:
    intent = _retrieve(call)
    if intent["status"] not in _OPEN:
        raise wrong_state(
            "payment_intent",
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be confirmed: "
            f"{', '.join(_OPEN)}.",
            payment_intent=dict(intent),
        )
    return _confirm(call, intent)


@operation("POST", _PATH + "/capture")
def _capture(call: Call) -> Object:
    intent = call.state.get("payment_intent", call.path["intent"], "intent")
    payments.capture(call.state, intent, call.get("amount_to_capture"))
    return intent


@operation("POST", _PATH + "/cancel")
def _cancel(call: Call) -> Object:
    intent = call.state.get("payment_intent", call.path["intent"], "intent")
    payments.cancel(call.state, intent, call.text("cancellation_reason"))
    return intent
