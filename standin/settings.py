"""How the account is set up: what Stripe lets a seller choose in its dashboard."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class BillingSettings:
    """Set by `POST /_standin/billing`.

    A failed renewal is tried again after each of `retry_days`; after the last one the subscription
    goes to `after_retries`. A renewal invoice stays a draft for `finalize_after` seconds.
    """

    retry_days: list[int] = field(default_factory=lambda: [3, 5, 7])
    after_retries: Literal["canceled", "unpaid", "past_due"] = "canceled"
    finalize_after: int = 3600
