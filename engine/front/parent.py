"""The server's side of its front: starts it, takes connections over, starts another when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import engine
from engine.errors import BadInput
from engine.front import control, watch
from engine.front.control import Settings
from engine.front.feed import FrontFeed, Link
from engine.front.watch import Watch

if TYPE_CHECKING:
    from engine.project import Project
    from engine.web.express import Express
    from engine.web.service import Service

log = logging.getLogger("actionflow.front")

PROGRAM: tuple[str, ...] = ("engine.front.child",)
"""The module that is run, and its first words."""
READY_SECONDS = 30.0
"""How long a front may take to start."""
NO_START = "the front process does not start; its error is above. Serve without it: --front off"
LIVED = 10.0
"""Seconds after which a front's death is no fault of its start: the next is started at once."""
PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the next is started: of one that lived, of the first that did not, the second, ..."""
PACKETS = 100
"""Packets that are heard in one turn of the loop."""
ROOM = 1024 * 1024
"""Bytes that the system is asked to hold for deliveries on their way."""


def lacking() -> str | None:
    """What this system lacks for a front; None where one can be."""
    if not hasattr(socket, "SOCK_SEQPACKET") or not hasattr(socket, "send_fds"):
        return "this system cannot pass connections between processes"
    if not hasattr(os, "eventfd"):
        return "this system has no eventfd (Linux has)"
    return None


def worth_it(project: Project) -> bool:
    """Whether a front makes this project's server faster: the writer works in it, and not alone."""
    return project.database_file is not None and len(os.sched_getaffinity(0)) > 1


class Front:
    """One front at a time, on one listening socket. Of the loop, once it is opened."""

    def __init__(self, listener: socket.socket, settings: Settings) -> None:
        """Start it and wait until it is there. Raises BadInput when it does not come."""
        self.feed = FrontFeed()
        self.restarts = 0
        self.serving = False
        """It takes connections."""
        self.waiting = 0
        """Deliveries that it had sent on and that were not answered, when it was asked last."""
        self._listener = listener
        self._settings = settings
        self._failed = 0
        self._stopping = False
        self._parts = b""
        self._restart: asyncio.TimerHandle | None = None
        self._opened = asyncio.Event()
        self._gone = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._start()
        self._control.settimeout(READY_SECONDS)
        try:
            packet = control.receive(self._control)
        except TimeoutError:
            packet = None
        if packet is None:
            self.kill()
            raise BadInput(NO_START)

    async def open(self, service: Service, protocol: Callable[[], Express]) -> None:
        """Have it take connections; those that are not for it get such a protocol here.

        Raises BadInput when it does not come.
        """
        self._service = service
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._attach()
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._opened.wait()
        except TimeoutError:
            raise BadInput(NO_START) from None

    async def stop(self) -> None:
        """Take no connections any more; returns when the front has finished what was under way."""
        self._stopping = True
        self._listener.close()
        if self._restart is not None:
            self._restart.cancel()
        elif not self._gone.is_set():
            self._sender.send(control.STOP)
            await self._gone.wait()

    def kill(self) -> None:
        """It is to end at once."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        self._control, sock = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._events, events = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with sock, events:
            for end in (self._events, events):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
            descriptors = [end.fileno() for end in (sock, events, self._listener)]
            home = str(pathlib.Path(engine.__file__).resolve().parents[1])
            paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
            self._born = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", *PROGRAM, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                process_group=0,  # Ctrl-C is for the server, which tells it
            )
        self._control.send(self._settings.packet())

    def _attach(self) -> None:
        self._sender = control.Sender(self._control, self._loop)
        self._loop.add_reader(self._control.fileno(), self._read)
        self.feed.connect(Link(self._events, self._service))
        self._sender.send(control.SERVE)
        self._watch = Watch(self._loop, self._ask, self._give_up)

    def _ask(self) -> None:
        self._sender.send(control.ASK)

    def _give_up(self) -> None:
        """It hangs. What follows, follows from its end."""
        self.serving = False
        log.error(
            "the front process (%d) has not answered for %d seconds and is killed. If this comes "
            "often, serve without it: --front off",
            self._process.pid,
            self._watch.patience * watch.ASK_EVERY,
        )
        self._process.kill()

    def _read(self) -> None:
        """What the front says."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(PACKETS):
                packet = control.receive(self._control)
                if packet is None:
                    self._lost()
                    return
                self._watch.heard()
                self._hear(*packet)

    def _hear(self, kind: bytes, data: bytes, descriptors: list[int]) -> None:
        if kind == control.CONNECTION:
            data, self._parts = self._parts + data, b""
            if not descriptors:
                log.error("a connection was lost: this process has too many files open (ulimit -n)")
                return
            accepting = self._loop.create_task(self._accept(descriptors[0], data))
            self._connections.add(accepting)
            accepting.add_done_callback(self._connections.discard)
        elif kind == control.PART:
            self._parts += data
        elif kind == control.COUNTS:
            self._service.metrics.add(data)
        elif kind == control.ALIVE:
            self.waiting = int(data)
        elif kind == control.SERVING:
            self.serving = True
            self._watch.patience = watch.PATIENCE
            self._opened.set()

    async def _accept(self, descriptor: int, data: bytes) -> None:
        """A connection that is not for the front, and what has come of its next request."""

        def protocol() -> Express:
            made = self._protocol()
            made.first = data
            return made

        sock = socket.socket(fileno=descriptor)
        try:
            await self._loop.connect_accepted_socket(protocol, sock)
        except OSError:  # it is cut already
            sock.close()

    def _lost(self) -> None:
        """It has ended."""
        self._watch.stop()
        self._loop.remove_reader(self._control.fileno())
        self._loop.remove_writer(self._control.fileno())
        self._control.close()
        self._parts = b""
        self.serving = False
        self.waiting = 0
        self.kill()
        if self._stopping:
            self._gone.set()
            return
        code = self._process.returncode
        lived = time.monotonic() - self._born > LIVED
        self._failed = 0 if lived else min(self._failed + 1, len(PAUSES) - 1)
        log.error("the front process has ended (exit code %d); another one is started", code)
        self._restart = self._loop.call_later(PAUSES[self._failed], self._again)

    def _again(self) -> None:
        self._restart = None
        self.restarts += 1
        try:
            self._start()
        except OSError as error:
            log.error("no front process can be started: %s", error)
            self._restart = self._loop.call_later(PAUSES[-1], self._again)
        else:
            self._attach()
