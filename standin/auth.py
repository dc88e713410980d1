"""Who may call: test keys only. A live key is refused whatever it is used for."""

import base64
import binascii
from collections.abc import Mapping

from standin.errors import StripeError

_LIVE = ("sk_live_", "rk_live_", "pk_live_")


def is_live(key: str) -> bool:
    """Whether the key belongs to real money."""
    return key.strip().startswith(_LIVE)


class LiveKey(RuntimeError):
    """A live key is set: nobody may take the stand-in for Stripe."""


def refuse_live_environment(environment: Mapping[str, str]) -> None:
    """Raises LiveKey when the environment holds a live key, without telling it."""
    for name in sorted(environment):
        if name.startswith("STRIPE_") and is_live(environment[name]):
            raise LiveKey(
                f"The stand-in for Stripe does not start: {name} holds a live key. Unset it, or "
                "use the real Stripe."
            )


def key_of(authorization: str | None) -> str:
    """The API key of a request's Authorization header (Bearer or Basic), checked."""
    scheme, _, value = (authorization or "").partition(" ")
    key = value.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if not key:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY').",
            status=401,
        )
    if is_live(key):
        raise StripeError("This is a stand-in for Stripe: it refuses live keys.", status=401)
    if not key.startswith(("sk_test_", "rk_test_", "pk_test_")):
        raise StripeError(f"Invalid API Key provided: {_masked(key)}", status=401)
    return key


def is_publishable(key: str) -> bool:
    """Whether the key is one that browsers hold."""
    return key.startswith("pk_")


def _masked(key: str) -> str:
    return "*" * max(0, len(key) - 4) + key[-4:]
