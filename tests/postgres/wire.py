"""A wire between the engine and PostgreSQL that can be cut at a given statement, as networks are."""

from __future__ import annotations

import contextlib
import pathlib
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import parse_qs, urlencode

Cut = Literal["before", "after"]
PARSE = re.compile(rb"P.{4}(s\d+)\0([^\0]+)\0", re.DOTALL)
BIND = re.compile(rb"B.{4}\0(s\d+)\0", re.DOTALL)
LONGEST_NAME = 16


class Wire:
    """Takes connections on a Unix socket and hands all bytes on to the server."""

    def __init__(self, target: str, folder: pathlib.Path) -> None:
        self._target = target
        self._sql: bytes | None = None
        self._cut: Cut = "before"
        self._then = False
        self._skip = 0
        self.cuts = 0
        self.refusing = False
        """Whether new connections are closed at once, as while a server is away."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self._ends = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def cut(self, sql: str, how: Cut, *, skip: int = 0, refusing: bool = False) -> None:
        """Cut the connection on which the engine next runs a statement that begins so: before the
        server has it, or after the server has answered, so that only the answer is lost.

        `skip` lets so many pass first; `refusing`: so are all others, and new ones refused.
        """
        self._cut, self._then, self._skip = how, refusing, skip
        self._sql = sql.encode()

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
        prepared: dict[bytes, bytes] = {}
        end = b""
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                # What a read has cut in two is seen with the next.
                sent, end = end + data, (end + data)[-LONGEST_NAME:]
                prepared |= {found[1]: found[2] for found in PARSE.finditer(sent)}
                if self._run(sent, prepared):
                    if self.refusing:
                        _end(*(end for end in self._ends[1:] if end not in (near, far)))
                    if self._cut == "before":
                        break
                    muted.set()
                far.sendall(data)
        _end(near, far)

    def _run(self, sent: bytes, prepared: dict[bytes, bytes]) -> bool:
        """Whether the statement to cut at is run here."""
        wanted = self._sql
        if wanted is None:
            return False
        for bind in BIND.finditer(sent):
            if prepared.get(bind[1], b"").startswith(wanted):
                if self._skip == 0:
                    self._sql = None
                    self.cuts += 1
                    self.refusing = self._then
                    return True
                self._skip -= 1
        return False

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
