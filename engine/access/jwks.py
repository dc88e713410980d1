"""The issuer's public keys (JWKS, RFC 7517): from a file or a URL, cached, renewed now and then."""

from __future__ import annotations

import json
import logging
import math
import pathlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.access.errors import KeysUnavailable
from engine.errors import ActionflowError
from engine.model import Value

if TYPE_CHECKING:
    from jwt import PyJWK

log = logging.getLogger("actionflow.access")

FRESH_SECONDS = 3600.0
"""After so long the set is fetched again, so that a key the issuer took back goes away."""
BETWEEN_SECONDS = 60.0
"""Between two fetches, whatever keys the tokens name; also after a failed one."""
RETRY_SECONDS = 5.0
"""The same while there is no set at all."""
TIMEOUT_SECONDS = 5.0
MOST_BYTES = 256 * 1024
TYPES = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}
"""Key type and curve that each algorithm takes; a symmetric key in a JWKS is never used."""

Fetch = Callable[[], bytes]
Found = Mapping[str, Sequence["PyJWK"]]
"""The usable keys by algorithm."""


class SetUnreadable(ActionflowError):
    """The key set cannot be had, or is none."""


class KeySet:
    """Keys by algorithm and `kid`. `clock` gives seconds that never go back."""

    def __init__(self, fetch: Fetch, algorithms: Sequence[str], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._algorithms = algorithms
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Found | None = None
        self._loaded_at = 0.0
        self._tried_at: float | None = None

    def load(self) -> None:
        """Fetch the set now. Raises SetUnreadable; then the keys there were stay in use."""
        self._tried_at = self._clock()
        self._keys = _usable(self._fetch(), self._algorithms)
        self._loaded_at = self._tried_at

    def key(self, algorithm: str, kid: str | None) -> PyJWK | None:
        """The key with this id, or without an id the only one there is; None if there is no such.

        An unknown id has the set fetched again, at most once a minute. Raises KeysUnavailable when
        there is no set at all.
        """
        keys = self._keys
        if keys is None or self._clock() - self._loaded_at >= FRESH_SECONDS:
            keys = self._renewed(wait=keys is None)
        found = _choose(keys, algorithm, kid)
        if found is None:
            found = _choose(self._renewed(), algorithm, kid)
        return found

    def _renewed(self, *, wait: bool = True) -> Found:
        """The set after a fetch, if one is due; else, or when it fails, the set there is.

        Without `wait` a fetch that another thread is at is left to it.
        """
        if self._lock.acquire(blocking=wait):
            try:
                # Not due when another thread has fetched while this one waited for the lock.
                if self._due_in() <= 0:
                    self.load()
            except SetUnreadable as why:
                log.warning("the keys of tokens cannot be renewed: %s", why)
            finally:
                self._lock.release()
        if self._keys is None:
            raise KeysUnavailable(max(1, math.ceil(self._due_in())))
        return self._keys

    def _due_in(self) -> float:
        """Seconds until the set may be fetched again."""
        if self._tried_at is None:
            return 0.0
        between = RETRY_SECONDS if self._keys is None else BETWEEN_SECONDS
        return self._tried_at + between - self._clock()


def _choose(keys: Found, algorithm: str, kid: str | None) -> PyJWK | None:
    listed = keys.get(algorithm, ())
    if kid is None:
        return listed[0] if len(listed) == 1 else None
    return next((key for key in listed if key.key_id == kid), None)


def _usable(body: bytes, algorithms: Sequence[str]) -> Found:
    from jwt import PyJWK, PyJWTError

    try:
        listed = json.loads(body)["keys"]
        written = [one for one in listed if isinstance(one, dict)]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise SetUnreadable(
            'not a JWKS; expected JSON like {"keys": [{"kty": "RSA", "kid": …, "n": …, "e": …}]}.'
        ) from None
    found: dict[str, list[PyJWK]] = {algorithm: [] for algorithm in algorithms}
    for algorithm, keys in found.items():
        for one in written:
            if _fits(one, algorithm):
                try:
                    keys.append(PyJWK(one, algorithm))
                except PyJWTError:
                    log.warning("a key of the JWKS cannot be used with %s; left out", algorithm)
    if not any(found.values()):
        raise SetUnreadable(
            f"{len(written)} keys, none of them a public signing key for {' or '.join(algorithms)}."
        )
    return found


def _fits(key: Mapping[str, Value], algorithm: str) -> bool:
    kind, curve = TYPES[algorithm]
    return (
        key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )


def from_file(path: pathlib.Path) -> Fetch:
    """Reads the set from a file."""

    def fetch() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise SetUnreadable(f"{path} cannot be read ({error.strerror}).") from None

    return fetch


def from_url(url: str, clock: Callable[[], float] = time.monotonic) -> Fetch:
    """Asks a URL for the set; follows no redirect, takes at most MOST_BYTES and TIMEOUT_SECONDS."""

    def fetch() -> bytes:
        import httpx

        deadline = clock() + TIMEOUT_SECONDS
        try:
            with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS) as answer:
                if answer.status_code != 200:
                    raise SetUnreadable(f"{url} answered {answer.status_code}; expected 200.")
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise SetUnreadable(f"{url} answered more than {MOST_BYTES} bytes.")
                    # httpx counts from one piece to the next; drop by drop that is for ever.
                    if clock() > deadline:
                        raise SetUnreadable(f"{url} took more than {TIMEOUT_SECONDS} seconds.")
                return body
        except httpx.HTTPError as error:
            raise SetUnreadable(f"{url} cannot be reached ({type(error).__name__}).") from None

    return fetch
