"""Faults on demand: what an API request meets instead of a plain answer."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, get_args

from standin.errors import StripeError

Kind = Literal[
    "error", "error_after", "rate_limit", "lock_timeout", "drop_before", "drop_after", "hang"
]


@dataclass
class Fault:
    """Meets the next `count` requests of this method under this path.

    error: 500 before any work. error_after: the work is done and saved, the answer is 500.
    rate_limit and lock_timeout: 429. drop_before: the connection closes before any work.
    drop_after: the work is done and saved, the answer is lost. hang: the work is done, the answer
    waits for `POST /_standin/faults/release`.
    """

    kind: Kind
    count: int = 1
    method: str = "POST"
    path: str = "/v1/"
    status: int = 500
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is one of {get_args(Kind)}")

    def meets(self, method: str, path: str) -> bool:
        """Whether the fault is for this request."""
        return self.count > 0 and method == self.method and path.startswith(self.path)

    def before(self) -> StripeError | None:
        """The error that stands in for the work, if it does."""
        if self.kind == "error":
            return StripeError("An unknown error occurred", status=self.status, type="api_error")
        if self.kind == "rate_limit":
            return StripeError(
                "Request rate limit exceeded. You can learn more about rate limits here "
                "https://stripe.com/docs/rate-limits.",
                status=429,
                code="rate_limit",
            )
        if self.kind == "lock_timeout":
            return StripeError(
                "This object cannot be accessed right now because another API request or Stripe "
                "process is currently accessing it.",
                status=429,
                code="lock_timeout",
            )
        return None


def take(faults: list[Fault], method: str, path: str) -> Fault | None:
    """The first fault that meets the request, counted down."""
    for fault in faults:
        if fault.meets(method, path):
            fault.count -= 1
            return fault
    return None
