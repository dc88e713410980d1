"""Runs the stand-in: in the foreground for a person, in a thread for a test."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from standin.app import create_app
from standin.state import State

HOST = "127.0.0.1"
_log = logging.getLogger("standin")


class _Protocol(H11Protocol):
    """Tells the application how to close the connection, so that an answer can be lost."""

    def handle_events(self) -> None:
        app = self.app

        async def with_close(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["standin.close"] = self.transport.abort
            await app(scope, receive, send)

        self.app = with_close
        try:
            super().handle_events()
        finally:
            self.app = app


def config(state: State, port: int) -> uvicorn.Config:
    """uvicorn's settings: loopback only, whatever the caller would like."""
    state.url = f"http://{HOST}:{port}"
    return uvicorn.Config(
        create_app(state),
        host=HOST,
        port=port,
        http=_Protocol,
        log_level="warning",
        access_log=False,
        lifespan="on",
    )


class Running:
    """A stand-in that runs in a thread."""

    def __init__(self, state: State, port: int) -> None:
        self.state = state
        self.port = port
        self.url = f"http://{HOST}:{port}"


@contextlib.contextmanager
def running(state: State | None = None, *, port: int = 0) -> Iterator[Running]:
    """Runs the stand-in in a thread while the block lasts, on a free port unless one is given.

    Without a state it makes one with fixed ids and a clock that stands still at 2026-06-01 UTC.
    """
    state = state or State(seed=1, now=1_780_272_000)
    # With the protocol named, asyncio turns Nagle's delay off; without it every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    port = listener.getsockname()[1]
    server = uvicorn.Server(config(state, port))
    ready = threading.Event()
    original = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await original(sockets)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    if not ready.wait(30):
        raise RuntimeError("the stand-in did not start")
    try:
        yield Running(state, port)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def serve(state: State, port: int) -> None:
    """Runs the stand-in in the foreground until it is interrupted."""
    uvicorn.Server(config(state, port)).run()
