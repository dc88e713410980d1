"""Refunds whose idempotency key Stripe has forgotten: looked for before they are asked for again.

Stripe keeps a key for 24 hours (https://docs.stripe.com/api/idempotent_requests). An action that a
longer outage cut off would give the money back twice; what else is made twice moves none by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.model import Value
from engine.stripe.client import Stripe

KEYS_LAST = 23 * 3600
"""Seconds for which Stripe surely knows a key."""
PAGE = 100


def made_before(stripe: Stripe, call: Mapping[str, Value]) -> dict[str, Value] | None:
    """The answer to this old call, if Stripe did it: the refund with the metadata of our row; else None.

    Raises StripeUnreachable.
    """
    if call["operation"] != "refunds.create":
        return None
    params = call["params"]
    asked = {name: params[name] for name in ("payment_intent", "charge") if name in params}
    asked["limit"] = PAGE
    while True:
        answer = stripe.perform("refunds.list", asked)
        if "error" in answer:
            return answer
        page = answer["ok"]
        for refund in page["data"]:
            if refund.get("metadata") == params["metadata"]:
                return {"ok": refund}
        if not page.get("has_more"):
            return None
        asked["starting_after"] = page["data"][-1]["id"]
