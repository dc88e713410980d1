"""The server as a process of its own, to be killed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import httpx

from tests.acceptance.shop import PLAIN, ROOT, SECRET


def front_of(server: int) -> int | None:
    """The process of a server's front, while there is one."""
    for task in pathlib.Path(f"/proc/{server}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            for child in (task / "children").read_text().split():
                if b"engine.front.child" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return None


class ServerProcess:
    """`actionflow serve` on a project folder."""

    def __init__(
        self, folder: pathlib.Path, port: int, log: pathlib.Path | None = None, *words: str
    ) -> None:
        """`log` gets what it writes, else a file beside the folder: a pipe that nobody reads would
        stop it once it is full. `words` are more options."""
        self.url = f"http://127.0.0.1:{port}"
        self._words = [sys.executable, "-m", "engine.cli.main", "serve"]
        self._words += ["--project", str(folder), "--port", str(port), *words]
        path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)])
        self._environment = {**os.environ, "STRIPE_WEBHOOK_SECRET": SECRET, "PYTHONPATH": path}
        self._log = log or folder.parent / f"server-{port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError when it ends instead."""
        with self._log.open("ab") as both:
            self._process = subprocess.Popen(
                self._words, env=self._environment, stdout=both, stderr=both
            )
        with httpx.Client(base_url=self.url, **PLAIN) as client:
            while True:
                try:
                    if client.get("/readyz").status_code == 200:
                        return
                except httpx.TransportError:
                    try:
                        self._process.wait(0.02)  # asking without a pause takes its processor away
                    except subprocess.TimeoutExpired:
                        continue
                    said = self._log.read_text()
                    raise RuntimeError(f"the server did not start: {said}") from None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def front(self) -> int | None:
        """The process of its front, while there is one."""
        return front_of(self.pid)

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing is flushed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Kill it where it still runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def ask_to_stop(self) -> None:
        """Ctrl-C."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)

    def stop(self) -> int:
        """Ask it to stop, wait until it has; its exit code."""
        self.ask_to_stop()
        return self.ended()

    def ended(self) -> int:
        """Wait until it has ended; its exit code."""
        assert self._process is not None
        return self._process.wait()
