"""POST /actions/{name}: who asks, may he, is the input right, is the order his; then the action's flow."""

from __future__ import annotations

import logging
import time

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from engine.access import AccessError, authenticate, authorize, may_call
from engine.actions import Asked, no_flow, unfit_input
from engine.answer import Answer
from engine.metrics import OTHER
from engine.model import Row, Value
from engine.project import Project
from engine.store.base import BadValue, StoreBusy, Transaction
from engine.web.body import TooLarge, read_body
from engine.web.problems import problem
from engine.web.service import Service

log = logging.getLogger("actionflow.actions")

MOST_BYTES = 64 * 1024
LONGEST_KEY = 255


async def run_action(request: Request) -> Response:
    """One user action. The answer is what its flow `returns`, or problem+json with a stable code.

    A request with an `Idempotency-Key` header can be sent again: it is done once and answered alike.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        detail = f"The Idempotency-Key has {len(key)} characters; expected 1 to {LONGEST_KEY}."
        return problem(400, "bad_idempotency_key", detail)
    try:
        body = await read_body(request, MOST_BYTES)
    except TooLarge:
        return problem(413, "body_too_large", f"The body is over {MOST_BYTES} bytes.")
    except ClientDisconnect:
        return problem(400, "body_cut", "The body ended before it was whole.")
    service: Service = request.app.state.service
    name = request.path_params["name"]
    started = time.perf_counter()
    answer, run = await run_in_threadpool(_act, request, service, name, body, key)
    # A client can ask for any name; only the project's own have numbers of their own.
    known = name if service.project.action(name) else OTHER
    service.metrics.actions[known, str(answer.status_code)] += 1
    service.spans.action(known, answer.status_code, run, time.perf_counter() - started)
    return answer


def _act(
    request: Request, service: Service, name: str, body: bytes, key: str | None
) -> tuple[Response, str | None]:
    """The answer, and the run it is of, where one began."""
    project = service.project
    try:
        caller = authenticate(
            request.headers.get("authorization"),
            project=project.file,
            store=service.store,
            tokens=service.tokens,
            limit=service.failures,
            address=request.client.host if request.client else "",
        )
        given = _object(body)
        if given is None:
            detail = "The body is no JSON object; expected the action's input."
            return problem(400, "not_json", detail), None
        may_call(project.file, caller, name)
        if unfit := _unfit(project, name, given):
            return _response(unfit), None
        with service.store.reader() as tx:
            order = order_of(tx, service, given)
        authorize(project.file, caller, name, order, given)
        if service.actions is None:
            names = " or ".join(service.secrets.variables["secret_key"])
            detail = f"This server has no Stripe key. Set {names}."
            return problem(503, "no_secret_key", detail), None
        answer = service.actions.act(Asked(name, caller.id, caller.role, given, key))
    except AccessError as refused:
        headers = dict(refused.headers)
        return problem(refused.status, refused.code, str(refused), headers=headers), None
    except StoreBusy as error:
        return problem(503, "busy", str(error), headers={"Retry-After": "5"}), None
    log.info(
        "action %s by %s: %d",
        name,
        caller.role,
        answer.status,
        extra={"run": answer.run, "action": name, "status": answer.status},
    )
    return _response(answer), answer.run


def _unfit(project: Project, name: str, given: Row) -> Answer | None:
    """Why no order at all could be asked about like this. Before the row rule, so that a wrong input is
    told to everyone alike, and as one; a copy, since the rule is to see what was left out as left out."""
    compiled = project.action(name)
    return no_flow(name) if compiled is None else unfit_input(compiled, dict(given))


def _response(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    if answer.status == 503:
        headers["Retry-After"] = "5"
    kind = "application/problem+json" if answer.status >= 400 else "application/json"
    return JSONResponse(answer.body, answer.status, headers, media_type=kind)


def _object(body: bytes) -> Row | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def order_of(tx: Transaction, service: Service, given: Row) -> Row | None:
    """The order an input is about: by `orderId`, or by the payment it names; None where they disagree."""
    file = service.project.file
    order_id: Value = given.get("orderId")
    try:
        if "paymentId" in given:
            payment = tx.get("payment", given["paymentId"])
            if payment is None or order_id not in (None, payment["order_id"]):
                return None
            order_id = payment["order_id"]
        return None if order_id is None else tx.get(file.order_table, order_id)
    except BadValue:
        return None  # the input's own check says what is wrong with it
