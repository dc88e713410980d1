"""Idempotency keys: the same key and parameters get the saved answer, other parameters an error."""

from dataclasses import dataclass

from standin.errors import StripeError


@dataclass
class Saved:
    """What a key was used for, and the answer; none yet means that the request is under way."""

    fingerprint: str
    status: int = 0
    body: bytes = b""
    request_id: str = ""

    @property
    def done(self) -> bool:
        """Whether there is an answer to replay."""
        return self.status != 0


def look_up(saved: dict[str, Saved], key: str, place: str, fingerprint: str) -> Saved | None:
    """The answer to replay, or None for a new key; raises when the key is taken.

    `place` names the key within its account: two accounts may use the same key.
    """
    if len(key) > 255:
        raise StripeError(
            "Idempotency keys may be at most 255 characters long.", type="idempotency_error"
        )
    entry = saved.get(place)
    if entry is None:
        return None
    if entry.fingerprint != fingerprint:
        raise StripeError(
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a "
            "different request.",
            type="idempotency_error",
        )
    if not entry.done:
        raise StripeError(
            "There is currently another in-progress request using this Idempotent Key "
            f"({key}). Please try again later.",
            status=409,
            type="idempotency_error",
            code="idempotency_key_in_use",
        )
    return entry
