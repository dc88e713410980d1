"""What a browser is shown where an API client gets a problem: a plain page that says what there is."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from html import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from engine.web.problems import problem
from engine.web.studio_security import HEADERS

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:12vh auto;padding:0 1rem}"
    "p,li{overflow-wrap:anywhere}"
)
_DIGEST = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGES = (("/shop", "the demo shop"), ("/studio", "the studio: runs, events, flows"))
DATA = (
    ("/openapi.json", "the actions, and what they take"),
    ("/readyz", "whether the server is ready"),
)


def asks_for_page(request: Request) -> bool:
    """Whether it is a browser that asks, for something to show."""
    return "text/html" in request.headers.get("accept", "")


def refused(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The error as a page where a browser asks for one (`Accept: text/html`), else as a problem."""
    varies = {**(headers or {}), "Vary": "Accept"}
    if not asks_for_page(request):
        return problem(status, code, detail, headers=varies)
    safe = {**HEADERS, "Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(_page(request, status, detail), status, {**safe, **varies})


async def unrouted(request: Request, error: Exception) -> Response:
    """What the router refuses: no such route, or not by this method."""
    assert isinstance(error, HTTPException)
    asked = f"{request.method} {request.url.path[:100]}"
    if error.status_code == 404:
        detail = f"There is no route {asked}; docs/ says which there are, GET /openapi.json which actions."
        return refused(request, 404, "no_such_route", detail)
    headers = dict(error.headers or {})
    detail = f"{asked} is not answered; this route takes {headers.get('Allow', 'other methods')}."
    return refused(request, error.status_code, "method_not_allowed", detail, headers=headers)


def _page(request: Request, status: int, detail: str) -> str:
    title = "There is nothing here" if status == 404 else "This was refused"
    links = "\n".join(
        f'<li><a href="{path}">{path}</a>: {escape(what)}</li>'
        for path, what in (*PAGES, *DATA)
        if _is_there(path, request)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{status}: {title} · Actionflow</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{escape(detail)}</p>
<p>This is an Actionflow server. It has</p>
<ul>
{links}
</ul>
<p>docs/server.md says what every address is for.</p>
</main>
</body>
</html>
"""


def _is_there(path: str, request: Request) -> bool:
    if path == "/studio":
        return bool(request.app.state.service.project.file.studio.on)
    return any(getattr(route, "path", "") == path for route in request.app.routes)
