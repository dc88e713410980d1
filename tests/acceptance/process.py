"""The server as a process of its own, to be killed."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys

import httpx

from tests.acceptance.shop import ROOT, SECRET


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class ServerProcess:
    """`actionflow serve` on a project folder."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._words = [sys.executable, "-m", "engine.cli.main", "serve"]
        self._words += ["--project", str(folder), "--port", str(port)]
        self._environment = {**os.environ, "STRIPE_WEBHOOK_SECRET": SECRET, "PYTHONPATH": str(ROOT)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError when it ends instead."""
        self._process = subprocess.Popen(
            self._words, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            while True:
                try:
                    if client.get("/readyz").status_code == 200:
                        return
                except httpx.TransportError:
                    if self._process.poll() is not None:
                        assert self._process.stderr is not None
                        said = self._process.stderr.read().decode()
                        raise RuntimeError(f"the server did not start: {said}") from None

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing is flushed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def stop(self) -> int:
        """Ask it to stop, wait until it has; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code
