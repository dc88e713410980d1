"""Payment methods: made from test tokens, card numbers or bank accounts, attached to customers."""

from typing import Any

from standin import cards
from standin.addresses import address, empty
from standin.api import Call, operation
from standin.cards import TestMethod
from standin.errors import Object, StripeError, missing, required
from standin.events import emit, updated
from standin.listing import page
from standin.metadata import merge
from standin.state import State, snapshot

_PATH = "/v1/payment_methods/{payment_method}"
_EXPIRY = (12, 2034)


def billing(given: Any = None) -> Object:
    """Billing details with every field."""
    given = given or {}
    return {
        "address": address(given.get("address")) or empty(),
        "email": given.get("email") or None,
        "name": given.get("name") or None,
        "phone": given.get("phone") or None,
        "tax_id": None,
    }


def create(
    state: State, method: TestMethod, details: Any = None, expiry: tuple[int, int] = _EXPIRY
) -> Object:
    """A payment method that behaves like the test method."""
    item: Object = {
        "id": state.ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing(details),
        method.kind: _shown(method, expiry),
        "created": state.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": method.kind,
    }
    state.hidden(item["id"])["method"] = method.token
    return state.add(item)


def _shown(method: TestMethod, expiry: tuple[int, int]) -> Object:
    fingerprint = f"{method.kind}{method.number}".encode().hex()[-16:]
    if method.kind == "card":
        return {
            "brand": method.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "unchecked",
            },
            "country": method.country,
            "display_brand": method.brand,
            "exp_month": expiry[0],
            "exp_year": expiry[1],
            "fingerprint": fingerprint,
            "funding": method.funding,
            "generated_from": None,
            "last4": method.last4,
            "networks": {"available": [method.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        }
    if method.kind == "sepa_debit":
        return {
            "bank_code": method.number[4:9],
            "branch_code": "",
            "country": method.country,
            "fingerprint": fingerprint,
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": method.last4,
        }
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": fingerprint,
        "last4": method.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


def resolve(state: State, identifier: str, param: str = "payment_method") -> Object:
    """The kept payment method, or a new one when the id is a test token such as pm_card_visa."""
    kept = state.table("payment_method").get(identifier)
    if kept is not None:
        return kept
    method = cards.by_token(identifier)
    if method is None:
        raise missing("PaymentMethod", identifier, param, status=400)
    return create(state, method)


def behaviour(state: State, item: Object) -> TestMethod:
    """How the payment method behaves when it is charged."""
    return cards.of(state.hidden(item["id"])["method"])


def attach(state: State, item: Object, customer: str) -> None:
    """Ties the payment method to the customer, and says so."""
    if item["customer"] == customer:
        return
    if item["customer"]:
        raise StripeError(
            "The payment method you provided has already been attached to a customer."
        )
    method = behaviour(state, item)
    if not method.attaches and method.decline:
        raise declined(method, item)
    item["customer"] = customer
    item["created"] = state.now(customer)
    emit(state, "payment_method.attached", item)


_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}


def decline_message(decline: str) -> str:
    """What Stripe tells the buyer."""
    return _MESSAGES.get(decline, "Your card was declined.")


def declined(method: TestMethod, item: Object, **body: Any) -> StripeError:
    """The card error of a refused charge."""
    code, decline = method.decline or ("card_declined", "generic_decline")
    return StripeError(
        decline_message(decline),
        status=402,
        type="card_error",
        code=code,
        decline_code=decline if code == "card_declined" else None,
        param={"incorrect_cvc": "cvc", "expired_card": "exp_month"}.get(code, ""),
        **body,
    )


def from_data(state: State, data: Any, param: str = "") -> Object:
    """A new payment method from a card's or an account's details, as parameters give them."""
    kind = data.get("type") or "card"
    given = data.get(kind)
    place = f"{param}[{kind}]" if param else kind
    if given is None:
        raise required(place)
    expiry = _EXPIRY
    if kind == "card":
        token, number = given.get("token"), given.get("number", "")
        method = cards.by_token(token) if token else cards.by_number(number)
        expiry = (given.get("exp_month", _EXPIRY[0]), given.get("exp_year", _EXPIRY[1]))
    else:
        method = cards.by_number(given.get("iban") or given.get("account_number") or "")
    if method is None or method.kind != kind:
        if kind == "card":
            raise StripeError(
                "Your card number is incorrect.",
                status=402,
                type="card_error",
                code="incorrect_number",
                param="number",
            )
        raise StripeError(
            "The stand-in knows test accounts only.", code="bank_account_unusable", param=place
        )
    item = create(state, method, data.get("billing_details"), expiry)
    item["metadata"] = merge({}, data.get("metadata"))
    return item


@operation("POST", "/v1/payment_methods", publishable=True)
def _create(call: Call) -> Object:
    return from_data(call.state, call.params)


@operation("GET", "/v1/payment_methods")
def _list(call: Call) -> Object:
    wanted = {name: call.params[name] for name in ("customer", "type") if name in call.params}
    attached = [item for item in call.state.where("payment_method", **wanted) if item["customer"]]
    return page(attached, call.params, call.url)


@operation("GET", "/v1/customers/{customer}/payment_methods")
def _list_of_customer(call: Call) -> Object:
    customer = call.state.get("customer", call.path["customer"], "customer")["id"]
    wanted = {"type": call.params["type"]} if "type" in call.params else {}
    items = call.state.where("payment_method", customer=customer, **wanted)
    return page(items, call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    found = call.state.table("payment_method").get(call.path["payment_method"])
    if found is None:
        raise missing("PaymentMethod", call.path["payment_method"], "payment_method")
    return found


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    item = _retrieve(call)
    before = snapshot(item)
    if "billing_details" in call.params:
        item["billing_details"] = billing(item["billing_details"] | call.params["billing_details"])
    if "card" in call.params and item["type"] == "card":
        item["card"] = item["card"] | call.params["card"]
    if "allow_redisplay" in call.params:
        item["allow_redisplay"] = call.params["allow_redisplay"]
    item["metadata"] = merge(item["metadata"], call.get("metadata"))
    updated(call.state, "payment_method.updated", item, before)
    return item


@operation("POST", _PATH + "/attach")
def _attach(call: Call) -> Object:
    customer = call.state.get("customer", call.params["customer"], "customer", status=400)["id"]
    item = resolve(call.state, call.path["payment_method"])
    attach(call.state, item, customer)
    return item


@operation("POST", _PATH + "/detach")
def _detach(call: Call) -> Object:
    item = _retrieve(call)
    if not item["customer"]:
        raise StripeError("The payment method you provided is not attached to a customer.")
    before = snapshot(item)
    for customer in call.state.where("customer", id=item["customer"]):
        if customer["invoice_settings"]["default_payment_method"] == item["id"]:
            customer["invoice_settings"]["default_payment_method"] = None
    item["customer"] = None
    emit(call.state, "payment_method.detached", item, before)
    return item
