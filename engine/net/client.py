"""Sending one call: to an address that was checked, within its time, without following redirects."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Any

from engine import __version__
from engine.errors import ActionflowError
from engine.net.addresses import Address
from engine.net.guard import Guard, Target
from engine.net.request import Request, header_fault

MOST_ANSWER = 256 * 1024
"""Bytes of an answer that are read; the rest is left."""
MOST_ADDRESSES = 4
HIDDEN = "***"
USER_AGENT = f"actionflow/{__version__}"
KEPT_HEADERS = ("content-type", "location", "retry-after", "etag", "x-request-id", "request-id")

Resolve = Callable[[str, int], Sequence[str]]


class Unanswered(ActionflowError):
    """No answer came; whether the other side did the work is not known."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `text` is at most MOST_ANSWER bytes, None where it is no text; secrets that were
    sent are blotted out. `headers` are those of KEPT_HEADERS, by small names."""

    status: int
    headers: Mapping[str, str]
    text: str | None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def send(
    request: Request,
    guard: Guard,
    *,
    resolve: Resolve | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Make the call once. Blocks; never inside a transaction.

    Raises Refused (it may not be made) and Unanswered (no connection, no answer in time).
    """
    target = guard.target(request.url)
    secrets = _secrets(request)
    addresses = _addresses(target, resolve or lookup)
    guard.admit(target, addresses)
    headers = [
        ("Host", target.host_header),
        ("User-Agent", USER_AGENT),
        ("Accept-Encoding", "identity"),
        ("Idempotency-Key", request.key),
        *request.headers.items(),
        *secrets.items(),
    ]
    sent = [
        (name.encode(), value.encode())
        for name, value in headers
        if value and not (name == "User-Agent" and "user-agent" in map(str.lower, request.headers))
    ]
    context = (tls or _tls()) if target.scheme == "https" else None
    status, received, body = asyncio.run(_exchange(request, target, addresses, sent, context))
    return Reply(status, received, _text(body, received, secrets.values()))


def lookup(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system's resolver has them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def _addresses(target: Target, resolve: Resolve) -> list[Address]:
    if target.address is not None:
        return [target.address]
    try:
        found = [ip_address(one.partition("%")[0]) for one in resolve(target.host, target.port)]
    except (OSError, UnicodeError) as error:
        raise Unanswered(f"{target}: the host cannot be found ({error}).") from None
    if not found:
        raise Unanswered(f"{target}: the host has no address.")
    return list(dict.fromkeys(found))


def _secrets(request: Request) -> dict[str, str]:
    secrets = {}
    for name, variable in request.secret_headers.items():
        value = os.environ.get(variable, "").strip()
        if not value:
            raise Unanswered(
                f"the environment variable {variable}, which holds the header {name}, is not set. "
                "Set it for the server."
            )
        if fault := header_fault(name, value):
            raise Unanswered(f"the environment variable {variable}: {fault}.")
        secrets[name] = value
    return secrets


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than most calls."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


async def _exchange(
    request: Request,
    target: Target,
    addresses: list[Address],
    headers: list[tuple[bytes, bytes]],
    tls: ssl.SSLContext | None,
) -> tuple[int, dict[str, str], bytes]:
    import httpx

    tried = addresses[:MOST_ADDRESSES]
    patience = httpx.Timeout(request.timeout, connect=request.timeout / len(tried))
    problem = ""
    try:
        async with (
            # httpx's own limits are for each read; a server that drips would never reach them.
            asyncio.timeout(request.timeout),
            httpx.AsyncClient(
                # Without TLS (http to an allowed host) there is no certificate to look at.
                verify=tls or False,
                trust_env=False,
                follow_redirects=False,
                timeout=patience,
            ) as client,
        ):
            client.headers.clear()
            for address in tried:
                try:
                    return await _to(client, request, target, address, headers)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    problem = f"no connection to {address} ({_words(error)})"
    except TimeoutError:
        raise Unanswered(f"{target}: no whole answer within {request.timeout} s.") from None
    except httpx.HTTPError as error:
        raise Unanswered(f"{target}: {_words(error)}.") from None
    raise Unanswered(f"{target}: {problem}.")


async def _to(
    client: Any,
    request: Request,
    target: Target,
    address: Address,
    headers: list[tuple[bytes, bytes]],
) -> tuple[int, dict[str, str], bytes]:
    """The exchange with one address. The name stays in Host, in SNI and in the certificate check."""
    import httpx

    url = httpx.URL(
        scheme=target.scheme, host=str(address), port=target.port, raw_path=target.path.encode()
    )
    named = {"sni_hostname": target.host} if target.address is None else {}
    content = request.body.encode() if request.body is not None else None
    body = bytearray()
    async with client.stream(
        request.method, url, headers=headers, content=content, extensions=named
    ) as response:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MOST_ANSWER:
                break
        kept = {n: v for n in KEPT_HEADERS if (v := response.headers.get(n)) is not None}
        if "content-encoding" in response.headers:
            # We asked for none; unpacking it could make gigabytes of a few bytes.
            body.clear()
        return response.status_code, kept, bytes(body[:MOST_ANSWER])


def _words(error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(error) or str(cause) or type(error).__name__


def _text(body: bytes, headers: Mapping[str, str], secrets: Any) -> str | None:
    if not body:
        return None
    text = body.decode("utf-8", "replace")
    if "\0" in text or text.count("\ufffd") > len(text) // 10:
        return None
    for secret in secrets:
        for part in (secret, secret.partition(" ")[2]):
            if len(part) >= 6:
                text = text.replace(part, HIDDEN)
    return text
