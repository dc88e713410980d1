"""The studio at /studio: who may see it, and its pages. Data comes from engine/web/studio_api.py."""

from __future__ import annotations

import pathlib
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from engine.web.absent import asks_for_page, refused
from engine.web.body import TooLarge, read_body
from engine.web.problems import problem
from engine.web.service import Service
from engine.web.studio_api import API
from engine.web.studio_asked import Asked, read_json
from engine.web.studio_html import NAVIGATION, frame
from engine.web.studio_security import answer_html, secured
from engine.web.studio_session import (
    HOME,
    MOST_BYTES,
    csrf_fits,
    current,
    sign_in,
    sign_in_form,
    sign_in_url,
    sign_out,
)

Handler = Callable[[Request], Awaitable[Response]]
STATIC = pathlib.Path(__file__).parent / "static" / "studio"


class Static(StaticFiles):
    """The studio's own files, asked for anew each time (a 304 when they are the same)."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not switched_on(Request(scope)):
            return nothing_here(Request(scope))
        try:
            answer = await super().get_response(path, scope)
        except HTTPException:
            return nothing_here(Request(scope))
        return secured(answer, cache="no-cache")


def switched_on(request: Request) -> bool:
    """Whether project.yaml leaves the studio on."""
    service: Service = request.app.state.service
    return service.project.file.studio.on


def may_edit(service: Service) -> bool:
    """Whether flows may be saved: in a demo, or where project.yaml says `studio: {edit: true}`."""
    return service.demo or service.project.file.studio.edit


def nothing_here(request: Request) -> Response:
    """The answer for what is not there, all of it where the studio is off."""
    if asks_for_page(request):
        return refused(request, 404, "not_found", f"There is no page {request.url.path[:100]}.")
    return secured(PlainTextResponse("Not Found", 404))


def when_on(handler: Handler) -> Handler:
    """The handler, unless the studio is switched off."""

    async def guarded(request: Request) -> Response:
        return await handler(request) if switched_on(request) else nothing_here(request)

    return guarded


def page(name: str, section: str, title: str) -> Handler:
    """One page's frame, for who is signed in."""

    async def answer(request: Request) -> Response:
        session = await run_in_threadpool(current, request)
        if session is None:
            return secured(RedirectResponse(sign_in_url(request), 303))
        service: Service = request.app.state.service
        text = frame(
            name,
            section,
            title,
            project=service.project.file.name,
            mode=service.secrets.mode,
            csrf=session.csrf,
            caller=session.caller,
            edit=may_edit(service),
        )
        return answer_html(text)

    return when_on(answer)


def data(work: Callable[[Asked], Response]) -> Handler:
    """One data route: JSON for who is signed in; a write needs the CSRF token of the session."""

    async def answer(request: Request) -> Response:
        session = await run_in_threadpool(current, request)
        if session is None:
            return secured(problem(401, "not_signed_in", "Sign in to the studio first."))
        given = None
        if request.method != "GET":
            if not csrf_fits(session, request.headers.get("x-csrf-token")):
                detail = "This request has no valid CSRF token. Load the page again."
                return secured(problem(403, "csrf_missing", detail))
            try:
                given = await read_json(request)
            except (TooLarge, ClientDisconnect, ValueError) as error:
                detail = f"Expected a JSON object of at most 1 MB. {error}".strip()
                return secured(problem(400, "not_json", detail))
        service: Service = request.app.state.service
        asked = Asked(service, session, request, given or {}, may_edit(service))
        found = await run_in_threadpool(work, asked)
        return secured(found, cache=found.headers.get("Cache-Control", "no-store"))

    return when_on(answer)


async def leave(request: Request) -> Response:
    """POST /studio/sign-out, by a form."""
    session = await run_in_threadpool(current, request)
    if session is None:
        return secured(RedirectResponse("/studio/sign-in", 303))
    try:
        body = (await read_body(request, MOST_BYTES)).decode("ascii", "replace")
    except (TooLarge, ClientDisconnect):
        body = ""
    if not csrf_fits(session, body.removeprefix("csrf=")):
        detail = "This form has no valid CSRF token. Load the page again, then sign out."
        return refused(request, 403, "csrf_missing", detail)
    return secured(await run_in_threadpool(sign_out, request, session))


async def first_page(_request: Request) -> Response:
    """GET /studio."""
    return secured(RedirectResponse(HOME, 303))


studio_routes: list[BaseRoute] = [
    Route("/studio", when_on(first_page)),
    Route("/studio/", when_on(first_page)),
    Route("/studio/sign-in", when_on(sign_in_form), methods=["GET"]),
    Route("/studio/sign-in", when_on(sign_in), methods=["POST"]),
    Route("/studio/sign-out", when_on(leave), methods=["POST"]),
    *[Route(f"/studio/{name}", page(name, name, title)) for name, title in NAVIGATION],
    Route("/studio/runs/{id:int}", page("run", "runs", "Run")),
    Route("/studio/inbox/{id}", page("event", "inbox", "Event")),
    Route("/studio/flows/{name}", page("flow", "flows", "Flow")),
    Route("/studio/tables/{name}", page("table", "tables", "Table")),
    Route("/studio/playground/{name}", page("playground", "playground", "Playground")),
    *[Route(f"/studio/api/{path}", data(work), methods=[method]) for method, path, work in API],
    Mount("/studio/static", Static(directory=STATIC)),
]
