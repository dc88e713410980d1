"""POST /webhooks/stripe over ASGI: the body is read within limits, the rest is the desk's.

A plain ASGI endpoint: Starlette's Request, Response and router would take a fifth of an event's time.
`actionflow serve` has its events come past ASGI altogether (express.py), with the same answers.
"""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import State
from starlette.types import Receive, Scope, Send

from engine.web import answers
from engine.web.answers import Answer
from engine.web.service import Service


class Unread(Exception):
    """The body was not taken; the answer says why."""

    def __init__(self, answer: Answer) -> None:
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
            await _send(answers.NO_POST, send)
            return
        started = time.perf_counter()
        service: Service = self._state.service
        told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def tell(answer: Answer) -> None:
            if not told.done():  # the one who waited may have gone
                told.set_result(answer)

        length = signature = b""
        for name, value in scope["headers"]:
            if name == b"stripe-signature":
                signature = value
            elif name == b"content-length":
                length = value
        try:
            body = await _body(receive, length)
        except Unread as unread:
            service.desk.refuse("unread", unread.answer, started, tell)
        else:
            service.desk.take(body, signature.decode("latin-1"), started, tell)
        await _send(await told, send)


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.kind),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _body(receive: Receive, length: bytes) -> bytes:
    """The raw body, never holding more than is taken of one. Raises Unread."""
    if length.isdigit() and int(length) > answers.MOST_BYTES:
        raise Unread(answers.TOO_LARGE)
    try:
        async with asyncio.timeout(answers.BODY_SECONDS):
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
                if size > answers.MOST_BYTES:
                    raise Unread(answers.TOO_LARGE)
    except TimeoutError:
        raise Unread(answers.TOO_SLOW) from None
    if message["type"] == "http.disconnect":
        raise Unread(answers.CUT)
    return b"".join(chunks)
