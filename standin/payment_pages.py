"""A page to pay an intent on, in the place of Stripe Elements, and the bank's question."""

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from standin import (
    checkout_page,
    invoice_payments,
    money,
    payment_outcomes,
    payments,
    setup_intents,
)
from standin.errors import Object, StripeError
from standin.html import Form, chosen, go, message, methods, page
from standin.state import State


def question(state: State, identifier: str, request: Request) -> Response:
    """The question itself."""
    intent = _intent(state, identifier)
    if intent["status"] != "requires_action":
        return message("Nothing to answer", "This is settled already.")
    amount = money.shown(intent["amount"], intent["currency"]) if "amount" in intent else None
    return page("authenticate", "Authentication", amount=amount, identifier=identifier)


def answered(state: State, identifier: str, request: Request, form: Form) -> Response:
    """The buyer answered; on to the shop, or back to the checkout page."""
    intent = _intent(state, identifier)
    action = intent["next_action"] or {}
    succeed = form.get("outcome") == "succeed"
    if intent["object"] == "setup_intent":
        setup_intents.authenticate(state, intent, succeed=succeed)
    else:
        payments.authenticate(state, intent, succeed=succeed)
    session = state.table("checkout.session").get(state.hidden(identifier).get("session", ""))
    if session is not None:
        if session["status"] == "complete":
            return checkout_page.after(session)
        problem = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
        return checkout_page.show(
            state, session["id"], request, problem.get("message", "Try again.")
        )
    back = action.get("redirect_to_url", {}).get("return_url")
    return _back(intent, back)


def _back(intent: Object, url: str | None) -> Response:
    if not url:
        text = f"The status is {intent['status']}."
        return message("Done", text)
    good = intent["status"] in ("succeeded", "processing", "requires_capture")
    kind = intent["object"]
    query = urlencode(
        {
            kind: intent["id"],
            f"{kind}_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if good else "failed",
        }
    )
    return go(f"{url}{'&' if urlsplit(url).query else '?'}{query}")


def _intent(state: State, identifier: str) -> Object:
    kind = "setup_intent" if identifier.startswith("seti_") else "payment_intent"
    return state.get(kind, identifier)


def show(state: State, identifier: str, request: Request, problem: str = "") -> Response:
    """The page; only who knows the client secret sees it."""
    intent = _own(state, identifier, request)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        text = f"The status is {intent['status']}."
        return message("Nothing to pay", text)
    return page(
        "pay",
        "Pay",
        402 if problem else 200,
        amount=money.shown(intent["amount"], intent["currency"]),
        lines=[],
        error=problem,
        asks_email=False,
        email="",
        methods=methods(intent["payment_method_types"]),
        button="Pay",
        can_cancel=False,
        can_expire=False,
        identifier=identifier,
        action=f"{request.url.path}?{request.url.query}",
    )


def submit(state: State, identifier: str, request: Request, form: Form) -> Response:
    """The buyer pressed the button."""
    intent = _own(state, identifier, request)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        return show(state, identifier, request)
    back = request.query_params.get("return_url")
    try:
        item = chosen(state, form, intent["payment_method_types"])
    except StripeError as refused:
        return show(state, identifier, request, refused.message)
    item["billing_details"]["name"] = form.get("name") or None
    payments.confirm(state, intent, item, return_url=back)
    error = payment_outcomes.last_error(intent)
    if error:
        return show(state, identifier, request, error.message)
    if intent["status"] == "requires_action":
        return go(f"{state.url}/_standin/authenticate/{identifier}")
    return _back(intent, back)


def _own(state: State, identifier: str, request: Request) -> Object:
    intent = state.get("payment_intent", identifier)
    # As with Stripe Elements, the secret is what lets a browser pay.
    if request.query_params.get("client_secret") != intent["client_secret"]:
        raise StripeError("The client_secret does not fit this payment.", status=403)
    return intent


def invoice(state: State, identifier: str, request: Request) -> Response:
    """An invoice's hosted page: its payment, while it is open."""
    item = state.get("invoice", identifier)
    intent = invoice_payments.intent_of(state, item)
    if item["status"] == "open" and intent is not None:
        secret = urlencode({"client_secret": intent["client_secret"]})
        return go(f"{state.url}/_standin/pay/{intent['id']}?{secret}")
    text = f"Invoice {item['number']} is {item['status']}."
    return message("Invoice", text)


def receipt(state: State, identifier: str, request: Request) -> Response:
    """A receipt, such as it is."""
    charge = state.get("charge", identifier)
    text = f"{money.shown(charge['amount_captured'], charge['currency'])} received."
    return message("Receipt", text)
