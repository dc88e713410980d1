"""The Stripe-Signature header: HMAC-SHA256 over the time and the raw body."""

import hashlib
import hmac


def sign(body: bytes, secrets: list[str], timestamp: int) -> str:
    """The header for a body, at UTC seconds; more secrets (a rotation) give more v1 values."""
    payload = f"{timestamp}.".encode() + body
    values = [hmac.new(s.encode(), payload, hashlib.sha256).hexdigest() for s in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={value}" for value in values)])
