"""Errors as `application/problem+json` (RFC 9457) with a stable `code`."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error answer; `detail` says what was found, what was expected and what to do."""
    body = {"type": "about:blank", "code": code, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def unrouted(request: Request, error: Exception) -> Response:
    """What the router refuses: no such route, or not by this method."""
    assert isinstance(error, HTTPException)
    asked = f"{request.method} {request.url.path[:100]}"
    if error.status_code == 404:
        detail = f"There is no route {asked}; docs/ says which there are, GET /openapi.json which actions."
        return problem(404, "no_such_route", detail)
    headers = dict(error.headers or {})
    detail = f"{asked} is not answered; this route takes {headers.get('Allow', 'other methods')}."
    return problem(error.status_code, "method_not_allowed", detail, headers=headers)
