"""Thin (v2) events: the object they point at is fetched before the event is taken."""

from __future__ import annotations

import time
from typing import Any

from starlette.concurrency import run_in_threadpool

from engine.receive import Receiver
from engine.stripe.client import Client, StripeUnreachable
from engine.stripe.event import Event, of, with_object


async def completed(
    data: dict[str, Any], event: Event, receiver: Receiver, stripe: Client | None
) -> tuple[dict[str, Any], Event]:
    """The event as it is to be taken; a thin one that a flow handles comes with its object.

    Raises StripeUnreachable: then nothing is kept, and Stripe sends the event again.
    """
    if not event.thin or event.object or receiver.project.flow_for(event) is None:
        return data, event
    if receiver.refusal(event):  # of the other mode, whose objects our key is not shown
        return data, event
    url = (event.related or {}).get("url")
    if not isinstance(url, str) or not url.startswith("/v"):
        return data, event
    if stripe is None:
        raise StripeUnreachable(
            f"{event.id} is a thin event, and there is no key to fetch its object with."
        )
    answer = await run_in_threadpool(stripe.fetch, url)
    if "error" in answer:
        account = data.get("context")
        if answer["error"]["status"] == 404 and isinstance(account, str):
            # Of an account connected to ours, whose objects our key is not shown: never ours.
            data = data | {"account": account}
            return data, of(data)
        raise StripeUnreachable(
            f"{event.id}: Stripe does not give {url}: {answer['error']['message']}"
        )
    joined = with_object(data, answer["ok"], int(time.time()))
    return joined, of(joined)
