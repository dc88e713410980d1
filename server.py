"""The webhook server: which routes there are. `app` for any ASGI server, or `python server.py`.

The project is the folder in ACTIONFLOW_PROJECT, else flows/ beside this file.
"""

from __future__ import annotations

import os
import pathlib
import sys

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from engine.errors import ActionflowError
from engine.project import Project
from engine.web.absent import unrouted
from engine.web.actions import run_action
from engine.web.cors import across_origins
from engine.web.health import healthz, readyz
from engine.web.metrics import metrics
from engine.web.openapi import openapi
from engine.web.service import lifespan
from engine.web.shop import shop_routes
from engine.web.static_files import client
from engine.web.studio import studio_routes
from engine.web.subscribe import subscribe
from engine.web.tables import read_table
from engine.web.tickets import make_ticket
from engine.web.webhook import StripeWebhook

WEBHOOK = "/webhooks/stripe"

routes = [
    Route("/actions/{name}", run_action, methods=["POST"]),
    Route("/tables/{table}", read_table),
    Route("/tables/{table}/subscribe", subscribe),
    Route("/tickets", make_ticket, methods=["POST"]),
    Route("/actionflow.js", client),
    Route("/openapi.json", openapi),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    *studio_routes,
]


class App(Starlette):
    """Starlette, but events go past its router: that alone takes a tenth of an event's time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == WEBHOOK:
            await StripeWebhook(self.state)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await super().__call__(scope, receive, in_words(send))
        else:
            await across_origins(super().__call__, self.state, scope, receive, send)


def in_words(send: Send) -> Send:
    """What keeps the server from starting, without the traceback where it is an error of ours."""

    async def sending(message: Message) -> None:
        error = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(error, ActionflowError):
            message = {**message, "message": str(error)}
        await send(message)

    return sending


def create_app(
    project: Project, *, demo: bool = False, stripe_base: str | None = None
) -> Starlette:
    """The application for one project; it opens the database when it starts, not before.

    `stripe_base` is the API's address where it is not Stripe's own: the stand-in's.
    """
    return App(
        routes=[*routes, *shop_routes()] if demo else routes,
        lifespan=lifespan(project, demo=demo, stripe_base=stripe_base),
        exception_handlers={404: unrouted, 405: unrouted},
    )


def __getattr__(name: str) -> Starlette:
    # Lazily, so that importing this module neither reads files nor can fail on a broken project.
    if name == "app":
        folder = os.environ.get("ACTIONFLOW_PROJECT") or pathlib.Path(__file__).parent / "flows"
        return create_app(Project.open(pathlib.Path(folder)))
    raise AttributeError(name)


if __name__ == "__main__":
    from engine.cli.main import main

    raise SystemExit(main(["serve"]))
