"""The look of every page, and the headers that keep scripts and strangers out."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from standin import cards, payment_methods
from standin.errors import Object, StripeError
from standin.state import State

# What a form sends, by field name.
Form = dict[str, str]
_FOLDER = Path(__file__).with_name("templates")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_environment = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
)


def page(template: str, title: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """One of the templates as an answer."""
    text = _environment.get_template(f"{template}.html").render(title=title, **values)
    return HTMLResponse(text, status, _HEADERS)


def message(title: str, text: str, *, status: int = 200, link: str = "") -> HTMLResponse:
    """A page that only says something, with a way on if there is one."""
    return page("message", title, status, text=text, link=link)


def go(url: str) -> Response:
    """Sends the browser on after a form."""
    return RedirectResponse(url, 303)


def style() -> Response:
    """The style sheet of all pages."""
    return Response((_FOLDER / "style.css").read_text(), media_type="text/css")


def methods(types: list[str]) -> list[cards.TestMethod]:
    """The test methods a person may choose from."""
    return [method for method in cards.METHODS if method.kind in types]


def chosen(state: State, form: Form, types: list[str]) -> Object:
    """A payment method from what a person chose or typed; only test numbers are known."""
    number = form.get("number", "").strip()
    method = cards.by_number(number) if number else cards.by_token(form.get("method", ""))
    if method is None or method.kind not in types:
        raise StripeError(
            "Your card number is incorrect. The stand-in knows Stripe's test cards only.",
            status=402,
            type="card_error",
            code="incorrect_number",
        )
    return payment_methods.create(state, method)
