"""Who may use the demo shop: a visitor of its own pages, with the session that they gave him.

The browser holds a session cookie; the API keys that the session acts with (a customer's and the
staff's) stay here, and a request that changes something has to carry the session's token, which no
page of another site can read.
"""

from __future__ import annotations

import hmac
import ipaddress
import threading
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.store.base import StoreError
from engine.stripe.client import StripeUnreachable
from engine.web.absent import refused
from engine.web.problems import problem
from engine.web.shop_stock import Shop

COOKIE = "actionflow_shop"
TOKEN_HEADER = "x-shop-token"
_opening = threading.Lock()


def opened(request: Request) -> Shop:
    """Made when it is first needed: at the server's start there is nobody to deliver events to."""
    state = request.app.state
    with _opening:
        if getattr(state, "shop", None) is None:
            state.shop = Shop.of(state.service)
    shop: Shop = state.shop
    return shop


async def entered(request: Request) -> tuple[Shop, Response] | tuple[None, Response]:
    """The shop, for a visitor with a session; else why not."""
    refused = stranger(request)
    if refused:
        return None, refused
    try:
        shop = await run_in_threadpool(opened, request)
    except (StoreError, StripeUnreachable) as error:
        return None, problem(503, "shop_closed", str(error), headers={"Retry-After": "5"})
    cookie, given = request.cookies.get(COOKIE, ""), request.headers.get(TOKEN_HEADER, "")
    if not cookie or not hmac.compare_digest(shop.token(cookie).encode(), given.encode()):
        return None, problem(403, "no_session", "This page is out of date; load it again.")
    return shop, Response()


def stranger(request: Request) -> Response | None:
    """A refusal for requests that another site made in a browser, or that came by another name.

    A name of an attacker's that leads to this machine (DNS rebinding) would make his page one of ours.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            detail = "Open the shop by the address that was printed."
            return refused(request, 403, "unknown_host", detail)
    site = request.headers.get("sec-fetch-site", "none")
    if site == "cross-site" and request.headers.get("sec-fetch-mode") != "navigate":
        return refused(request, 403, "cross_site", "Another site may not use the shop.")
    return None
