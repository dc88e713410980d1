"""Who is called by `http` nodes: counts what it is told by Idempotency-Key, and can be slow."""

from __future__ import annotations

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 300.0


class Warehouse:
    """`told[order][key]` is how often the order was told under the key; `/slow/…` is answered only
    once `let_go` was called."""

    def __init__(self) -> None:
        self.told: dict[int, Counter[str]] = {}
        self.held = 0
        """Calls that are being held, or were."""
        self.answered = 0
        """Held calls that were answered."""
        self._lock = threading.Condition()
        self._open = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.warehouse = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def let_go(self) -> None:
        """Answer what was held, and hold nothing more."""
        self._open.set()

    def wait(self, *, held: int) -> None:
        """Until so many calls are held. Raises TimeoutError."""
        with self._lock:
            if not self._lock.wait_for(lambda: self.held >= held, PATIENCE):
                raise TimeoutError(f"{self.held} calls came in {PATIENCE:.0f} seconds, not {held}")

    def stop(self) -> None:
        self.let_go()
        self._server.shutdown()
        self._server.server_close()

    def hear(self, path: str, key: str) -> None:
        """One call has come."""
        kind, _, order = path.strip("/").partition("/")
        with self._lock:
            self.told.setdefault(int(order), Counter())[key] += 1
            self.held += kind == "slow"
            self._lock.notify_all()
        if kind == "slow":
            self._open.wait()
            with self._lock:
                self.answered += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    warehouse: Warehouse


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.warehouse.hear(self.path, self.headers["Idempotency-Key"])
        try:
            self.send_response(204)
            self.end_headers()
        except OSError:  # the server that called was killed
            return

    def log_message(self, *words: Any) -> None:
        return
