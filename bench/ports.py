"""Ports for servers that are started a moment later."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket

FIRST, COUNT = 10_000, 20_000
"""Below those that a system gives out by itself (Linux from 32,768, others from 49,152): nobody gets
the port in between."""

_turn = itertools.count(secrets.randbelow(COUNT))
"""Each process counts from somewhere else: several test runs get in each other's way as good as never."""


def free_port() -> int:
    """A port of this machine that nobody listens on, and that this process was not given before."""
    while True:
        port = FIRST + next(_turn) % COUNT
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
