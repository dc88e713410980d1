"""Failed authentications for each client address: a token bucket that only failures drain."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from engine.access.errors import TooManyFailures

BURST = 10
"""Failures an address has at once."""
SECONDS_EACH = 6.0
"""After that, one more in so many seconds."""
MOST_ADDRESSES = 10_000


class FailureLimit:
    """`check` before authenticating, `failed` after a failure. A success changes nothing.

    Nothing is handed back for a success, so an attacker with one good key cannot buy guesses with
    it; and an address that is out of failures is not heard at all, or the one right guess would
    show. Safe to use from several threads. `clock` gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        burst: int = BURST,
        seconds_each: float = SECONDS_EACH,
        most_addresses: int = MOST_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._seconds_each = seconds_each
        self._most = most_addresses
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def check(self, address: str) -> None:
        """Raises TooManyFailures when this address has no failure left."""
        with self._lock:
            left = self._left(client(address), self._clock())
        if left < 1:
            # At least a second: a Retry-After of 0 would ask for an endless loop.
            raise TooManyFailures(max(1, math.ceil((1 - left) * self._seconds_each)))

    def failed(self, address: str) -> None:
        """One failure more for this address.

        Below zero too: requests that came in together passed `check` together, and are paid for
        afterwards.
        """
        name = client(address)
        with self._lock:
            now = self._clock()
            self._buckets[name] = (max(self._left(name, now) - 1, -self._burst), now)
            self._buckets.move_to_end(name)
            if len(self._buckets) > self._most:
                # The one longest without a failure. Keys hold 256 random bits: forgetting an
                # attacker gains him nothing, while refusing newcomers would shut customers out.
                self._buckets.popitem(last=False)

    def _left(self, name: str, now: float) -> float:
        left, since = self._buckets.get(name, (float(self._burst), now))
        return min(left + (now - since) / self._seconds_each, self._burst)


def client(address: str) -> str:
    """The one client behind an address: an IPv6 network of 64 bits is one, as one host owns it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
