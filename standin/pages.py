"""Pages for a person, and what their forms do."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from standin import checkout_page, payment_pages
from standin.courier import Courier
from standin.errors import StripeError
from standin.html import Form, message, style
from standin.state import State

Show = Callable[[State, str, Request], Response]
Act = Callable[[State, str, Request, Form], Response]
_TABLE: tuple[tuple[str, Show, Act | None], ...] = (
    ("/c/pay/{id}", checkout_page.show, checkout_page.submit),
    ("/_standin/authenticate/{id}", payment_pages.question, payment_pages.answered),
    ("/_standin/pay/{id}", payment_pages.show, payment_pages.submit),
    ("/_standin/invoices/{id}", payment_pages.invoice, None),
    ("/_standin/receipts/{id}", payment_pages.receipt, None),
)


async def _home(request: Request) -> Response:
    text = "This is a fake of Stripe's API for development and tests. Use any sk_test_ key."
    return message("Stand-in for Stripe", text, link="/_standin/events")


async def _style(request: Request) -> Response:
    return style()


def routes(state: State, courier: Courier) -> list[BaseRoute]:
    """The pages' routes."""
    made: list[BaseRoute] = [Route("/", _home), Route("/_standin/style.css", _style)]
    for path, show, act in _TABLE:
        methods = ["GET", "POST"] if act else ["GET"]
        made.append(Route(path, _endpoint(state, courier, show, act), methods=methods))
    return made


def _endpoint(
    state: State,
    courier: Courier,
    show: Show,
    act: Act | None,
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        identifier = request.path_params["id"]
        form: Form = {}
        if request.method == "POST":
            form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            with state.lock:
                if act is None or request.method == "GET":
                    return show(state, identifier, request)
                return act(state, identifier, request, form)
        except StripeError as error:
            return message("This cannot be done", error.message, status=error.status)
        finally:
            courier.wake()

    return answer
