"""Signing in to the studio: an admin's API key or JWT once, then a cookie and a row in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from engine.access import AccessDenied, AccessError, Caller, authenticate
from engine.access.demo import key_file
from engine.access.keys import MARK
from engine.access.keys import digest as key_digest
from engine.clock import timestamp
from engine.paths import shown
from engine.store import sessions
from engine.store.base import StoreBusy, Transaction
from engine.store.sessions import Session
from engine.web.body import TooLarge, read_body
from engine.web.service import Service
from engine.web.studio_html import sign_in_page
from engine.web.studio_security import answer_html, secured

ROLE = "admin"
"""The one role the studio is for."""
COOKIE = "actionflow_studio"
SIGN_IN_COOKIE = "actionflow_sign_in"
PATH = "/studio"
LASTS = 8 * 3600
"""Seconds a session lasts at most; one opened with a JWT ends with the token."""
MOST_BYTES = 32 * 1024
HOME = "/studio/runs"


@dataclass(frozen=True, slots=True)
class Form:
    """The sign-in form as sent. `next` is where to go afterwards, always inside the studio."""

    token: str
    csrf: str
    next: str


async def sign_in_form(request: Request) -> Response:
    """GET /studio/sign-in."""
    return _form_page(request, _inside(request.query_params.get("next", "")))


async def sign_in(request: Request) -> Response:
    """POST /studio/sign-in: 303 into the studio, or the form again with the reason."""
    service: Service = request.app.state.service
    try:
        form = _form(await read_body(request, MOST_BYTES))
    except (TooLarge, ClientDisconnect, UnicodeDecodeError):
        return _form_page(request, HOME, "That was no sign-in form. Try again.", 400)
    sent = request.cookies.get(SIGN_IN_COOKIE, "")
    # Double submit: a page of another site can send the form, but neither read nor set the cookie.
    if not sent or not hmac.compare_digest(sent.encode(), form.csrf.encode()):
        return _form_page(request, form.next, "This form was too old. Try again.", 403)
    try:
        cookie, lasts = await run_in_threadpool(_open, request, service, form.token)
    except AccessError as refused:
        page = _form_page(request, form.next, str(refused), refused.status)
        for name, value in refused.headers.items():
            page.headers[name] = value
        return page
    except StoreBusy as error:
        return _form_page(request, form.next, str(error), 503)
    answer = RedirectResponse(form.next, 303)
    _set(answer, request, COOKIE, cookie, lasts, PATH)
    answer.delete_cookie(SIGN_IN_COOKIE, PATH + "/sign-in")
    return secured(answer)


def sign_out(request: Request, session: Session) -> Response:
    """Close the session; its cookie is worth nothing afterwards, wherever it was copied to."""
    service: Service = request.app.state.service
    service.writer.submit(lambda tx: sessions.end(tx, session.digest)).result()
    answer = RedirectResponse(PATH + "/sign-in", 303)
    answer.delete_cookie(COOKIE, PATH)
    return answer


def current(request: Request) -> Session | None:
    """The session of a request's cookie; None without one, or when the role is the wrong one now."""
    service: Service = request.app.state.service
    cookie = request.cookies.get(COOKIE)
    if not cookie or len(cookie) > 100:
        return None
    with service.store.reader() as tx:
        found = sessions.find(tx, _digest(cookie))
    if found is None or found.role != ROLE or ROLE not in service.project.file.roles:
        return None
    return found


def csrf_fits(session: Session, given: str | None) -> bool:
    """Whether a write carries the token of its session's pages."""
    return bool(given) and hmac.compare_digest(session.csrf.encode(), (given or "").encode())


def sign_in_url(request: Request) -> str:
    """Where somebody who is not signed in is sent, with the way back."""
    wanted = request.url.path
    if request.url.query:
        wanted += f"?{request.url.query}"
    return f"{PATH}/sign-in?next={quote(wanted, safe='')}"


def _open(request: Request, service: Service, token: str) -> tuple[str, int]:
    """A new session's cookie, and how many seconds it lasts."""
    caller = authenticate(
        f"Bearer {token}" if token else None,
        project=service.project.file,
        store=service.store,
        tokens=service.tokens,
        limit=service.failures,
        address=request.client.host if request.client else "",
    )
    if caller.role != ROLE:
        raise AccessDenied(
            "studio_denied", f"This key is of the role '{caller.role}'; the studio is for '{ROLE}'."
        )
    return _keep(service, caller, token)


def _keep(service: Service, caller: Caller, token: str) -> tuple[str, int]:
    cookie = secrets.token_urlsafe(32)
    now = int(time.time())
    ends = now + LASTS
    if caller.via == "jwt":
        ends = min(ends, _expiry(token, ends))

    def keep(tx: Transaction) -> None:
        sessions.add(
            tx,
            digest=_digest(cookie),
            csrf=secrets.token_urlsafe(32),
            role=caller.role,
            caller=caller.id,
            via=caller.via,
            key_digest=key_digest(token) if token.startswith(MARK) else None,
            expires_at=timestamp(ends),
        )

    service.writer.submit(keep).result()
    return cookie, ends - now


def _expiry(token: str, otherwise: int) -> int:
    """The `exp` of a token that was verified before, in seconds since 1970."""
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    found = claims.get("exp", otherwise)
    return int(found)


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _form(body: bytes) -> Form:
    fields = parse_qs(body.decode(), max_num_fields=10)

    def field(name: str) -> str:
        return fields.get(name, [""])[0].strip()

    return Form(field("token"), field("csrf"), _inside(field("next")))


def _inside(path: str) -> str:
    """The path when it is a page of the studio, else its first page: never another site."""
    proper = path.startswith(f"{PATH}/") and path.isprintable() and "\\" not in path
    if not proper or path.startswith((f"{PATH}/sign-", f"{PATH}/api/")):
        return HOME
    return path


def _form_page(request: Request, next: str, error: str = "", status: int = 200) -> Response:
    service: Service = request.app.state.service
    csrf = secrets.token_urlsafe(24)
    project = service.project
    key = key_file(project.folder, ROLE)
    text = sign_in_page(
        project.file.name,
        csrf,
        next,
        error,
        no_role=ROLE not in project.file.roles,
        key_file=shown(key) if service.demo and key.is_file() else "",
    )
    page = answer_html(text, status)
    _set(page, request, SIGN_IN_COOKIE, csrf, 3600, PATH + "/sign-in")
    return page


def _set(
    answer: Response, request: Request, name: str, value: str, seconds: int, path: str
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
