"""Invoices over the API."""

from typing import Any

from standin import (
    invoice_object,
    invoice_payments,
    invoices,
    money,
    payment_methods,
    payment_outcomes,
)
from standin.api import Call, operation
from standin.errors import Object, StripeError
from standin.events import emit, updated
from standin.listing import page
from standin.metadata import merge
from standin.state import snapshot

_PATH = "/v1/invoices/{invoice}"


def _invoice(call: Call) -> Object:
    return call.state.get("invoice", call.path["invoice"], "invoice")


@operation("POST", "/v1/invoices")
def _create(call: Call) -> Object:
    customer = call.state.get("customer", call.params.get("customer", ""), "customer", status=400)
    fields: dict[str, Any] = {
        name: call.params[name]
        for name in ("description", "footer", "auto_advance", "collection_method")
        if name in call.params
    }
    fields["metadata"] = merge({}, call.get("metadata"))
    code = money.currency(call.get("currency", customer["currency"] or "usd"))
    return invoice_object.create(call.state, customer, code, [], "manual", **fields)


@operation("GET", "/v1/invoices")
def _list(call: Call) -> Object:
    wanted = {n: call.params[n] for n in ("customer", "status") if n in call.params}
    items = call.state.where("invoice", **wanted)
    subscription = call.text("subscription")
    if subscription:
        items = [
            item
            for item in items
            if (invoices.subscription_of(call.state, item) or {}).get("id") == subscription
        ]
    return page(items, call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return _invoice(call)


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    invoice = _invoice(call)
    before = snapshot(invoice)
    for name in ("description", "footer", "auto_advance"):
        if name in call.params:
            invoice[name] = call.params[name]
    if call.text("default_payment_method"):
        item = payment_methods.resolve(call.state, call.params["default_payment_method"])
        invoice["default_payment_method"] = item["id"]
    invoice["metadata"] = merge(invoice["metadata"], call.get("metadata"))
    updated(call.state, "invoice.updated", invoice, before)
    return invoice


@operation("DELETE", _PATH)
def _delete(call: Call) -> Object:
    invoice = _invoice(call)
    if invoice["status"] != "draft" or invoice["parent"]:
        raise StripeError("You can only delete draft invoices that are not for a subscription.")
    emit(call.state, "invoice.deleted", invoice)
    del call.state.table("invoice")[invoice["id"]]
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@operation("GET", _PATH + "/lines")
def _lines(call: Call) -> Object:
    return page(_invoice(call)["lines"]["data"][::-1], call.params, call.url)


@operation("POST", _PATH + "/finalize")
def _finalize(call: Call) -> Object:
    invoice = _invoice(call)
    invoices.finalize(call.state, invoice)
    return invoice


@operation("POST", _PATH + "/send")
def _send(call: Call) -> Object:
    invoice = _invoice(call)
    if invoice["status"] == "draft":
        invoices.finalize(call.state, invoice)
    emit(call.state, "invoice.sent", invoice)
    return invoice


@operation("POST", _PATH + "/pay")
def _pay(call: Call) -> Object:
    invoice = _invoice(call)
    if invoice["status"] == "draft":
        invoices.finalize(call.state, invoice)
    if invoice["status"] == "paid":
        raise StripeError("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "void":
        raise StripeError("This invoice is void and cannot be paid.")
    if call.get("paid_out_of_band"):
        invoices.pay_elsewhere(call.state, invoice)
        return invoice
    item = None
    if call.text("payment_method"):
        item = payment_methods.resolve(call.state, call.params["payment_method"])
    if item is None and invoices.method_for(call.state, invoice) is None:
        raise StripeError(NO_METHOD, code="resource_missing")
    invoices.charge(call.state, invoice, item, off_session=call.get("off_session", True))
    intent = invoice_payments.intent_of(call.state, invoice)
    error = payment_outcomes.last_error(intent) if intent else None
    if error:
        raise error
    return invoice


NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider "
    "adding a default payment method. For more information, visit https://stripe.com/docs/billing/"
    "subscriptions/payment-methods-setting#payment-method-priority."
)


@operation("POST", _PATH + "/void")
def _void(call: Call) -> Object:
    invoice = _invoice(call)
    invoices.void(call.state, invoice)
    return invoice


@operation("POST", _PATH + "/mark_uncollectible")
def _mark_uncollectible(call: Call) -> Object:
    invoice = _invoice(call)
    invoices.mark_uncollectible(call.state, invoice)
    return invoice
