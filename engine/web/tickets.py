"""POST /tickets: a short-lived ticket to subscribe with, for clients that can send no headers.

A browser's EventSource is one. What stands in an address ends up in logs and histories, so a key
never does; a ticket is good for opening streams only, and for a minute.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.web.reading import caller_of, refusing
from engine.web.service import Service
from engine.web.ticket import SECONDS


async def make_ticket(request: Request) -> Response:
    """A ticket for whom the bearer token speaks for."""
    return await run_in_threadpool(refusing, lambda: _make(request))


def _make(request: Request) -> Response:
    service: Service = request.app.state.service
    body = {"ticket": service.tickets.make(caller_of(request)), "expires_in": SECONDS}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
