"""POST /webhooks/stripe: raw bytes, signature, decode, then the writer; 200 only once it is durable."""

from __future__ import annotations

import asyncio
import logging
import time

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from engine.store.base import StoreBusy
from engine.stripe.client import StripeUnreachable
from engine.stripe.event import BadEvent, load, of
from engine.stripe.signature import SecretMissing, SignatureRefused, verify
from engine.web.body import TooLarge, read_body
from engine.web.problems import problem
from engine.web.service import Service
from engine.web.thin import completed

log = logging.getLogger("actionflow.webhook")

MOST_BYTES = 1024 * 1024
"""The largest body taken; Stripe's events are a few kilobytes."""


async def stripe_webhook(request: Request) -> Response:
    """One event from Stripe.

    200: finished, set aside, or delivered before. 400: unsigned, stale or no event; nothing was
    kept. 413: too large. 500: its flow failed and was undone; the event is kept and tried again.
    503: the database cannot take it now; nothing was kept, Stripe sends it again.
    """
    service: Service = request.app.state.service
    try:
        body = await read_body(request, MOST_BYTES)
    except TooLarge:
        return problem(
            413,
            "body_too_large",
            f"The body is over {MOST_BYTES} bytes; Stripe sends none so large.",
        )
    except ClientDisconnect:
        return problem(400, "body_cut", "The body ended before it was whole.")
    try:
        verify(
            body,
            request.headers.get("stripe-signature"),
            service.secrets.webhook_secrets,
            now=time.time(),
        )
        data = load(body)
        event = of(data)
    except SecretMissing as error:
        log.error("%s", error)
        return problem(500, "no_webhook_secret", str(error))
    except SignatureRefused as error:
        log.warning("refused: %s", error)
        return problem(400, "signature_refused", str(error))
    except BadEvent as error:
        log.warning("refused: %s", error)
        return problem(400, "not_an_event", str(error))
    payload = body.decode()
    if event.thin:
        try:
            data, event = await completed(data, event, service.project, service.stripe)
        except StripeUnreachable as error:
            log.warning("%s", error)
            return problem(503, "stripe_unreachable", str(error), headers={"Retry-After": "5"})
        payload = orjson.dumps(data).decode()
    try:
        verdict = await asyncio.wrap_future(service.writer.deliver(data, payload, event))
    except StoreBusy as error:
        log.error("event %s could not be kept: %s", event.id, error)
        return problem(503, "busy", str(error), headers={"Retry-After": "5"})
    except Exception:
        log.exception("event %s could not be kept", event.id)
        return problem(503, "not_kept", "The event could not be kept; send it again.")
    answer = {"event": event.id, "outcome": verdict.outcome, "flow": verdict.flow}
    if verdict.reason:
        answer["reason"] = verdict.reason
    log.info("event %s (%s): %s", event.id, event.type, verdict.outcome)
    if verdict.outcome == "waiting":
        return problem(500, "flow_failed", verdict.reason)
    return JSONResponse(answer)
