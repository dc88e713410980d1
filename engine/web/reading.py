"""What reading requests share: who asks, and refusals as answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from engine.access import AccessError, AuthenticationFailed, Caller, authenticate
from engine.store import keys
from engine.store.base import StoreBusy
from engine.web.problems import problem
from engine.web.query import BadQuery
from engine.web.service import Service


def caller_of(request: Request, *, by_ticket: bool = False) -> Caller:
    """Who sends a request: by its header or, where that is allowed, by a ticket.

    Raises AccessError, StoreBusy.
    """
    service: Service = request.app.state.service
    project = service.project.file
    if by_ticket and "authorization" not in request.headers and "ticket" in request.query_params:
        caller = service.tickets.caller(request.query_params["ticket"])
        if caller.role not in project.roles:
            raise AuthenticationFailed("unknown_role", "The role of this ticket is not there now.")
        if caller.until is not None and time.time() >= caller.until:
            raise AuthenticationFailed("token_expired", "The token of this ticket has expired.")
        if caller.key is not None:
            with service.store.reader() as tx:
                if keys.revoked(tx, caller.key):
                    raise AuthenticationFailed("revoked_key", "The key of this ticket was revoked.")
        return caller
    return authenticate(
        request.headers.get("authorization"),
        project=project,
        store=service.store,
        tokens=service.tokens,
        limit=service.failures,
        address=request.client.host if request.client else "",
    )


def refusing(work: Callable[[], Response]) -> Response:
    """The answer, or what stands in its way as problem+json."""
    try:
        return work()
    except AccessError as refused:
        return problem(refused.status, refused.code, str(refused), headers=dict(refused.headers))
    except BadQuery as refused:
        return problem(400, refused.code, str(refused))
    except StoreBusy as error:
        return problem(503, "busy", str(error), headers={"Retry-After": "5"})
