"""The server as a process of its own, to be killed, starved of disk, or given another clock."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence

from bench.events import SECRET
from bench.ports import free_port
from chaos.clock import VARIABLE

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATIENCE = 300.0
"""Seconds a server is given to start, and to stop."""


class Server:
    """`actionflow serve` on a project folder, started through chaos/clock.py; its log is `log`."""

    python_path: Sequence[pathlib.Path] = (ROOT,)
    """Where its Python finds the program."""

    def __init__(self, folder: pathlib.Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.log = folder.parent / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError when it ends instead."""
        words = [sys.executable, "-m", "chaos.clock", "serve", "--log", "json"]
        words += ["--project", str(self.folder), "--port", str(self.port)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, self.python_path)),
            "PYTHONSAFEPATH": "1",  # or the folder it is started in would come first
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_SECRET_KEY": "",
            VARIABLE: str(clock_file(self.folder)),
        }
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether it says that it takes events."""
        address = f"http://127.0.0.1:{self.port}/readyz"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing is flushed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM, as a service manager stops it; its exit code."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the server did not stop in {PATIENCE:.0f} seconds") from None

    def end(self) -> None:
        """Whatever state it is in, have it gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def limit_files(self, size: int) -> None:
        """No file can grow over so many bytes from now on; -1 for no limit. Needs no root."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, hard))


def clock_file(folder: pathlib.Path) -> pathlib.Path:
    """Where the servers on this project look up how far their clock is off."""
    return folder.parent / "clock"


def set_clock(folder: pathlib.Path, seconds: int) -> None:
    """Move the clock of every server on this project so far from the real one."""
    path = clock_file(folder)
    with open(path, "r+b" if path.exists() else "w+b") as file:
        file.write(seconds.to_bytes(8, "little", signed=True))
