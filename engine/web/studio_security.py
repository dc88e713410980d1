"""What every answer of the studio carries: a strict content security policy, and no caching."""

from __future__ import annotations

from typing import TypeVar

from starlette.responses import HTMLResponse, Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Answer = TypeVar("Answer", bound=Response)


def secured(answer: Answer, *, cache: str = "no-store") -> Answer:
    """The same answer with these headers."""
    for name, value in HEADERS.items():
        answer.headers[name] = value
    answer.headers["Cache-Control"] = cache
    return answer


def answer_html(text: str, status: int = 200) -> Response:
    """A page."""
    return secured(HTMLResponse(text, status))
