"""Invoice payments: the link from an invoice to the payment intent that pays it."""

from standin.api import Call, operation
from standin.errors import Object
from standin.events import emit
from standin.expand import includable
from standin.listing import page, whole
from standin.state import State

_PATH = "/v1/invoice_payments/{invoice_payment}"


def link(state: State, invoice: Object, intent: Object) -> Object:
    """The intent is to pay what the invoice still asks for."""
    state.hidden(intent["id"])["invoice"] = invoice["id"]
    return state.add(
        {
            "id": state.ids.new("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": intent["amount"],
            "created": state.now(invoice["customer"]),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def of(state: State, invoice: Object) -> Object | None:
    """The invoice's own payment, if it has one."""
    found = state.where("invoice_payment", invoice=invoice["id"], is_default=True)
    return found[-1] if found else None


def intent_of(state: State, invoice: Object) -> Object | None:
    """The payment intent that pays the invoice, if there is one."""
    payment = of(state, invoice)
    return state.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None


def paid(state: State, invoice: Object) -> None:
    """The payment went through."""
    payment = of(state, invoice)
    if payment is not None:
        payment |= {"status": "paid", "amount_paid": payment["amount_requested"]}
        payment["status_transitions"]["paid_at"] = state.now(invoice["customer"])
        emit(state, "invoice_payment.paid", payment)


def canceled(state: State, invoice: Object) -> None:
    """The invoice will not be paid this way."""
    payment = of(state, invoice)
    if payment is not None and payment["status"] == "open":
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = state.now(invoice["customer"])


def _payments(state: State, invoice: Object) -> Object:
    found = state.where("invoice_payment", invoice=invoice["id"])
    return whole(found, f"/v1/invoice_payments?invoice={invoice['id']}")


includable("invoice", "payments", _payments)


@operation("GET", "/v1/invoice_payments")
def _list(call: Call) -> Object:
    wanted = {n: call.params[n] for n in ("invoice", "status") if n in call.params}
    items = call.state.where("invoice_payment", **wanted)
    payment = call.get("payment")
    if payment:
        intent = payment.get("payment_intent")
        items = [item for item in items if item["payment"]["payment_intent"] == intent]
    return page(items, call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("invoice_payment", call.path["invoice_payment"])
