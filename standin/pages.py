"""Pages for a person: the hosted checkout, a page to pay an intent on, and the bank's question."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from standin import (
    cards,
    checkout,
    invoice_payments,
    money,
    payment_methods,
    payments,
    setup_intents,
)
from standin.courier import Courier
from standin.errors import Object, StripeError
from standin.state import State

_FOLDER = Path(__file__).with_name("templates")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
Form = dict[str, str]


def routes(state: State, courier: Courier) -> list[BaseRoute]:
    """The pages' routes."""
    pages = _Pages(state)
    table: list[tuple[str, Callable[[str, Request], Response], Callable[..., Response] | None]] = [
        ("/c/pay/{id}", pages.checkout, pages.checkout_done),
        ("/_standin/authenticate/{id}", pages.question, pages.answered),
        ("/_standin/pay/{id}", pages.intent, pages.intent_paid),
        ("/_standin/invoices/{id}", pages.invoice, None),
        ("/_standin/receipts/{id}", pages.receipt, None),
    ]
    made: list[BaseRoute] = [Route("/_standin/style.css", pages.style)]
    for path, show, act in table:
        methods = ["GET", "POST"] if act else ["GET"]
        made.append(Route(path, _endpoint(state, courier, show, act), methods=methods))
    return made


def _endpoint(
    state: State,
    courier: Courier,
    show: Callable[[str, Request], Response],
    act: Callable[..., Response] | None,
) -> Any:
    async def answer(request: Request) -> Response:
        identifier = request.path_params["id"]
        form: Form = {}
        if request.method == "POST":
            form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            with state.lock:
                if act is None or request.method == "GET":
                    return show(identifier, request)
                return act(identifier, request, form)
        except StripeError as error:
            return _page(
                "message", "This cannot be done", error.status, text=error.message, link=""
            )
        finally:
            courier.wake()

    return answer


_environment = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
)


def _page(template: str, title: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    text = _environment.get_template(f"{template}.html").render(title=title, **values)
    return HTMLResponse(text, status, _HEADERS)


def _go(url: str) -> Response:
    return RedirectResponse(url, 303)


class _Pages:
    """What each page shows and does."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def style(self, request: Request) -> Response:
        return Response((_FOLDER / "style.css").read_text(), media_type="text/css")

    # The hosted checkout page

    def checkout(self, identifier: str, request: Request, problem: str = "") -> Response:
        session = self._state.get("checkout.session", identifier)
        if session["status"] != "open":
            done = session["status"] == "complete"
            text = "This checkout is paid already." if done else "This checkout has expired."
            link = (checkout.success_url(session) if done else session["cancel_url"]) or ""
            return _page("message", "Nothing to pay", 200 if done else 410, text=text, link=link)
        lines = [
            {
                "quantity": line["quantity"],
                "description": line["description"],
                "amount": money.shown(line["amount_total"], line["currency"]),
            }
            for line in checkout.line_items(self._state, session)
        ]
        setup = session["mode"] == "setup"
        total = None if setup else money.shown(session["amount_total"], session["currency"])
        return _page(
            "pay",
            {"setup": "Save a payment method", "subscription": "Subscribe"}.get(
                session["mode"], "Pay"
            ),
            402 if problem else 200,
            amount=total,
            lines=lines,
            error=problem,
            asks_email=not session["customer"],
            email=session["customer_email"] or "",
            methods=_methods(session["payment_method_types"]),
            button={"setup": "Save", "subscription": "Subscribe"}.get(session["mode"], "Pay"),
            can_cancel=bool(session["cancel_url"]),
            can_expire=True,
            identifier=identifier,
        )

    def checkout_done(self, identifier: str, request: Request, form: Form) -> Response:
        session = self._state.get("checkout.session", identifier)
        action = form.get("action", "pay")
        if action == "cancel" and session["cancel_url"]:
            return _go(session["cancel_url"])
        if action == "expire":
            checkout.expire(self._state, session)
            return self.checkout(identifier, request)
        if session["status"] != "open":
            return self.checkout(identifier, request)
        item = self._method(form, session["payment_method_types"])
        error = checkout.pay(
            self._state,
            session,
            item,
            email=form.get("email") or None,
            name=form.get("name") or None,
        )
        if error:
            return self.checkout(identifier, request, error.message)
        waiting = self._waiting(session)
        if waiting:
            return _go(f"{self._state.url}/_standin/authenticate/{waiting['id']}")
        return self._after_checkout(session)

    def _waiting(self, session: Object) -> Object | None:
        for kind in ("payment_intent", "setup_intent"):
            for intent in self._state.where(kind, status="requires_action"):
                if self._state.hidden(intent["id"]).get("session") == session["id"]:
                    return intent
        return None

    def _after_checkout(self, session: Object) -> Response:
        url = checkout.success_url(session)
        if url:
            return _go(url)
        return _page("message", "Thank you", text="You may close this page.", link="")

    def _method(self, form: Form, types: list[str]) -> Object:
        number = form.get("number", "").strip()
        method = cards.by_number(number) if number else cards.by_token(form.get("method", ""))
        if method is None or method.kind not in types:
            raise StripeError(
                "Your card number is incorrect. The stand-in knows Stripe's test cards only.",
                status=402,
                type="card_error",
                code="incorrect_number",
            )
        return payment_methods.create(self._state, method)

    # The bank's question

    def question(self, identifier: str, request: Request) -> Response:
        intent = self._intent(identifier)
        if intent["status"] != "requires_action":
            return _page("message", "Nothing to answer", text="This is settled already.", link="")
        amount = money.shown(intent["amount"], intent["currency"]) if "amount" in intent else None
        return _page("authenticate", "Authentication", amount=amount, identifier=identifier)

    def answered(self, identifier: str, request: Request, form: Form) -> Response:
        intent = self._intent(identifier)
        action = intent["next_action"] or {}
        succeed = form.get("outcome") == "succeed"
        if intent["object"] == "setup_intent":
            setup_intents.authenticate(self._state, intent, succeed=succeed)
            checkout.after_setup(self._state, intent)
        else:
            payments.authenticate(self._state, intent, succeed=succeed)
        session = self._state.table("checkout.session").get(
            self._state.hidden(identifier).get("session", "")
        )
        if session is not None:
            if session["status"] == "complete":
                return self._after_checkout(session)
            problem = intent.get("last_payment_error") or intent.get("last_setup_error") or {}
            return self.checkout(session["id"], request, problem.get("message", "Try again."))
        back = action.get("redirect_to_url", {}).get("return_url")
        return self._back(intent, back)

    def _back(self, intent: Object, url: str | None) -> Response:
        if not url:
            text = f"The status is {intent['status']}."
            return _page("message", "Done", text=text, link="")
        good = intent["status"] in ("succeeded", "processing", "requires_capture")
        kind = intent["object"]
        query = urlencode(
            {
                kind: intent["id"],
                f"{kind}_client_secret": intent["client_secret"],
                "redirect_status": "succeeded" if good else "failed",
            }
        )
        return _go(f"{url}{'&' if urlsplit(url).query else '?'}{query}")

    def _intent(self, identifier: str) -> Object:
        kind = "setup_intent" if identifier.startswith("seti_") else "payment_intent"
        return self._state.get(kind, identifier)

    # A page to pay an intent on, in the place of Stripe Elements

    def intent(self, identifier: str, request: Request, problem: str = "") -> Response:
        intent = self._own(identifier, request)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            text = f"The status is {intent['status']}."
            return _page("message", "Nothing to pay", text=text, link="")
        return _page(
            "pay",
            "Pay",
            402 if problem else 200,
            amount=money.shown(intent["amount"], intent["currency"]),
            lines=[],
            error=problem,
            asks_email=False,
            email="",
            methods=_methods(intent["payment_method_types"]),
            button="Pay",
            can_cancel=False,
            can_expire=False,
            identifier=identifier,
        )

    def intent_paid(self, identifier: str, request: Request, form: Form) -> Response:
        intent = self._own(identifier, request)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            return self.intent(identifier, request)
        back = request.query_params.get("return_url")
        item = self._method(form, intent["payment_method_types"])
        item["billing_details"]["name"] = form.get("name") or None
        payments.confirm(self._state, intent, item, return_url=back)
        error = payments.last_error(intent)
        if error:
            return self.intent(identifier, request, error.message)
        if intent["status"] == "requires_action":
            return _go(f"{self._state.url}/_standin/authenticate/{identifier}")
        return self._back(intent, back)

    def _own(self, identifier: str, request: Request) -> Object:
        intent = self._state.get("payment_intent", identifier)
        # As with Stripe Elements, the secret is what lets a browser pay.
        if request.query_params.get("client_secret") != intent["client_secret"]:
            raise StripeError("The client_secret does not fit this payment.", status=403)
        return intent

    def invoice(self, identifier: str, request: Request) -> Response:
        invoice = self._state.get("invoice", identifier)
        intent = invoice_payments.intent_of(self._state, invoice)
        if invoice["status"] == "open" and intent is not None:
            secret = urlencode({"client_secret": intent["client_secret"]})
            return _go(f"{self._state.url}/_standin/pay/{intent['id']}?{secret}")
        text = f"Invoice {invoice['number']} is {invoice['status']}."
        return _page("message", "Invoice", text=text, link="")

    def receipt(self, identifier: str, request: Request) -> Response:
        charge = self._state.get("charge", identifier)
        text = f"{money.shown(charge['amount_captured'], charge['currency'])} received."
        return _page("message", "Receipt", text=text, link="")


def _methods(types: list[str]) -> list[cards.TestMethod]:
    return [method for method in cards.METHODS if method.kind in types]
