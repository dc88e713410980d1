"""Customers."""

import functools
from collections.abc import Callable
from typing import Any

from standin import payment_methods
from standin.addresses import address
from standin.api import Call, operation
from standin.errors import Object
from standin.events import emit, updated
from standin.expand import includable
from standin.listing import page, whole
from standin.metadata import merge
from standin.state import State, snapshot

_PATH = "/v1/customers/{customer}"
_TEXTS = ("description", "email", "name", "phone")
# What has to end with a customer; subscriptions add themselves here.
BEFORE_DELETE: list[Callable[[State, Object], None]] = []


def create(state: State, **fields: Any) -> Object:
    """A new customer with the given fields, and its event."""
    identifier = state.ids.new("cus")
    customer: Object = {
        "id": identifier,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": state.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": state.ids.text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    } | fields
    state.add(customer)
    customer["created"] = state.now(identifier)
    emit(state, "customer.created", customer)
    return customer


def default_method(state: State, customer: str | None) -> str | None:
    """The payment method that a customer's invoices are charged to, if set."""
    if not customer:
        return None
    settings = state.get("customer", customer, "customer")["invoice_settings"]
    method: str | None = settings["default_payment_method"]
    return method


def _apply(call: Call, customer: Object) -> None:
    params, state = call.params, call.state
    for name in _TEXTS:
        if name in params:
            customer[name] = params[name] or None
    if "address" in params:
        customer["address"] = address(params["address"])
    if "shipping" in params:
        given = params["shipping"]
        customer["shipping"] = (
            {
                "address": address(given["address"]),
                "name": given["name"],
                "phone": given.get("phone"),
            }
            if given
            else None
        )
    if "preferred_locales" in params:
        customer["preferred_locales"] = params["preferred_locales"]
    if "tax_exempt" in params:
        customer["tax_exempt"] = params["tax_exempt"] or "none"
    if "balance" in params:
        customer["balance"] = params["balance"]
    if "next_invoice_sequence" in params:
        customer["next_invoice_sequence"] = params["next_invoice_sequence"]
    method = params.get("invoice_settings", {}).get("default_payment_method")
    if method is not None:
        if method:
            kept = state.get("payment_method", method, "invoice_settings", status=400)
            kept["customer"] = customer["id"]
        customer["invoice_settings"] = customer["invoice_settings"] | {
            "default_payment_method": method or None
        }
    customer["metadata"] = merge(customer["metadata"], params.get("metadata"))


@operation("POST", "/v1/customers")
def _create(call: Call) -> Object:
    clock = call.text("test_clock")
    if clock:
        call.state.get("test_helpers.test_clock", clock, "test_clock", status=400)
    draft: Object = {
        "id": "",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "metadata": {},
    }
    method = call.text("payment_method")
    wanted = call.get("invoice_settings", {}).get("default_payment_method")
    tokens = {name: payment_methods.resolve(call.state, name) for name in {method, wanted} if name}
    if wanted:
        call.params["invoice_settings"]["default_payment_method"] = tokens[wanted]["id"]
    _apply(call, draft)
    draft.pop("id")
    customer = create(call.state, test_clock=clock, **draft)
    for kept in tokens.values():
        payment_methods.attach(call.state, kept, customer["id"])
    return customer


@operation("GET", "/v1/customers")
def _list(call: Call) -> Object:
    email, clock = call.text("email"), call.text("test_clock")
    found = [
        customer
        for customer in call.state.table("customer").values()
        if email in (None, customer.get("email")) and customer.get("test_clock") == clock
    ]
    return page(found, call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    deleted = call.state.hidden(call.path["customer"]).get("deleted")
    if deleted:
        return {"id": call.path["customer"], "object": "customer", "deleted": True}
    return call.state.get("customer", call.path["customer"], "id")


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    customer = call.state.get("customer", call.path["customer"], "id")
    before = snapshot(customer)
    _apply(call, customer)
    updated(call.state, "customer.updated", customer, before)
    return customer


@operation("DELETE", _PATH)
def _delete(call: Call) -> Object:
    state = call.state
    customer = state.get("customer", call.path["customer"], "id")
    for clean_up in BEFORE_DELETE:
        clean_up(state, customer)
    emit(state, "customer.deleted", customer)
    del state.table("customer")[customer["id"]]
    state.hidden(customer["id"])["deleted"] = True
    return {"id": customer["id"], "object": "customer", "deleted": True}


def _subscriptions(state: State, customer: Object) -> Object:
    live = [
        item
        for item in state.where("subscription", customer=customer["id"])
        if item["status"] not in ("canceled", "incomplete_expired")
    ]
    return whole(live[::-1], f"/v1/customers/{customer['id']}/subscriptions")


def _nothing(name: str, state: State, customer: Object) -> Object:
    return whole([], f"/v1/customers/{customer['id']}/{name}")


includable("customer", "subscriptions", _subscriptions)
for _name in ("sources", "tax_ids"):
    includable("customer", _name, functools.partial(_nothing, _name))
