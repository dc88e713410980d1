"""The hosted checkout page: a person picks a test card and pays, cancels, or lets it expire."""

from starlette.requests import Request
from starlette.responses import Response

from standin import checkout, money
from standin.errors import Object, StripeError
from standin.html import Form, chosen, go, message, methods, page
from standin.state import State


def show(state: State, identifier: str, request: Request, problem: str = "") -> Response:
    """The page, with the problem of the last try; a session that is not open only says so."""
    session = state.get("checkout.session", identifier)
    if session["status"] != "open":
        done = session["status"] == "complete"
        text = "This checkout is paid already." if done else "This checkout has expired."
        link = (checkout.success_url(session) if done else session["cancel_url"]) or ""
        return message("Nothing to pay", text, status=200 if done else 410, link=link)
    lines = [
        {
            "quantity": line["quantity"],
            "description": line["description"],
            "amount": money.shown(line["amount_total"], line["currency"]),
        }
        for line in checkout.line_items(state, session)
    ]
    setup = session["mode"] == "setup"
    total = None if setup else money.shown(session["amount_total"], session["currency"])
    return page(
        "pay",
        {"setup": "Save a payment method", "subscription": "Subscribe"}.get(session["mode"], "Pay"),
        402 if problem else 200,
        amount=total,
        lines=lines,
        error=problem,
        asks_email=not session["customer"],
        email=session["customer_email"] or "jenny.rosen@example.com",
        methods=methods(session["payment_method_types"]),
        button={"setup": "Save", "subscription": "Subscribe"}.get(session["mode"], "Pay"),
        can_cancel=bool(session["cancel_url"]),
        can_expire=True,
        identifier=identifier,
        action=f"/c/pay/{identifier}",
    )


def submit(state: State, identifier: str, request: Request, form: Form) -> Response:
    """The buyer pressed a button."""
    session = state.get("checkout.session", identifier)
    action = form.get("action", "pay")
    if action == "cancel" and session["cancel_url"]:
        return go(session["cancel_url"])
    if action == "expire":
        checkout.expire(state, session)
        return show(state, identifier, request)
    if session["status"] != "open":
        return show(state, identifier, request)
    try:
        item = chosen(state, form, session["payment_method_types"])
        email, name = form.get("email") or None, form.get("name") or None
        error = checkout.pay(state, session, item, email=email, name=name)
    except StripeError as refused:
        error = refused
    if error:
        return show(state, identifier, request, error.message)
    waiting = _waiting(state, session)
    if waiting:
        return go(f"{state.url}/_standin/authenticate/{waiting['id']}")
    return after(session)


def _waiting(state: State, session: Object) -> Object | None:
    for kind in ("payment_intent", "setup_intent"):
        for intent in state.where(kind, status="requires_action"):
            if state.hidden(intent["id"]).get("session") == session["id"]:
                return intent
    return None


def after(session: Object) -> Response:
    """Back to the shop."""
    url = checkout.success_url(session)
    if url:
        return go(url)
    return message("Thank you", "You may close this page.")
