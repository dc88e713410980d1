"""One HTTP call as plain data, as it is kept in the outbox or an action's record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.model import Value

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
METHODS: tuple[Method, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST_BODY = 256 * 1024
"""Bytes a call may send."""
OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "idempotency-key", "upgrade"}
    | {"te", "trailer", "expect", "accept-encoding", "proxy-authorization"}
)
"""Headers the engine writes, or that would change how the call is read."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `secret_headers` maps headers to environment variables, read when it is sent;
    `timeout` is in seconds for the whole call; `key` goes out as Idempotency-Key."""

    method: Method
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    timeout: int = 10
    key: str = ""
    node: str = ""
    """The node that asks for it; not sent."""

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"

    def as_json(self) -> dict[str, Value]:
        """The call as plain data; `of` reads it back."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "secret_headers": dict(self.secret_headers),
            "body": self.body,
            "timeout": self.timeout,
            "key": self.key,
            "node": self.node,
        }

    @classmethod
    def of(cls, data: Mapping[str, Value]) -> Request:
        """The call from its plain data."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__})


def header_fault(name: str, value: str) -> str:
    """What is wrong with a header, without its value, which may be a secret; empty when it is fine."""
    if not _TOKEN.match(name):
        return f"'{name}' is no name of a header"
    if name.lower() in OURS:
        return f"the header '{name}' is written by the engine"
    if _CONTROL.search(value):
        return f"the value of the header '{name}' holds a line break or another control character"
    return ""
