"""The demo shop at /shop: pages that buy, refund and subscribe, on the routes that everyone uses.

Only `serve --demo` has it. The browser holds a session cookie; the API keys that the session acts
with (a customer's and the staff's) stay here, and a request that changes something has to carry the
session's token, which no page of another site can read.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import logging
import secrets
import threading
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.access.demo import CALLERS, demo_keys
from engine.model import ProjectFile, Row
from engine.store.base import StoreBusy, StoreError, Transaction
from engine.stripe.client import StripeUnreachable
from engine.web.actions import run_action
from engine.web.body import TooLarge, read_body
from engine.web.problems import problem
from engine.web.service import STANDIN_KEY, Service
from engine.web.static_files import SAFE, static
from engine.web.subscribe import subscribe
from engine.web.tables import read_table

log = logging.getLogger("actionflow.shop")

COOKIE = "actionflow_shop"
TOKEN_HEADER = "x-shop-token"
MOST_BYTES = 4 * 1024
PRODUCTS: tuple[Row, ...] = (
    {"id": "notebook", "item": "Notebook", "amount": 10000, "currency": "usd", "every": None},
    {"id": "pencils", "item": "Pencil case", "amount": 2500, "currency": "eur", "every": None},
    {"id": "tea", "item": "Tea for a month", "amount": 2000, "currency": "usd", "every": "month"},
)
NEEDED = ("user_id", "item", "amount", "currency")
"""Columns of the order table that the shop writes; the example project's has them."""
STRIPE_JS = "https://js.stripe.com https://*.js.stripe.com"
PAY_POLICY = (
    f"default-src 'none'; script-src 'self' {STRIPE_JS}; style-src 'self'; "
    "connect-src 'self' https://api.stripe.com; img-src 'self' https://*.stripe.com; "
    f"frame-src {STRIPE_JS} https://hooks.stripe.com; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
MONTH = 31 * 24 * 3600


@dataclass(slots=True)
class Shop:
    """What the shop keeps on the server's side."""

    keys: dict[str, str]
    """API keys by role."""
    prices: dict[str, str]
    """Stripe's price ids by product."""
    secret: bytes
    """What makes a session's token out of its cookie; the same after a restart."""

    @classmethod
    def of(cls, service: Service) -> Shop:
        """Keys and prices, made where they are missing. Raises StoreError, StripeUnreachable."""
        project = service.project
        keys = demo_keys(project.folder, project.file, service.store, CALLERS)
        prices = {}
        for product in PRODUCTS:
            if product["every"] and service.actions is not None:
                prices[product["id"]] = _price(service.actions.stripe, project.file.name, product)
        return cls(keys, prices, hmac.digest(service.tickets.key, b"shop", "sha256"))

    def token(self, cookie: str) -> str:
        """The token that goes with a session's cookie."""
        return hmac.new(self.secret, cookie.encode(), "sha256").hexdigest()


def _price(stripe: Any, project: str, product: Row) -> str:
    """The recurring price of a product, found by its lookup key or made."""
    key = f"{project}_demo_{product['id']}_{product['amount']}_{product['currency']}"
    found = stripe.perform("prices.list", {"lookup_keys": [key], "active": True, "limit": 1})
    if found.get("ok", {}).get("data"):
        return str(found["ok"]["data"][0]["id"])
    made = stripe.perform(
        "prices.create",
        {
            "currency": product["currency"],
            "unit_amount": product["amount"],
            "recurring": {"interval": product["every"]},
            "product_data": {"name": product["item"]},
            "lookup_key": key,
        },
    )
    if "error" in made:
        raise StripeUnreachable(f"The demo's price was refused: {made['error']['message']}")
    return str(made["ok"]["id"])


def shop_fits(project: ProjectFile) -> bool:
    """Whether this project has what the shop sells with: the example's order columns and roles."""
    return all(name in project.order.columns for name in NEEDED) and all(
        role in project.roles for role in CALLERS
    )


def shop_routes() -> list[Route]:
    """The shop's routes."""
    return [
        Route("/shop", _page),
        Route("/shop/", _page),
        Route("/shop/paid", _page),
        Route("/shop/pay", _pay_page),
        Route("/shop/session", _session),
        Route("/shop/orders", _order, methods=["POST"]),
        Route("/shop/month", _month, methods=["POST"]),
        Route("/shop/as/{role}/actions/{name}", _as_role, methods=["POST"]),
        Route("/shop/as/{role}/tables/{table}", _as_role),
        Route("/shop/as/{role}/tables/{table}/subscribe", _as_role),
        Route("/shop/static/{name}", _static),
    ]


_opening = threading.Lock()


def _shop(request: Request) -> Shop:
    """Made when it is first needed: at the server's start there is nobody to deliver events to."""
    state = request.app.state
    with _opening:
        if getattr(state, "shop", None) is None:
            state.shop = Shop.of(state.service)
    shop: Shop = state.shop
    return shop


async def _page(request: Request) -> Response:
    return _stranger(request) or static("shop/index.html")


async def _pay_page(request: Request) -> Response:
    """Stripe's Elements; the stand-in has a page of its own for that."""
    service: Service = request.app.state.service
    if _publishable(service) is None:
        return RedirectResponse("/shop", 303)
    return _stranger(request) or static("shop/pay.html", policy=PAY_POLICY)


async def _static(request: Request) -> Response:
    return static(f"shop/{request.path_params['name']}")


async def _session(request: Request) -> Response:
    """What the page needs to know, and the cookie. No key is in it."""
    refused = _stranger(request)
    if refused:
        return refused
    service: Service = request.app.state.service
    if not shop_fits(service.project.file):
        detail = (
            f"The demo shop sells the example's orders: it needs the columns {', '.join(NEEDED)} "
            f"in the order table, and the roles {' and '.join(CALLERS)}."
        )
        return problem(404, "no_shop", detail)
    try:
        shop = await run_in_threadpool(_shop, request)
    except (StoreError, StripeUnreachable) as error:
        return problem(503, "shop_closed", str(error), headers={"Retry-After": "5"})
    cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
    body = {
        "token": shop.token(cookie),
        "name": service.project.file.config.get("shop_name", service.project.file.name),
        "customer": CALLERS["customer"],
        "products": [{**one, "price": shop.prices.get(one["id"])} for one in PRODUCTS],
        "standin": _standin(service),
        "publishableKey": _publishable(service),
        "stripe": service.actions is not None,
    }
    answer = JSONResponse(body, headers={**SAFE, "Cache-Control": "no-store"})
    answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/shop")
    return answer


async def _order(request: Request) -> Response:
    """A new order of the demo's customer: the page names the product, the price is ours."""
    shop, refused = await _entered(request)
    if shop is None:
        return refused
    try:
        given = json.loads(await read_body(request, MOST_BYTES))
    except (ValueError, TooLarge):
        given = None
    wanted = given.get("product") if isinstance(given, dict) else None
    product = next((one for one in PRODUCTS if one["id"] == wanted), None)
    if product is None:
        return problem(422, "no_such_product", "Name one of the shop's products.")
    service: Service = request.app.state.service
    row = {name: product[name] for name in ("item", "amount", "currency")}

    def insert(tx: Transaction) -> Row:
        table = service.project.file.order_table
        return tx.insert(table, {**row, "user_id": CALLERS["customer"]})

    try:
        made = await run_in_threadpool(lambda: service.writer.submit(insert).result())
    except StoreBusy as error:
        return problem(503, "busy", str(error), headers={"Retry-After": "5"})
    except StoreError as error:
        return problem(422, "no_order", str(error))
    return JSONResponse({"orderId": made[service.project.file.order.key]}, 201)


async def _month(request: Request) -> Response:
    """Move the stand-in's clock on by a month: subscriptions renew, or end."""
    shop, refused = await _entered(request)
    if shop is None:
        return refused
    base = _standin(request.app.state.service)
    if base is None:
        return problem(404, "no_standin", "Only the stand-in's time can be moved.")
    answer = await run_in_threadpool(_control, f"{base}/_standin/clock", {"advance": MONTH})
    return JSONResponse(answer)


def _control(url: str, body: Row) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, orjson.dumps(body), timeout=30) as answer:
        return json.loads(answer.read())


async def _as_role(request: Request) -> Response:
    """The route of the same name, called with the key of a role."""
    shop, refused = await _entered(request)
    if shop is None:
        return refused
    key = shop.keys.get(request.path_params["role"])
    if key is None:
        return problem(404, "no_such_role", f"The shop acts as {' or '.join(CALLERS)}.")
    ours = (b"authorization", b"cookie")
    headers = [pair for pair in request.scope["headers"] if pair[0] not in ours]
    headers.append((b"authorization", f"Bearer {key}".encode()))
    inner = Request({**request.scope, "headers": headers}, request.receive)
    if "name" in request.path_params:
        return await run_action(inner)
    if request.url.path.endswith("/subscribe"):
        return await subscribe(inner)
    return await read_table(inner)


async def _entered(request: Request) -> tuple[Shop, Response] | tuple[None, Response]:
    """The shop, for a visitor with a session; else why not."""
    refused = _stranger(request)
    if refused:
        return None, refused
    try:
        shop = await run_in_threadpool(_shop, request)
    except (StoreError, StripeUnreachable) as error:
        return None, problem(503, "shop_closed", str(error), headers={"Retry-After": "5"})
    cookie, given = request.cookies.get(COOKIE, ""), request.headers.get(TOKEN_HEADER, "")
    if not cookie or not hmac.compare_digest(shop.token(cookie).encode(), given.encode()):
        return None, problem(403, "no_session", "This page is out of date; load it again.")
    return shop, Response()


def _stranger(request: Request) -> Response | None:
    """A refusal for requests that another site made in a browser, or that came by another name.

    A name of an attacker's that leads to this machine (DNS rebinding) would make his page one of ours.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return problem(403, "unknown_host", "Open the shop by the address that was printed.")
    site = request.headers.get("sec-fetch-site", "none")
    if site == "cross-site" and request.headers.get("sec-fetch-mode") != "navigate":
        return problem(403, "cross_site", "Another site may not use the shop.")
    return None


def _standin(service: Service) -> str | None:
    """Where the stand-in is, None where this is Stripe itself."""
    base = getattr(service.actions.stripe, "base", None) if service.actions else None
    return base or None


def _publishable(service: Service) -> str | None:
    """The key for Stripe's Elements, None with the stand-in."""
    key = service.actions.publishable_key if service.actions else None
    return None if _standin(service) or key == STANDIN_KEY else key
