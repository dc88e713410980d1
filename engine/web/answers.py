"""What a delivery is answered, as bytes: made once, whoever writes it to the socket."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

JSON = b"application/json"
PROBLEM = b"application/problem+json"
Pairs = tuple[tuple[bytes, bytes], ...]
BUSY: Pairs = ((b"retry-after", b"5"),)
CLOSE: Pairs = ((b"connection", b"close"),)


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class Answer:
    """Status, body, and headers beside its type and length; their names are in small letters."""

    status: int
    body: bytes
    kind: bytes
    headers: Pairs

    def __init__(self, status: int, body: bytes, kind: bytes = JSON, headers: Pairs = ()) -> None:
        self.status = status
        self.body = body
        self.kind = kind
        self.headers = headers

    @property
    def closes(self) -> bool:
        """The connection must not be used again: what follows on it may be the rest of a body."""
        return CLOSE[0] in self.headers


def refusal(status: int, code: str, detail: str, headers: Pairs = ()) -> Answer:
    """A problem (RFC 9457) with a stable `code`; `detail` says what was found, expected, to do."""
    body = {"type": "about:blank", "code": code, "status": status, "detail": detail}
    return Answer(status, orjson.dumps(body), PROBLEM, headers)


MOST_BYTES = 1024 * 1024
"""The largest body taken; Stripe's events are a few kilobytes."""
TOO_LARGE = refusal(
    413,
    "body_too_large",
    f"The body is over {MOST_BYTES} bytes; Stripe sends none so large.",
    CLOSE,
)
CUT = refusal(400, "body_cut", "The body ended before it was whole.")
NO_POST = refusal(
    405, "method_not_allowed", "Events are delivered by POST.", ((b"allow", b"POST"),)
)
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""
TOO_SLOW = refusal(
    408, "body_too_slow", f"The body was not whole after {BODY_SECONDS:.0f} seconds.", CLOSE
)
