"""Checkout sessions: what a buyer does on the hosted page, in each of the three modes."""

from standin import (
    customers,
    cycle,
    intent_object,
    invoice_payments,
    invoices,
    payment_methods,
    payment_outcomes,
    payments,
    setup_intents,
)
from standin.errors import Object, StripeError
from standin.events import emit
from standin.expand import includable
from standin.listing import whole
from standin.payment_outcomes import LISTENERS
from standin.state import State


def expire(state: State, session: Object) -> None:
    """Closes an open session for good."""
    if session["status"] != "open":
        raise StripeError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}."
        )
    session |= {"status": "expired", "url": None}
    intent = state.table("payment_intent").get(session["payment_intent"] or "")
    if intent is not None and intent["status"] in payments.CANCELABLE:
        payments.cancel(state, intent, "automatic")
    emit(state, "checkout.session.expired", session)


def pay(
    state: State,
    session: Object,
    item: Object,
    *,
    email: str | None = None,
    name: str | None = None,
) -> StripeError | None:
    """The buyer pays with the method; the error is what the page shows when that is refused."""
    if session["status"] != "open":
        raise StripeError("This Checkout Session is not open any more.")
    hidden = state.hidden(session["id"])
    hidden["details"] = {
        "email": email or session["customer_email"] or _email_of(state, session["customer"]),
        "name": name,
    }
    item["billing_details"] |= {"email": hidden["details"]["email"], "name": name}
    if session["mode"] == "setup":
        return _set_up(state, session, item)
    if session["mode"] == "subscription":
        return _subscribe(state, session, item)
    return _pay_once(state, session, item)


def _email_of(state: State, customer: str | None) -> str | None:
    found = state.table("customer").get(customer or "")
    return found["email"] if found else None


def _customer(state: State, session: Object, *, wanted: bool) -> str | None:
    """The session's customer, made now when one is wanted and there is none."""
    if session["customer"] is None and wanted:
        details = state.hidden(session["id"])["details"]
        made = customers.create(state, email=details["email"], name=details["name"])
        session["customer"] = made["id"]
    customer: str | None = session["customer"]
    return customer


def _pay_once(state: State, session: Object, item: Object) -> StripeError | None:
    hidden = state.hidden(session["id"])
    data = hidden["intent_data"]
    keeps = bool(data.get("setup_future_usage"))
    customer = _customer(state, session, wanted=session["customer_creation"] == "always" or keeps)
    if session["amount_total"] == 0:
        _complete(state, session, "no_payment_required")
        return None
    intent = state.table("payment_intent").get(session["payment_intent"] or "")
    if intent is None:
        intent = intent_object.create(
            state,
            session["amount_total"],
            session["currency"],
            customer=customer,
            payment_method_types=session["payment_method_types"],
            **data,
        )
        state.hidden(intent["id"])["session"] = session["id"]
        session["payment_intent"] = intent["id"]
    payments.confirm(state, intent, item, return_url=page_url(state, session))
    return payment_outcomes.last_error(intent)


def _subscribe(state: State, session: Object, item: Object) -> StripeError | None:
    hidden = state.hidden(session["id"])
    method = payment_methods.behaviour(state, item)
    if method.decline and method.authentication == "none":
        # The subscription comes into being only with a payment that went through.
        return payment_methods.declined(method, item)
    customer = _customer(state, session, wanted=True)
    assert customer is not None
    subscription = state.table("subscription").get(hidden.get("subscription", ""))
    if subscription is None:
        subscription = hidden["make"](customer)
        hidden["subscription"] = subscription["id"]
        subscription["payment_settings"]["save_default_payment_method"] = "on_subscription"
        if subscription["trial_end"]:
            payment_methods.attach(state, item, customer)
            subscription["default_payment_method"] = item["id"]
        cycle.start(state, subscription, pay=False, off_session=False)
    invoice = state.get("invoice", subscription["latest_invoice"])
    intent = invoice_payments.intent_of(state, invoice)
    if intent is None:
        free = invoice["amount_due"] == 0
        _complete(state, session, "no_payment_required" if free else "paid")
        return None
    state.hidden(intent["id"])["session"] = session["id"]
    invoices.charge(state, invoice, item, off_session=False)
    if intent["status"] == "requires_action":
        intent["next_action"] = payments.next_action(state, intent, page_url(state, session))
    return payment_outcomes.last_error(intent)


def _set_up(state: State, session: Object, item: Object) -> StripeError | None:
    intent = state.get("setup_intent", session["setup_intent"])
    customer = _customer(state, session, wanted=session["customer_creation"] == "always")
    intent["customer"] = customer
    state.hidden(intent["id"])["session"] = session["id"]
    setup_intents.confirm(state, intent, item, page_url(state, session))
    problem = intent["last_setup_error"]
    return StripeError(problem["message"], status=402, type=problem["type"]) if problem else None


def _after_setup(state: State, intent: Object) -> None:
    identifier = state.hidden(intent["id"]).get("session")
    if identifier:
        session = state.get("checkout.session", identifier)
        if session["status"] == "open":
            _complete(state, session, "no_payment_required")


setup_intents.SUCCEEDED.append(_after_setup)


def _after_payment(state: State, intent: Object) -> None:
    identifier = state.hidden(intent["id"]).get("session")
    if identifier is None:
        return
    session = state.get("checkout.session", identifier)
    status = intent["status"]
    if session["status"] == "open":
        if status == "succeeded":
            _complete(state, session, "paid")
        elif status in ("processing", "requires_capture"):
            state.hidden(identifier)["delayed"] = status == "processing"
            _complete(state, session, "unpaid")
    elif session["status"] == "complete" and session["payment_status"] == "unpaid":
        delayed = state.hidden(identifier).get("delayed")
        if status == "succeeded":
            session["payment_status"] = "paid"
            if delayed:
                emit(state, "checkout.session.async_payment_succeeded", session)
        elif status == "requires_payment_method" and delayed:
            state.hidden(identifier)["delayed"] = False
            emit(state, "checkout.session.async_payment_failed", session)


LISTENERS.append(_after_payment)


def _complete(state: State, session: Object, payment_status: str) -> None:
    details = state.hidden(session["id"])["details"]
    session |= {
        "status": "complete",
        "payment_status": payment_status,
        "url": None,
        "customer_details": {
            "address": None,
            "business_name": None,
            "email": details["email"],
            "individual_name": None,
            "name": details["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
    made = state.hidden(session["id"]).get("subscription")
    if made:
        session |= {
            "subscription": made,
            "invoice": state.get("subscription", made)["latest_invoice"],
        }
    emit(state, "checkout.session.completed", session)


def page_url(state: State, session: Object) -> str:
    """The hosted page of the session."""
    return f"{state.url}/c/pay/{session['id']}"


def success_url(session: Object) -> str | None:
    """Where the buyer goes after paying, with the session's id filled in."""
    url = session["success_url"] or session.get("return_url")
    return str(url).replace("{CHECKOUT_SESSION_ID}", session["id"]) if url else None


def line_items(state: State, session: Object) -> list[Object]:
    """What is bought."""
    items: list[Object] = state.hidden(session["id"]).get("line_items", [])
    return items


def _shown_line_items(state: State, session: Object) -> Object:
    return whole(line_items(state, session), f"/v1/checkout/sessions/{session['id']}/line_items")


includable("checkout.session", "line_items", _shown_line_items)
