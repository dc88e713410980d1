"""Files that browsers get: few, known by name, and always with the headers that keep strangers out."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from engine.web.problems import problem

FOLDER = pathlib.Path(__file__).with_name("static")
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFE: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def static(name: str, *, policy: str = POLICY) -> Response:
    """The file of this name below static/, 404 where there is none of a known kind."""
    path = FOLDER / name
    known = path.suffix in KINDS and ".." not in name and path.is_file()
    if not known:
        return problem(404, "not_found", "There is no such file here.")
    headers = {**SAFE, "Content-Security-Policy": policy}
    return FileResponse(path, media_type=KINDS[path.suffix], headers=headers)


async def client(_request: Request) -> Response:
    """GET /actionflow.js: the client file for pages of one's own."""
    return static("actionflow.js")
