"""Cross-origin requests (https://fetch.spec.whatwg.org/#http-cors-protocol): a shop's page elsewhere.

Credentials are bearer tokens that a page has to know, so cookies are never let across; the studio,
which has a cookie, answers its own origin only.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders, State
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.web.problems import problem

OPEN = ("/actions/", "/tables/", "/tickets", "/actionflow.js")
"""What pages of other origins may use, where project.yaml lets them."""
METHODS = "GET, POST"
HEADERS = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control, Pragma"
EXPOSED = "Retry-After, Idempotent-Replayed, WWW-Authenticate"
REMEMBERED = "600"
"""Seconds a browser need not ask again."""


async def across_origins(
    app: ASGIApp, state: State, scope: Scope, receive: Receive, send: Send
) -> None:
    """Have the app answer, with the headers that let a page of an allowed origin read it."""
    if scope["type"] != "http" or not scope["path"].startswith(OPEN):
        await app(scope, receive, send)
        return
    asked = Headers(scope=scope)
    origin = asked.get("origin", "")
    allowed = origin in state.service.project.file.origins
    if scope["method"] == "OPTIONS" and "access-control-request-method" in asked:
        await _preflight(origin, allowed)(scope, receive, send)
        return

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Origin")
            if allowed:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = EXPOSED
        await send(message)

    await app(scope, receive, sending)


def _preflight(origin: str, allowed: bool) -> Response:
    vary = {"Vary": "Origin"}
    if not allowed:
        detail = f"Pages of {origin[:100]!r} may not call this server; see `cors:` in project.yaml."
        return problem(403, "origin_denied", detail, headers=vary)
    return Response(
        status_code=204,
        headers={
            **vary,
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": REMEMBERED,
        },
    )
