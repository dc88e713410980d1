"""Invoices: draft, finalized, paid through a payment intent, void or uncollectible."""

from collections.abc import Callable

from standin import customers, intent_object, invoice_payments, payments
from standin.errors import Object, StripeError
from standin.events import emit
from standin.expand import includable
from standin.payment_outcomes import LISTENERS
from standin.state import State, snapshot

# Called with paid, failed or action_required; subscriptions add themselves.
OUTCOMES: list[Callable[[State, Object, str], None]] = []


def subscription_of(state: State, invoice: Object) -> Object | None:
    """The subscription an invoice is for, if it is for one."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return state.table("subscription").get(details["subscription"]) if details else None


def finalize(state: State, invoice: Object) -> None:
    """Gives it a number and a payment intent; an invoice that asks for nothing is paid at once."""
    if invoice["status"] != "draft":
        raise StripeError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = state.get("customer", invoice["customer"], "customer")
    now = state.now(customer["id"])
    _use_balance(customer, invoice)
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] += 1
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{number:04}",
        "effective_at": now,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{state.url}/_standin/invoices/{invoice['id']}",
        "invoice_pdf": f"{state.url}/_standin/invoices/{invoice['id']}/pdf",
    }
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["amount_due"] == 0:
        emit(state, "invoice.finalized", invoice)
        _settled(state, invoice)
        return
    subscription = subscription_of(state, invoice)
    intent = intent_object.create(
        state,
        invoice["amount_due"],
        invoice["currency"],
        customer=customer["id"],
        description=_DESCRIPTIONS.get(invoice["billing_reason"], "Invoice payment"),
        payment_method_types=intent_object.automatic_types(invoice["currency"]),
        setup_future_usage="off_session" if subscription else None,
    )
    invoice_payments.link(state, invoice, intent)
    emit(state, "invoice.finalized", invoice)


_DESCRIPTIONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}


def _use_balance(customer: Object, invoice: Object) -> None:
    """A credit is used up first; a negative total becomes a credit."""
    start = customer["balance"]
    if invoice["total"] < 0:
        end = start + invoice["total"]
    else:
        end = start + min(invoice["total"], -start) if start < 0 else start
    due = max(0, invoice["total"] + min(start, 0)) if start < 0 else max(0, invoice["total"])
    customer["balance"] = end
    invoice |= {
        "starting_balance": start,
        "ending_balance": end,
        "amount_due": due,
        "amount_remaining": due,
    }


def method_for(state: State, invoice: Object) -> Object | None:
    """The payment method an automatic charge uses: invoice, then subscription, then customer."""
    subscription = subscription_of(state, invoice)
    found = (
        invoice["default_payment_method"]
        or (subscription and subscription["default_payment_method"])
        or customers.default_method(state, invoice["customer"])
    )
    return state.get("payment_method", found) if found else None


def charge(
    state: State, invoice: Object, item: Object | None = None, *, off_session: bool = True
) -> None:
    """Tries to collect an open invoice; what came of it is told by the invoice."""
    intent = invoice_payments.intent_of(state, invoice)
    if intent is None or invoice["status"] not in ("open", "uncollectible"):
        return
    item = item or method_for(state, invoice)
    if item is None:
        _attempted(state, invoice)
        emit(state, "invoice.payment_failed", invoice)
        _tell(state, invoice, "failed")
        return
    payments.confirm(state, intent, item, off_session=off_session)


def _after_payment(state: State, intent: Object) -> None:
    identifier = state.hidden(intent["id"]).get("invoice")
    if identifier is None:
        return
    invoice = state.get("invoice", identifier)
    if invoice["status"] not in ("open", "uncollectible"):
        return
    if intent["status"] == "succeeded":
        _attempted(state, invoice)
        invoice["amount_paid"] = intent["amount_received"]
        _settled(state, invoice)
    elif intent["status"] == "requires_payment_method":
        before = _attempted(state, invoice)
        emit(state, "invoice.updated", invoice, before)
        emit(state, "invoice.payment_failed", invoice)
        _tell(state, invoice, "failed")
    elif intent["status"] == "requires_action":
        emit(state, "invoice.payment_action_required", invoice)
        _tell(state, invoice, "action_required")


LISTENERS.append(_after_payment)


def _attempted(state: State, invoice: Object) -> Object:
    before = snapshot(invoice)
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    return before


def _settled(state: State, invoice: Object) -> None:
    before = snapshot(invoice)
    now = state.now(invoice["customer"])
    invoice |= {
        "status": "paid",
        "attempted": True,
        "amount_remaining": 0,
        "auto_advance": False,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"]["paid_at"] = now
    emit(state, "invoice.updated", invoice, before)
    if invoice["amount_paid"]:
        invoice_payments.paid(state, invoice)
    emit(state, "invoice.paid", invoice)
    emit(state, "invoice.payment_succeeded", invoice)
    _tell(state, invoice, "paid")


def _tell(state: State, invoice: Object, outcome: str) -> None:
    for listener in OUTCOMES:
        listener(state, invoice, outcome)


def pay_elsewhere(state: State, invoice: Object) -> None:
    """The seller was paid outside Stripe; the payment intent is not needed any more."""
    _drop_intent(state, invoice)
    invoice |= {
        "amount_paid": invoice["amount_due"],
        "amount_paid_off_stripe": invoice["amount_due"],
    }
    _settled(state, invoice)


def void(state: State, invoice: Object) -> None:
    """Takes an open invoice back."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise StripeError(
            f"You can only void an open or uncollectible invoice, not one that is "
            f"{invoice['status']}."
        )
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["voided_at"] = state.now(invoice["customer"])
    _drop_intent(state, invoice)
    emit(state, "invoice.voided", invoice)


def mark_uncollectible(state: State, invoice: Object) -> None:
    """Gives up on an open invoice; it may still be paid."""
    if invoice["status"] not in ("open", "draft"):
        raise StripeError("You can only mark an open invoice as uncollectible.")
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["marked_uncollectible_at"] = state.now(invoice["customer"])
    emit(state, "invoice.marked_uncollectible", invoice)


def _drop_intent(state: State, invoice: Object) -> None:
    intent = invoice_payments.intent_of(state, invoice)
    invoice_payments.canceled(state, invoice)
    if intent is not None and intent["status"] in payments.CANCELABLE:
        payments.cancel(state, intent, "void_invoice")


def _confirmation_secret(state: State, invoice: Object) -> Object | None:
    intent = invoice_payments.intent_of(state, invoice)
    if intent is None:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


includable("invoice", "confirmation_secret", _confirmation_secret)
