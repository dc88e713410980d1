"""Errors as `application/problem+json` (RFC 9457) with a stable `code`."""

from __future__ import annotations

from starlette.responses import JSONResponse


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error answer; `detail` says what was found, what was expected and what to do."""
    body = {"type": "about:blank", "code": code, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
