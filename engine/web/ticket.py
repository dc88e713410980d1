"""A ticket: a signed note that lets its bearer open a stream, as somebody and for a minute."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from engine.access import AuthenticationFailed, Caller
from engine.store import meta
from engine.store.base import Store

SECONDS = 60
KEY = "ticket_key"
"""Key in actionflow_meta: what tickets are signed with, the same for every server process."""


@dataclass(frozen=True, slots=True)
class Tickets:
    """Makes and reads tickets. `now` is in seconds."""

    key: bytes
    now: Callable[[], float] = time.time

    @classmethod
    def of(cls, store: Store) -> Tickets:
        """With the key of this database, which is made at the first start."""
        with store.transaction() as tx:
            return cls(bytes.fromhex(meta.write_once(tx, KEY, secrets.token_hex(32))))

    def make(self, caller: Caller) -> str:
        """A ticket that speaks for the caller."""
        until = int(self.now()) + SECONDS
        content = [caller.id, caller.role, caller.via, until, caller.key, caller.until]
        data = orjson.dumps(content)
        return f"{_text(data)}.{_text(self._signature(data))}"

    def caller(self, ticket: str) -> Caller:
        """Whom it speaks for. Raises AuthenticationFailed."""
        try:
            data, signature = (_bytes(part) for part in ticket.encode("ascii").split(b"."))
        except ValueError:
            data = signature = b""
        if not hmac.compare_digest(signature, self._signature(data)):
            raise AuthenticationFailed("bad_token", "No such ticket; POST /tickets gives one.")
        id, role, via, until, key, expires = orjson.loads(data)
        if self.now() >= until:
            raise AuthenticationFailed(
                "token_expired", f"Tickets are good for {SECONDS} seconds; POST /tickets gives one."
            )
        return Caller(id, role, via, key=key, until=expires)

    def _signature(self, data: bytes) -> bytes:
        return hmac.digest(self.key, b"subscribe\n" + data, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError from error
