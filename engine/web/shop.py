"""The demo shop at /shop: pages that buy, refund and subscribe, on the routes that everyone uses.

Only `serve --demo` has it. `shop_session` says who may use it, `shop_stock` what it sells and keeps.
"""

from __future__ import annotations

import json
import secrets
import urllib.request
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.access.demo import CALLERS
from engine.model import Row
from engine.store.base import StoreBusy, StoreError, Transaction
from engine.stripe.client import StripeUnreachable
from engine.web.actions import run_action
from engine.web.body import TooLarge, read_body
from engine.web.problems import problem
from engine.web.service import Service
from engine.web.shop_session import COOKIE, entered, opened, stranger
from engine.web.shop_stock import NEEDED, PRODUCTS, shop_fits
from engine.web.static_files import SAFE, static
from engine.web.subscribe import subscribe
from engine.web.tables import read_table

MOST_BYTES = 4 * 1024
STRIPE_JS = "https://js.stripe.com https://*.js.stripe.com"
PAY_POLICY = (
    f"default-src 'none'; script-src 'self' {STRIPE_JS}; style-src 'self'; "
    "connect-src 'self' https://api.stripe.com; img-src 'self' https://*.stripe.com; "
    f"frame-src {STRIPE_JS} https://hooks.stripe.com; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
MONTH = 31 * 24 * 3600


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


async def _page(request: Request) -> Response:
    return stranger(request) or static("shop/index.html")


async def _pay_page(request: Request) -> Response:
    """Stripe's Elements; the stand-in has a page of its own for that."""
    service: Service = request.app.state.service
    if _publishable(service) is None:
        return RedirectResponse("/shop", 303)
    return stranger(request) or static("shop/pay.html", policy=PAY_POLICY)


async def _static(request: Request) -> Response:
    return static(f"shop/{request.path_params['name']}")


async def _session(request: Request) -> Response:
    """What the page needs to know, and the cookie. No key is in it."""
    refused = stranger(request)
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
        shop = await run_in_threadpool(opened, request)
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
    shop, refused = await entered(request)
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
    shop, refused = await entered(request)
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
    shop, refused = await entered(request)
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


def _standin(service: Service) -> str | None:
    """Where the stand-in is, None where this is Stripe itself."""
    base = getattr(service.actions.stripe, "base", None) if service.actions else None
    return base or None


def _publishable(service: Service) -> str | None:
    """The key for Stripe's Elements, None with the stand-in."""
    actions = service.actions
    return None if actions is None or _standin(service) else actions.publishable_key
