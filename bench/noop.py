"""A Starlette endpoint that reads the body and does nothing: what the HTTP side alone costs."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def webhook(request: Request) -> Response:
    """200, whatever it is."""
    await request.body()
    return JSONResponse({"received": True})


app = Starlette(routes=[Route("/webhooks/stripe", webhook, methods=["POST"])])
