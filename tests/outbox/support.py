"""A loopback server that answers as told, and a project with its outbox under a clock of its own."""

from __future__ import annotations

import http.server
import json
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.net import Guard
from engine.net.client import Reply, send
from engine.outbox import AT_ONCE, Outbox
from engine.project import Project
from engine.receive import Receiver
from engine.store import outbox
from engine.store.base import Store, Transaction
from engine.store.outbox import Call
from engine.stripe.event import of
from engine.verdict import Verdict

START = 1_780_000_000.0
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Heard:
    """One request as it came in; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """What the other side heard, and what it says next (the last answer is repeated)."""

    port: int
    heard: list[Heard] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=lambda: [(200, {}, b"")])
    before: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, *answers: int | Answer) -> None:
        self.answers = [(one, {}, b"") if isinstance(one, int) else one for one in answers]


@contextmanager
def serving(wrap: Callable[[Any], Any] = lambda socket: socket) -> Iterator[Server]:
    """A server on loopback; `wrap` puts TLS around its socket."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.heard.append(Heard(self.command, self.path, headers, self.rfile.read(length)))
            server.before()
            answers = server.answers
            status, more, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *words: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # the caller had enough
                super().handle()

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = wrap(listening.socket)
    listening.daemon_threads = True
    server = Server(listening.server_address[1])
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@dataclass
class Shop:
    """A project whose flow `created` runs for customer.created, with its store and outbox."""

    project: Project
    store: Store
    clock: float = START
    chances: float = 1.0
    sends: Callable[..., Reply] = lambda request, rules: send(request, Guard.of(rules.allow))
    open: int = 0
    """Transactions open now."""

    def __post_init__(self) -> None:
        self.outbox = Outbox(
            lambda: self.project,
            self.transact,
            now=lambda: self.clock,
            send=lambda request, rules: self._send(request, rules),
            chance=lambda: self.chances,
        )

    def transact(self, work: Callable[[Transaction], Any]) -> Any:
        with self.store.transaction() as tx:
            self.open += 1
            try:
                return work(tx)
            finally:
                self.open -= 1

    def _send(self, request: Any, rules: Any) -> Reply:
        assert self.open == 0, "a transaction is held open during a call"
        return self.sends(request, rules)

    def receive(self, event: dict[str, Any]) -> Verdict:
        """Deliver an event and commit."""
        receiver = Receiver(self.project, "test", lambda: self.clock)
        verdict: Verdict = self.transact(
            lambda tx: receiver.receive(tx, event, orjson.dumps(event).decode(), of(event))
        )
        return verdict

    def calls(self) -> list[Call]:
        with self.store.reader() as tx:
            return outbox.after(tx, 0)

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.store.reader() as tx:
            return tx.find(table, {})

    def make_calls(self) -> int:
        """Make the calls that are due, one after the other; how many there were."""
        calls = self.outbox.lease(AT_ONCE)
        for call in calls:
            self.outbox.deliver(call)
        return len(calls)

    def deliver_all(self, most: int = 50) -> list[int]:
        """Let time run until nothing is left to do; the seconds between the rounds."""
        waits = []
        for _ in range(most):
            if self.make_calls():
                continue
            due = [
                call.next_try_at
                for call in self.calls()
                if call.state in ("waiting", "giving_up") and call.next_try_at
            ]
            if not due:
                return waits
            at = float(seconds(min(due)))
            waits.append(int(at - self.clock))
            self.clock = at
        raise AssertionError("the outbox never comes to an end")


def seconds(text: str) -> int:
    return int(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))) - time.timezone


def opened(folder: pathlib.Path, seed: dict[str, list[dict[str, Any]]] | None = None) -> Shop:
    project = Project.open(folder)
    return Shop(project, project.scratch(seed or {}))


def sent(heard: Heard) -> Any:
    return json.loads(heard.body)
