"""Checkout sessions over the API."""

import functools
from typing import Any

from standin import (
    checkout,
    intent_object,
    money,
    products,
    session_object,
    setup_intents,
    subscription_terms,
)
from standin.api import Call, operation
from standin.errors import Object, StripeError, required
from standin.listing import page
from standin.metadata import merge

_PATH = "/v1/checkout/sessions/{session}"
_DAY = 86_400
_UNSUPPORTED = (
    "discounts", "shipping_options", "shipping_address_collection", "optional_items",
    "custom_fields", "consent_collection", "after_expiration", "tax_id_collection",
    "automatic_tax.enabled", "invoice_creation.enabled", "payment_intent_data.transfer_data",
    "payment_intent_data.application_fee_amount",
)  # fmt: skip


def _line(call: Call, given: Any, position: int, mode: str) -> Object:
    param = f"line_items[{position}]"
    if given.get("price"):
        price = call.state.get("price", given["price"], f"{param}[price]", status=400)
    elif given.get("price_data"):
        price = products.from_data(call.state, given["price_data"], f"{param}[price_data]")
    else:
        raise required(f"{param}[price]")
    if mode == "payment" and price["recurring"]:
        raise StripeError(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param=f"{param}[price]",
        )
    quantity = given.get("quantity", 1)
    if quantity < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=f"{param}[quantity]",
        )
    total = price["unit_amount"] * quantity
    product = call.state.table("product").get(price["product"], {})
    return {
        "id": call.state.ids.new("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": product.get("name"),
        "price": dict(price),
        "quantity": quantity,
    }


def _lines(call: Call, mode: str) -> list[Object]:
    given = call.get("line_items") or []
    if mode == "setup":
        if given:
            raise StripeError("You cannot pass line_items in setup mode.", param="line_items")
        return []
    if not given:
        raise required("line_items")
    lines = [_line(call, entry, position, mode) for position, entry in enumerate(given)]
    if len({line["currency"] for line in lines}) > 1:
        raise StripeError("All prices must have one currency.", param="line_items")
    if mode == "subscription":
        if not any(line["price"]["recurring"] for line in lines):
            raise StripeError(
                "You must provide at least one recurring price in `subscription` mode when using "
                "prices.",
                param="line_items",
            )
        if not all(line["price"]["recurring"] for line in lines):
            raise StripeError("The stand-in takes recurring prices only here.", param="line_items")
    return lines


def _addresses(call: Call, ui_mode: str) -> None:
    hosted = ui_mode == "hosted_page"
    needed = "success_url" if hosted else "return_url"
    if not call.text(needed) and (hosted or call.get("redirect_on_completion") != "never"):
        raise required(needed)
    for name in ("success_url", "cancel_url", "return_url"):
        url = call.text(name)
        if url and "://" not in url:
            raise StripeError("Not a valid URL", code="url_invalid", param=name)


def _expires_at(call: Call, now: int) -> int:
    given = call.get("expires_at")
    if given is None:
        return now + _DAY
    if not now + 1800 <= given <= now + _DAY:
        raise StripeError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout "
            "Session creation.",
            param="expires_at",
        )
    return int(given)


def _intent_data(call: Call) -> dict[str, Any]:
    given = call.get("payment_intent_data", {})
    kept = (
        "description",
        "setup_future_usage",
        "receipt_email",
        "capture_method",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    )
    data = {name: given[name] for name in kept if given.get(name)}
    return data | {"metadata": merge({}, given.get("metadata"))}


@operation("POST", "/v1/checkout/sessions")
def _create(call: Call) -> Object:
    call.refuse(*_UNSUPPORTED)
    state, params = call.state, call.params
    mode = params.get("mode", "payment")
    ui_mode = params.get("ui_mode", "hosted_page")
    _addresses(call, ui_mode)
    lines = _lines(call, mode)
    if params.get("customer") and params.get("customer_email"):
        raise StripeError(
            "You may only specify one of these parameters: customer, customer_email.",
            code="parameters_exclusive",
        )
    customer = None
    if call.text("customer"):
        customer = state.get("customer", params["customer"], "customer", status=400)["id"]
    total = sum(line["amount_total"] for line in lines)
    code = lines[0]["currency"] if lines else params.get("currency")
    if mode == "payment" and total:
        money.chargeable(total, lines[0]["currency"], "line_items")
    now = state.now(customer)
    identifier = state.ids.new("cs_test")
    setup = None
    if mode == "setup":
        metadata = merge({}, call.get("setup_intent_data", {}).get("metadata"))
        setup = setup_intents.create(state, customer=customer, metadata=metadata)["id"]
    types = params.get("payment_method_types") or (
        intent_object.automatic_types(code) if code else ["card"]
    )
    session = session_object.create(call, identifier, ui_mode, now, _expires_at(call, now)) | {
        "amount_subtotal": total if lines else None,
        "amount_total": total if lines else None,
        "currency": code,
        "customer": customer,
        "payment_method_types": types,
        "setup_intent": setup,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
        if lines
        else None,
    }
    hidden = state.hidden(identifier)
    hidden["line_items"] = lines
    hidden["intent_data"] = _intent_data(call)
    hidden["make"] = functools.partial(_make_subscription, call, lines)
    state.add(session)
    state.clock_of(customer).at(session["expires_at"], functools.partial(_when_due, call, session))
    return session


def _make_subscription(call: Call, lines: list[Object], customer: str) -> Object:
    """Called when the buyer pays: only then does Stripe make the subscription."""
    data = call.get("subscription_data", {})
    later = Call(call.state, data, {}, call.url)
    items = [{"price": line["price"]["id"], "quantity": line["quantity"]} for line in lines]
    fields: dict[str, Any] = {"metadata": merge({}, data.get("metadata"))}
    if data.get("description"):
        fields["description"] = data["description"]
    if data.get("trial_settings"):
        fields["trial_settings"] = data["trial_settings"]
    return subscription_terms.build(later, customer, items, **fields)


def _when_due(call: Call, session: Object) -> None:
    if session["status"] == "open":
        checkout.expire(call.state, session)


@operation("GET", "/v1/checkout/sessions")
def _list(call: Call) -> Object:
    wanted = {
        name: call.params[name]
        for name in ("customer", "payment_intent", "subscription", "status")
        if name in call.params
    }
    items = call.state.where("checkout.session", **wanted)
    email = call.get("customer_details", {}).get("email")
    if email:
        items = [i for i in items if (i["customer_details"] or {}).get("email") == email]
    return page(items, call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("checkout.session", call.path["session"], "session")


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    session = _retrieve(call)
    session["metadata"] = merge(session["metadata"], call.get("metadata"))
    return session


@operation("POST", _PATH + "/expire")
def _expire(call: Call) -> Object:
    session = _retrieve(call)
    checkout.expire(call.state, session)
    return session


@operation("GET", _PATH + "/line_items")
def _line_items(call: Call) -> Object:
    return page(checkout.line_items(call.state, _retrieve(call))[::-1], call.params, call.url)
