"""The HTTP side: authentication, idempotency, faults and answers around every API operation."""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from standin import API_VERSION, auth, expand, faults, form, idempotency, parameters, versions
from standin import catalogue as _catalogue  # noqa: F401  (registers the operations)
from standin.api import OPERATIONS, Call, Operation
from standin.control import routes as control_routes
from standin.courier import Courier
from standin.errors import Object, StripeError
from standin.idempotency import Saved
from standin.pages import routes as page_routes
from standin.state import State

_log = logging.getLogger("standin")
_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$")
_MAX_BODY = 1_000_000


class Dropped(Exception):
    """The connection is to be closed without an answer."""


def create_app(state: State) -> Starlette:
    """The stand-in as an ASGI application over this state; raises LiveKey beside a live key."""
    auth.refuse_live_environment(os.environ)
    courier = Courier(state)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(courier.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await courier.close()

    ordered = sorted(OPERATIONS, key=lambda entry: entry.path.count("{"))
    app = Starlette(
        routes=[
            *(Route(e.path, _endpoint(state, courier, e), methods=[e.method]) for e in ordered),
            *control_routes(state, courier),
            *page_routes(state, courier),
            Route("/{rest:path}", _unknown_url, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]),
        ],
        lifespan=lifespan,
        middleware=[
            # Stripe.js calls the API from the shop's own page, with a publishable key.
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["*"],
            ),
            # No site may reach the stand-in by giving its own name this machine's address.
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"]),
            Middleware(_CloseWhenDropped),
        ],
    )
    app.state.standin = state
    app.state.courier = courier
    return app


class _CloseWhenDropped:
    """Closes the connection where the answer is to be lost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Dropped:
            close = scope.get("extensions", {}).get("standin.close")
            if close is None:
                raise ConnectionResetError("the stand-in dropped the connection") from None
            close()
            # The server still waits for an answer until it has seen the connection go.
            while (await receive())["type"] != "http.disconnect":
                pass


def _endpoint(
    state: State, courier: Courier, operation: Operation
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await _Exchange(state, courier, operation, request).run()

    return answer


class _Exchange:
    """One API request and its answer."""

    def __init__(
        self, state: State, courier: Courier, operation: Operation, request: Request
    ) -> None:
        self.state, self.courier = state, courier
        self.operation, self.request = operation, request
        self.request_id = state.ids.new("req")
        self.key = request.headers.get("idempotency-key") if request.method == "POST" else None
        self.version = request.headers.get("stripe-version") or API_VERSION

    async def run(self) -> Response:
        try:
            return await self._run()
        except StripeError as error:
            self._note({}, error.status)
            return self._respond(error.status, _json(error.payload()), self.request_id)

    async def _run(self) -> Response:
        request, state = self.request, self.state
        secret = auth.key_of(request.headers.get("authorization"))
        if auth.is_publishable(secret) and not self.operation.publishable:
            raise StripeError(
                "This API call cannot be made with a publishable API key. Please use a secret API "
                "key. You can find a list of your API keys at "
                "https://dashboard.stripe.com/account/apikeys.",
                status=401,
                code="secret_key_required",
            )
        if not _VERSION.match(self.version):
            raise StripeError(
                f"Invalid Stripe API version: {self.version}", code="invalid_api_version"
            )
        body = await request.body()
        if len(body) > _MAX_BODY:
            raise StripeError("Request body is too large.", status=413)
        # Python's urlencode writes ä as UTF-8 bytes; anything else is not Stripe's encoding.
        given = form.decode((request.url.query + "&" + body.decode("utf-8", "replace")).strip("&"))
        saved_key = None
        if self.key:
            seen = f"{request.method} {request.url.path} {json.dumps(given, sort_keys=True)}"
            fingerprint = hashlib.sha256(seen.encode()).hexdigest()
            saved_key = f"{secret} {self.key}"
            replay = idempotency.look_up(state.saved, self.key, saved_key, fingerprint)
            if replay:
                self._note(given, replay.status)
                return self._respond(replay.status, replay.body, replay.request_id, replayed=True)
        fault = faults.take(state.faults, request.method, request.url.path)
        if fault:
            instead = fault.before()
            if fault.kind == "drop_before":
                raise Dropped
            if instead:
                raise instead
        params = parameters.check(self.operation.name, given)
        if saved_key:
            state.saved[saved_key] = Saved(fingerprint)
        status, answer = self._work(params, auth.is_publishable(secret))
        self._note(given, status)
        if fault and fault.kind == "hang":
            await fault.released.wait()
        if saved_key:
            state.saved[saved_key] = Saved(fingerprint, status, answer, self.request_id)
        early = state.delivery.when == "before_answer" and not state.delivery.hold
        # A receiver that calls the API while it is served must not wait for itself.
        if early and not self.courier.busy:
            await self.courier.flush(everything=False)
        self.courier.wake()
        if fault and fault.kind == "drop_after":
            raise Dropped
        if fault and fault.kind == "error_after":
            raise StripeError("An unknown error occurred", status=fault.status, type="api_error")
        return self._respond(status, answer, self.request_id)

    def _work(self, params: dict[str, Any], publishable: bool) -> tuple[int, bytes]:
        paths = params.pop("expand", ())
        call = Call(
            self.state, params, dict(self.request.path_params), self.request.url.path, publishable
        )
        with self.state.lock:
            self.state.request = {"id": self.request_id, "idempotency_key": self.key}
            try:
                result = self.operation.handler(call)
                return 200, _json(expand.render(self.state, result, paths, self._shape))
            except StripeError as error:
                return error.status, _json(error.payload())
            except Exception:
                _log.exception("stand-in: %s failed", self.operation.name)
                failure = StripeError("The stand-in failed.", status=500, type="api_error")
                return 500, _json(failure.payload())
            finally:
                self.state.request = {"id": None, "idempotency_key": None}

    def _shape(self, item: Any) -> Any:
        return versions.shape(self.state, item, self.version)

    def _note(self, given: Object, status: int) -> None:
        self.state.log.append(
            {
                "id": self.request_id,
                "method": self.request.method,
                "path": self.request.url.path,
                "params": given,
                "idempotency_key": self.key,
                "status": status,
            }
        )

    def _respond(
        self, status: int, body: bytes, request_id: str, *, replayed: bool = False
    ) -> Response:
        headers = {
            "Request-Id": self.request_id,
            "Stripe-Version": versions.shown(self.version),
            "Stripe-Stand-In": "this is not Stripe",
        }
        if self.key:
            headers["Idempotency-Key"] = self.key
            headers["Original-Request"] = request_id
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        if status >= 400 and status != 409 and status != 429:
            headers["Stripe-Should-Retry"] = "false" if status < 500 else "true"
        return Response(body, status, headers, media_type="application/json")


async def _unknown_url(request: Request) -> Response:
    error = StripeError(
        f"Unrecognized request URL ({request.method}: {request.url.path}). The stand-in answers "
        "a part of Stripe's API only; see its README.",
        status=404,
    )
    return Response(_json(error.payload()), 404, media_type="application/json")


def _json(content: Object) -> bytes:
    return json.dumps(content, indent=2).encode()
