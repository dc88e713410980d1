"""Who means harm: `python -m bench.attacks NAME PORT` goes on until it is killed."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence

HEAD = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n"
AT_ONCE = 64
"""Connections of an attacker that floods."""
HELD = 500
"""Connections of one that dawdles."""

Next = Callable[[socket.socket], bytes]


def slow_bodies(port: int) -> None:
    """Announces four kilobytes and sends a byte now and then."""
    _dawdle(port, HEAD + b"Content-Length: 4000\r\n\r\n")


def slow_heads(port: int) -> None:
    """Never comes to the end of its headers."""
    _dawdle(port, HEAD + b"X-Slow: ")


def idle(port: int) -> None:
    """Connects and says nothing."""
    _dawdle(port, b"", then=b"")


def huge_bodies(port: int) -> None:
    """Sends as much as it can under a length that it does not announce."""
    chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    _flood(port, [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 20])


def header_floods(port: int) -> None:
    """Sends headers without end."""
    _flood(port, [HEAD, *[b"X-%d: %s\r\n" % (n, b"y" * 4000) for n in range(100)]])


def bad_signatures(port: int) -> None:
    """Forges events, as many as are answered."""
    body = b'{"id": "evt_1", "object": "event", "padding": "%s"}' % (b"x" * 4000)
    signature = b"t=%d,v1=%s" % (time.time(), b"0" * 64)
    lines = (HEAD, b"Stripe-Signature: ", signature, b"\r\nContent-Length: %d" % len(body))
    _flood(port, [b"".join((*lines, b"\r\n\r\n", body))], answered=True)


def connections(port: int) -> None:
    """Connects and hangs up, as fast as it can."""
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()


ATTACKS: dict[str, Callable[[int], None]] = {
    one.__name__: one
    for one in (
        slow_bodies,
        slow_heads,
        idle,
        huge_bodies,
        header_floods,
        bad_signatures,
        connections,
    )
}


def _dawdle(port: int, begin: bytes, then: bytes = b"x") -> None:
    """Hold connections, feed each a byte every two seconds, and open another for each that is cut."""
    held: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            while len(held) < HELD:
                one = socket.create_connection(("127.0.0.1", port), timeout=1)
                one.sendall(begin)
                held.append(one)
        time.sleep(2)
        alive = []
        for one in held:
            try:
                one.sendall(then)
            except OSError:
                one.close()
            else:
                alive.append(one)
        held = alive


def _flood(port: int, parts: Sequence[bytes], *, answered: bool = False) -> None:
    """Over and over; each connection waits for its answer (`answered`) or begins anew when cut."""
    poll = select.poll()
    open_: dict[int, tuple[socket.socket, int]] = {}
    event = select.POLLIN | (0 if answered else select.POLLOUT)
    while True:
        while len(open_) < AT_ONCE:
            one = socket.create_connection(("127.0.0.1", port))
            one.setblocking(False)
            open_[one.fileno()] = (one, 0)
            poll.register(one, event)
            if answered:
                one.send(parts[0])
        for number, what in poll.poll():
            one, at = open_[number]
            try:
                if what & select.POLLIN and not one.recv(65_536):
                    raise ConnectionError
                if answered or what & select.POLLOUT:
                    one.send(parts[at % len(parts)])
                open_[number] = (one, at + 1)
            except BlockingIOError:
                pass
            except OSError:
                poll.unregister(number)
                del open_[number]
                one.close()


if __name__ == "__main__":
    os.nice(19)
    ATTACKS[sys.argv[1]](int(sys.argv[2]))
