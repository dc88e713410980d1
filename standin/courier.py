"""Carries events to the webhook endpoints, signed, with retries, in the order asked for."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Iterable
from functools import cache
from urllib.parse import urlsplit

import httpx

from standin.errors import Object
from standin.outbox import Delivery, Order
from standin.signature import sign
from standin.state import State

_log = logging.getLogger("standin")
_IDLE_SECONDS = 0.5


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a delivery."""
    return httpx.create_ssl_context(trust_env=False)


class Courier:
    """Delivers what waits in the state's list; one attempt at a time unless told otherwise."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        # The proxy of the environment is for the outside, not for loopback.
        self._client = httpx.AsyncClient(verify=_tls(), trust_env=False)

    @property
    def busy(self) -> bool:
        """Whether a delivery is under way."""
        return self._busy.locked()

    def wake(self) -> None:
        """There may be something to deliver."""
        self._wake.set()

    async def run(self) -> None:
        """Delivers for as long as the server lives, and lets the base clock's due jobs happen."""
        while True:
            # Not wait_for: until Python 3.12 that loses a cancellation which meets the wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                with self._state.lock:
                    self._state.clock.tick()
                if not self._state.delivery.hold:
                    await self.flush(everything=False)
            except Exception:
                _log.exception("stand-in: delivery failed unexpectedly")

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def flush(
        self,
        *,
        everything: bool = True,
        events: Iterable[str] | None = None,
        mode: Order | None = None,
        duplicates: int | None = None,
    ) -> list[Delivery]:
        """Attempts what is pending (all, or what is due), or exactly these events in this order."""
        async with self._busy:
            settings = self._state.delivery
            with self._state.lock:
                chosen = self._choose(everything, None if events is None else list(events))
            mode = mode or settings.mode
            if mode == "reverse":
                chosen.reverse()
            elif mode == "shuffle":
                by_id = {delivery.id: delivery for delivery in chosen}
                order = list(by_id)
                self._state.ids.shuffle(order)
                chosen = [by_id[identifier] for identifier in order]
            copies = 1 + (settings.duplicates if duplicates is None else duplicates)
            if mode == "at_once":
                await asyncio.gather(*(self._attempt(d) for d in chosen for _ in range(copies)))
            else:
                for delivery in chosen:
                    for _ in range(copies):
                        await self._attempt(delivery)
            return chosen

    def _choose(self, everything: bool, events: list[str] | None) -> list[Delivery]:
        waiting = self._state.deliveries
        if events is not None:
            return [d for event in events for d in waiting if d.event == event]
        now = time.time()
        return [d for d in waiting if d.status == "pending" and (everything or d.due <= now)]

    async def _attempt(self, delivery: Delivery) -> None:
        settings = self._state.delivery
        if settings.drop > 0:
            settings.drop -= 1
            delivery.status = "dropped"
            return
        endpoint = self._state.table("webhook_endpoint").get(delivery.endpoint)
        if endpoint is None or endpoint["status"] != "enabled":
            delivery.status = "dropped"
            return
        answer = await self._post(endpoint, delivery.body)
        with self._state.lock:
            self._note(delivery, answer)

    async def _post(self, endpoint: Object, body: bytes) -> int | str:
        host = urlsplit(endpoint["url"]).hostname
        if host not in self._state.delivery.hosts:
            return f"not sent: {host} is not this machine"
        secrets = self._state.hidden(endpoint["id"])["secrets"]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (stand-in)",
            # The receiver compares with the machine's clock, whatever ours says.
            "Stripe-Signature": sign(body, secrets, int(time.time())),
        }
        try:
            answer = await self._client.post(
                endpoint["url"], content=body, headers=headers, timeout=self._state.delivery.timeout
            )
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return answer.status_code

    def _note(self, delivery: Delivery, answer: int | str) -> None:
        delivery.attempts += 1
        delivery.answers.append(answer)
        waits = self._state.delivery.retry_after
        if isinstance(answer, int) and 200 <= answer < 300:
            if delivery.status != "delivered":
                delivery.status = "delivered"
                event = self._state.table("event").get(delivery.event)
                if event is not None:
                    event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        elif delivery.status == "pending":
            _log.warning("stand-in: %s %s: %s", delivery.type, delivery.event, answer)
            if delivery.attempts > len(waits):
                delivery.status = "failed"
            else:
                delivery.due = time.time() + waits[delivery.attempts - 1]
