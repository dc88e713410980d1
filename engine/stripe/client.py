"""Calls to Stripe through its official SDK: a call as data in, plain data or a known error out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from engine.errors import ActionflowError, BadInput

API_VERSION = "2026-05-27.dahlia"
"""The version calls are made in; events come in the endpoint's, whatever that is."""
TIMEOUT = 20
"""Seconds one try may take."""


class StripeUnreachable(ActionflowError):
    """Stripe did not answer, or not usably; whether it did the work is not known. Ask again with the
    same idempotency key."""


class NoSecretKey(ActionflowError):
    """There is no Stripe secret key. Set the environment variable that project.yaml names under
    secrets.secret_key (usually STRIPE_SECRET_KEY)."""


class Stripe(Protocol):
    """What the engine asks of Stripe; `Client` is one, the replies of a test case are another."""

    def perform(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """As `Client.perform`."""


def object_of(answer: Mapping[str, Any], refusal: str) -> dict[str, Any]:
    """The object in an answer of `perform`. Raises BadInput, `refusal` before Stripe's own words."""
    if "error" in answer:
        raise BadInput(f"{refusal}: {answer['error'].get('message')}")
    found: dict[str, Any] = answer["ok"]
    return found


@dataclass(frozen=True)
class Client:
    """Talks to one Stripe account. `base` is the API's address where it is not Stripe's own."""

    secret_key: str
    base: str | None = None
    retries: int = 2
    """How often the SDK itself tries again, under the same idempotency key."""

    def perform(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Do `payment_intents.create` or the like. Gives `{"ok": object}`, or `{"error": {...}}` with
        Stripe's type, code, message, param, decline_code and the HTTP status.

        Raises StripeUnreachable when it is not known what Stripe did (no answer, 5xx, 429, a key in use).
        """
        import stripe

        service_name, verb = operation.rsplit(".", 1)
        service: Any = self._sdk.v1
        for part in service_name.split("."):
            service = getattr(service, part)
        options = {"idempotency_key": idempotency_key} if idempotency_key else {}
        words = [id] if id is not None else []
        try:
            answer = getattr(service, verb)(*words, dict(params), options)
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise StripeUnreachable(f"{operation}: {error.user_message or error}") from error
        except stripe.StripeError as error:
            status = error.http_status or 0
            # 409 means the same key is being worked on at this moment: the answer will be there soon.
            if status >= 500 or status in (0, 409):
                raise StripeUnreachable(f"{operation}: {error.user_message or error}") from error
            return {"error": _error(error, status)}
        return {"ok": json.loads(str(answer))}

    def fetch(self, url: str) -> dict[str, Any]:
        """The object at a path of Stripe's API, as a thin event's `related_object` names it.

        Raises StripeUnreachable; an object Stripe does not have gives `{"error": {...}}`.
        """
        import stripe

        try:
            answer = self._sdk.raw_request("get", url)
        except stripe.StripeError as error:
            status = error.http_status or 0
            if status in (0, 409, 429) or status >= 500:
                raise StripeUnreachable(f"GET {url}: {error.user_message or error}") from error
            return {"error": _error(error, status)}
        return {"ok": json.loads(answer.body)}

    def date(self) -> str:
        """Stripe's clock: the Date header of its answer to a small question. Raises StripeUnreachable."""
        import stripe

        try:
            answer = self._sdk.raw_request("get", "/v1/events?limit=1")
        except stripe.StripeError as error:
            raise StripeUnreachable(f"Stripe says: {error.user_message or error}") from error
        return str(answer.headers["Date"])

    @cached_property
    def _sdk(self) -> Any:
        import stripe

        stripe.enable_telemetry = False
        return stripe.StripeClient(
            self.secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.base} if self.base else {},
            max_network_retries=self.retries,
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
        )


def _error(error: Any, status: int) -> dict[str, Any]:
    body = (error.json_body or {}).get("error", {}) if isinstance(error.json_body, dict) else {}
    known = ("type", "code", "message", "param", "decline_code", "doc_url", "request_log_url")
    found = {name: body[name] for name in known if body.get(name)}
    found.setdefault("message", error.user_message or str(error))
    return {**found, "status": status}
