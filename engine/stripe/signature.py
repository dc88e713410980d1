"""Did Stripe send this body, and just now? (the `Stripe-Signature` header, scheme v1)

Source: https://docs.stripe.com/webhooks#verify-manually. What counts as a proof is exactly what
stripe-python's `WebhookSignature` takes for one (tests/stripe/test_signature_sdk.py compares them),
at a third of its cost: each secret's pads are hashed once, and the bytes are not decoded and encoded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from itertools import repeat

from engine.errors import BadInput

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_USUAL = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", re.ASCII)
"""What Stripe sends nearly always: one time, one signature."""


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


class Key:
    """One webhook secret, ready to sign: HMAC-SHA256 (RFC 2104) with both pads hashed already."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str) -> None:
        key = secret.encode("utf-8", "surrogatepass")
        if len(key) > 64:
            key = sha256(key).digest()
        padded = key.ljust(64, b"\0")
        self._inner = sha256(padded.translate(_INNER))
        self._outer = sha256(padded.translate(_OUTER))

    def sign(self, timestamp: bytes, payload: bytes) -> str:
        """The v1 signature of this body at this second."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(timestamp + b".")
        inner.update(payload)
        outer.update(inner.digest())
        return outer.hexdigest()


_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


@lru_cache(16)
def _keys(secrets: tuple[str, ...]) -> tuple[Key, ...]:
    return tuple(Key(secret) for secret in secrets if secret.strip())


def verify(
    payload: bytes,
    header: str | None,
    secrets: Sequence[str],
    *,
    now: float,
    tolerance: int = 300,
) -> str:
    """The body as text, if one of the header's v1 signatures fits it under one of the secrets.

    `now` is seconds since 1970 UTC; the signature's time may differ from it by `tolerance` seconds
    either way (the SDK itself would take one from the future). Several v1 values and several
    secrets are normal while a secret is rotated. Raises a `SignatureRefused`, whatever the bytes.
    """
    timestamp, signatures = _parts(header)
    keys = _keys(tuple(secrets))
    if not keys:
        raise SecretMissing
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise SignatureRefused(
            f"The body is not UTF-8 (byte {error.start} is 0x{payload[error.start]:02x}). Expected "
            "the JSON that Stripe sends. Look at what sends to this address."
        ) from None
    # Stripe's SDK signs the number and not its digits: leading zeros are gone.
    second = b"%d" % timestamp
    for key in keys:
        if any(map(compare_digest, repeat(key.sign(second, payload)), signatures)):
            break
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
    return text


def _parts(header: str | None) -> tuple[int, list[str]]:
    """The header's time and its v1 signatures; what the SDK would stumble over is refused in words."""
    if header and (usual := _USUAL.fullmatch(header)):
        return int(usual[1]), [usual[2]]
    if not header or not header.strip():
        raise SignatureMissing
    # Text is compared in constant time for ASCII only.
    if not header.isascii():
        raise SignatureMalformed(
            "The Stripe-Signature header holds characters beyond ASCII. Expected "
            "`t=<seconds>,v1=<hex>`. Pass the header on as Stripe sent it."
        )
    # As the SDK splits: a second "=" ends the value, and it stumbles over a bare `t` or `v1`.
    parts = [part.split("=", 2) for part in header.split(",")]
    times = [] if ["t"] in parts else [part[1] for part in parts if part[0] == "t"]
    if not times or not _TIMESTAMP.fullmatch(times[0]):
        found = f"t={times[0][:20]}" if times else "no t="
        raise SignatureMalformed(
            f"The Stripe-Signature header holds {found}. Expected `t=<seconds>,v1=<hex>`. "
            "Pass the header on as Stripe sent it."
        )
    signatures = [] if ["v1"] in parts else [part[1] for part in parts if part[0] == "v1"]
    if not signatures:
        raise NoV1Signature
    return int(times[0]), signatures


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header for this body, as Stripe would make it at this second.

    For the command line, the stand-in and tests. Raises BadInput for a body that is not UTF-8.
    """
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise BadInput("Only UTF-8 bodies can be signed; Stripe sends no others.") from None
    return f"t={timestamp},v1={Key(secret).sign(b'%d' % timestamp, payload)}"
