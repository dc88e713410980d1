"""Did Stripe send this body, and just now? (the `Stripe-Signature` header, scheme v1)

Source: https://docs.stripe.com/webhooks#verify-manually; the HMAC and its constant-time comparison
are stripe-python's own `WebhookSignature`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from engine.errors import BadInput

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class SignatureRefused(BadInput):
    """The body is not proven to come from Stripe; nothing was done with it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(" ".join((message or self.__doc__ or "").split()))


class SignatureMissing(SignatureRefused):
    """No Stripe-Signature header came with the body. Expected one, as Stripe sends with every
    event. Send events through Stripe, or sign them with the endpoint's secret."""


class SignatureMalformed(SignatureRefused):
    """The Stripe-Signature header cannot be read."""


class NoV1Signature(SignatureRefused):
    """The Stripe-Signature header holds no v1 signature (v0 is for Stripe's own tests). Expected
    `t=<seconds>,v1=<hex>`. Check what rewrites headers between Stripe and this server."""


class NoMatchingSignature(SignatureRefused):
    """None of the header's v1 signatures fits this body under any configured webhook secret.
    Expected a body untouched on its way, signed with the endpoint's secret (whsec_…). Compare the
    secret in the environment with the endpoint's in Stripe's dashboard, and look for a proxy that
    rewrites bodies."""


class SignatureTooOld(SignatureRefused):
    """The signature is too old."""


class SignatureFromTheFuture(SignatureRefused):
    """The signature is dated ahead of this server's clock."""


class SecretMissing(SignatureRefused):
    """No webhook secret is configured, so no event can be trusted. Expected at least one. Set the
    environment variable that project.yaml names under secrets.webhook_secret (whsec_…)."""


@cache
def _sdk() -> Any:
    # Importing stripe costs 150 ms, which a command line that never verifies should not pay.
    from stripe import SignatureVerificationError, WebhookSignature

    return WebhookSignature.verify_header, SignatureVerificationError


def verify(
    payload: bytes,
    header: str | None,
    secrets: Sequence[str],
    *,
    now: float,
    tolerance: int = 300,
) -> None:
    """Return if one of the header's v1 signatures fits the body under one of the secrets.

    `now` is seconds since 1970 UTC; the signature's time may differ from it by `tolerance` seconds
    either way (the SDK itself would take one from the future). Several v1 values and several
    secrets are normal while a secret is rotated. Raises a `SignatureRefused`, whatever the bytes.
    """
    timestamp = _timestamp(header)
    usable = [secret for secret in secrets if secret.strip()]
    if not usable:
        raise SecretMissing
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise SignatureRefused(
            f"The body is not UTF-8 (byte {error.start} is 0x{payload[error.start]:02x}). Expected "
            "the JSON that Stripe sends. Look at what sends to this address."
        ) from None
    verify_header, not_verified = _sdk()
    for secret in usable:
        try:
            verify_header(text, header, secret, None)
            break
        except not_verified:
            continue
    else:
        raise NoMatchingSignature
    # Only now: a forger learns nothing of our clock.
    age = int(now) - timestamp
    if age > tolerance:
        raise SignatureTooOld(
            f"The signature is {age} seconds old. Expected at most {tolerance}. A replay is "
            "refused; if Stripe sent this just now, set this server's clock."
        )
    if age < -tolerance:
        raise SignatureFromTheFuture(
            f"The signature is dated {-age} seconds ahead of this server's clock. Expected at most "
            f"{tolerance}. Set this server's clock."
        )


def _timestamp(header: str | None) -> int:
    """The header's time; what the SDK would stumble over is refused here in words."""
    if not header or not header.strip():
        raise SignatureMissing
    # The SDK compares text in constant time, which works for ASCII only.
    if not header.isascii():
        raise SignatureMalformed(
            "The Stripe-Signature header holds characters beyond ASCII. Expected "
            "`t=<seconds>,v1=<hex>`. Pass the header on as Stripe sent it."
        )
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if not times or not _TIMESTAMP.fullmatch(times[0]):
        found = f"t={times[0][:20]}" if times else "no t="
        raise SignatureMalformed(
            f"The Stripe-Signature header holds {found}. Expected `t=<seconds>,v1=<hex>`. "
            "Pass the header on as Stripe sent it."
        )
    if not any(equals and name == "v1" for name, equals, _ in parts):
        # A v1 without "=" makes the SDK stumble as well.
        raise NoV1Signature
    if not all(equals for _, equals, _ in parts):
        raise SignatureMalformed(
            "The Stripe-Signature header has a part without `=`. Expected `t=<seconds>,v1=<hex>`. "
            "Pass the header on as Stripe sent it."
        )
    return int(times[0])


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header for this body, as Stripe would make it at this second.

    For the command line, the stand-in and tests. Raises BadInput for a body that is not UTF-8.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise BadInput("Only UTF-8 bodies can be signed; Stripe sends no others.") from None
    from stripe import WebhookSignature

    return str(WebhookSignature.generate_signature_header(text, secret, timestamp))
