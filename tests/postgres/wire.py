"""A wire between the engine and PostgreSQL that can be cut at a given word, as networks are."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import parse_qs, urlencode

Cut = Literal["before", "after"]


class Wire:
    """Takes connections on a Unix socket and hands all bytes on to the server."""

    def __init__(self, target: str, folder: pathlib.Path) -> None:
        self._target = target
        self._word = b""
        self._cut: Cut = "before"
        self._then = False
        self.cuts = 0
        self.refusing = False
        """Whether new connections are closed at once, as while a server is away."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self._ends = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def cut(self, word: bytes, how: Cut, *, refusing: bool = False) -> None:
        """Cut the next connection on which the engine sends this word: before the server has it, or
        after the server has answered, so that only the answer is lost. `refusing` from then on."""
        self._word, self._cut, self._then = word, how, refusing

    def close(self) -> None:
        _end(*self._ends)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.refusing:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                self._ends += [near, far]
                far.connect(self._target)
                muted = threading.Event()
                for work in (self._out, self._back):
                    self._start(work, near, far, muted)

    def _out(self, near: socket.socket, far: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                if self._word and self._word in data:
                    self._word = b""
                    self.cuts += 1
                    self.refusing = self._then
                    if self._cut == "before":
                        break
                    muted.set()
                far.sendall(data)
        _end(near, far)

    def _back(self, near: socket.socket, far: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if muted.is_set():
                    break
                near.sendall(data)
        _end(near, far)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def wired(url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to the server at this URL, and the URL that goes through it."""
    base, _, words = url.partition("?")
    query = {name: values[0] for name, values in parse_qs(words).items()}
    # Not below pytest's folder: the path of a Unix socket is short.
    with tempfile.TemporaryDirectory(prefix="af-wire-") as folder:
        wire = Wire(f"{query['host']}/.s.PGSQL.{query.get('port', '5432')}", pathlib.Path(folder))
        query |= {"host": folder, "port": "5432"}
        try:
            yield wire, f"{base}?{urlencode(query)}"
        finally:
            wire.close()
