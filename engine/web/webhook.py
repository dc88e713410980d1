"""POST /webhooks/stripe: raw bytes, signature, decode, then the writer; 200 only once it is durable.

A plain ASGI endpoint: Starlette's Request, Response and router would take a fifth of an event's time.
"""

from __future__ import annotations

import asyncio
import logging
import time

import orjson
from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.logs import Seldom
from engine.receive import Verdict
from engine.store.base import StoreBusy
from engine.stripe.client import StripeUnreachable
from engine.stripe.event import BadEvent, Event, load, of
from engine.stripe.signature import SecretMissing, SignatureRefused, verify
from engine.web.problems import problem
from engine.web.service import Service
from engine.web.thin import completed

log = logging.getLogger("actionflow.webhook")
refusals = Seldom(log)

MOST_BYTES = 1024 * 1024
"""The largest body taken; Stripe's events are a few kilobytes."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""
BUSY = {"Retry-After": "5"}


class Unread(Exception):
    """The body was not taken; the answer says why."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


class StripeWebhook:
    """One event from Stripe.

    200: finished, set aside, or delivered before. 400: unsigned, stale or no event; nothing was
    kept. 408: the body came too slowly. 413: too large. 500: its flow failed and was undone; the
    event is kept and tried again. 503: the database cannot take it now; nothing was kept, Stripe
    sends it again.
    """

    def __init__(self, state: State) -> None:
        """`state` is the application's, which holds the `service` while it runs."""
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await problem(
                405,
                "method_not_allowed",
                "Events are delivered by POST.",
                headers={"Allow": "POST"},
            )(scope, receive, send)
            return
        started = time.perf_counter()
        service: Service = self._state.service
        answer = await self._answer(service, scope, receive, started)
        service.metrics.seconds.add(time.perf_counter() - started)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
            return
        length = str(len(answer)).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/json"), (b"content-length", length)],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    async def _answer(
        self, service: Service, scope: Scope, receive: Receive, started: float
    ) -> Response | bytes:
        """The answer; bytes are the JSON of a 200."""
        counted = service.metrics
        length = signature = b""
        for name, value in scope["headers"]:
            if name == b"stripe-signature":
                signature = value
            elif name == b"content-length":
                length = value
        try:
            body = await _body(receive, length)
            verify(
                body,
                signature.decode("latin-1"),
                service.secrets.webhook_secrets,
                now=time.time(),
            )
            data = load(body)
            event = of(data)
        except Unread as unread:
            counted.refused["unread"] += 1
            return unread.answer
        except SecretMissing as error:
            log.error("%s", error)
            counted.refused["no_secret"] += 1
            return problem(500, "no_webhook_secret", str(error))
        except SignatureRefused as error:
            refusals.warning("refused: %s", error)
            counted.refused["signature"] += 1
            return problem(400, "signature_refused", str(error))
        except BadEvent as error:
            refusals.warning("refused: %s", error)
            counted.refused["no_event"] += 1
            return problem(400, "not_an_event", str(error))
        payload = body.decode()
        if event.thin:
            try:
                data, event = await completed(data, event, service.project, service.stripe)
            except StripeUnreachable as error:
                log.warning("%s", error)
                return problem(503, "stripe_unreachable", str(error), headers=BUSY)
            payload = orjson.dumps(data).decode()
        try:
            verdict = await service.writer.deliver_from_loop(data, payload, event)
        except StoreBusy as error:
            log.error("event %s could not be kept: %s", event.id, error)
            counted.events[event.type, "busy"] += 1
            return problem(503, "busy", str(error), headers=BUSY)
        except Exception:
            log.exception("event %s could not be kept", event.id)
            counted.events[event.type, "busy"] += 1
            return problem(503, "not_kept", "The event could not be kept; send it again.")
        counted.events[event.type, verdict.outcome] += 1
        service.spans.event(event, verdict.outcome, verdict.flow, time.perf_counter() - started)
        return _told(event, verdict)


def _told(event: Event, verdict: Verdict) -> Response | bytes:
    log.info(
        "event %s (%s): %s",
        event.id,
        event.type,
        verdict.outcome,
        extra={
            "event": event.id,
            "kind": event.type,
            "outcome": verdict.outcome,
            "flow": verdict.flow,
        },
    )
    if verdict.outcome == "waiting":
        return problem(500, "flow_failed", verdict.reason)
    answer = {"event": event.id, "outcome": verdict.outcome, "flow": verdict.flow}
    if verdict.reason:
        answer["reason"] = verdict.reason
    return orjson.dumps(answer)


async def _body(receive: Receive, length: bytes) -> bytes:
    """The raw body, never holding more than MOST_BYTES. Raises Unread."""
    if length.isdigit() and int(length) > MOST_BYTES:
        raise Unread(_too_large())
    try:
        async with asyncio.timeout(BODY_SECONDS):
            message = await receive()
            body: bytes = message.get("body", b"")
            if not message.get("more_body") and message["type"] == "http.request":
                return body
            chunks = [body]
            size = len(body)
            while message.get("more_body"):
                message = await receive()
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > MOST_BYTES:
                    raise Unread(_too_large())
    except TimeoutError:
        detail = f"The body was not whole after {BODY_SECONDS:.0f} seconds."
        # Closed, or the rest of it would be read as the next request.
        raise Unread(
            problem(408, "body_too_slow", detail, headers={"Connection": "close"})
        ) from None
    if message["type"] == "http.disconnect":
        raise Unread(problem(400, "body_cut", "The body ended before it was whole."))
    return b"".join(chunks)


def _too_large() -> Response:
    return problem(
        413,
        "body_too_large",
        f"The body is over {MOST_BYTES} bytes; Stripe sends none so large.",
        headers={"Connection": "close"},
    )
