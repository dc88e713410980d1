"""The servers under load, each a process of its own, and what its database must hold afterwards."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import ClassVar

from bench.compiled import NotCompiled, compiled
from bench.events import SECRET, Sent
from bench.peer import SCHEMA
from bench.ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[1]
UVICORN = ("uvicorn", "--log-level", "warning", "--no-access-log")


class Contestant:
    """A server that can be started, loaded and audited. `orders` exist before it starts."""

    name: ClassVar[str]
    stdin: ClassVar[int] = subprocess.DEVNULL
    stdout: ClassVar[int | None] = None
    python_path: Sequence[pathlib.Path] = (ROOT,)
    """Where the server's Python finds its modules."""

    def __init__(self, folder: pathlib.Path, orders: int) -> None:
        self.folder = folder / self.name
        self.orders = orders
        self.given = 1
        """The next order that no event was made for."""
        self.folder.mkdir(parents=True)
        self.prepare()

    def prepare(self) -> None:
        """Make the database, with the orders in it."""

    def words(self, port: int) -> Sequence[str]:
        """The Python module that serves, and its arguments."""
        raise NotImplementedError

    def audit(self, acknowledged: Sequence[Sent]) -> list[str]:
        """What is wrong with the rows, given these acknowledgements; empty when all is right."""
        return []

    def take(self, count: int) -> range:
        """Orders that no event was made for yet."""
        first, self.given = self.given, self.given + count
        if self.given > self.orders:
            raise RuntimeError(f"{self.name} has no orders left; prepare more")
        return range(first, self.given)

    def start(self) -> None:
        self.port = free_port()
        words = [sys.executable, "-m", *self.words(self.port)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, self.python_path)),
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_SECRET_KEY": "",
            "BENCH_DATABASE": str(self.database),
        }
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                words,
                env=environment,
                stdin=self.stdin,
                stdout=self.stdout or log,
                stderr=log,
                cwd=self.folder,
            )
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} did not start: {self.folder / 'log'}")
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    @property
    def database(self) -> pathlib.Path:
        return self.folder / "data.db"

    def cpu(self) -> float:
        """Seconds of processor time the server has used, with its front."""
        ticks = 0
        for process in self.processes():
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory of the server in MiB, with its front."""
        pages = 0
        for process in self.processes():
            pages += int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def processes(self) -> list[int]:
        """The server's process and its children."""
        server = self.process.pid
        found = [server]
        for task in pathlib.Path(f"/proc/{server}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has ended
                found += map(int, (task / "children").read_text().split())
        return found


class Noop(Contestant):
    """Reads the body and answers."""

    name = "noop"

    def words(self, port: int) -> Sequence[str]:
        return (*UVICORN, "--port", str(port), "bench.noop:app")


class Peer(Contestant):
    """bench/peer.py."""

    name = "peer"

    def prepare(self) -> None:
        db = sqlite3.connect(self.database)
        db.executescript(SCHEMA)
        orders = ((number, 10_000, "usd") for number in range(1, self.orders + 1))
        db.executemany('INSERT INTO "order" (id, amount, currency) VALUES (?, ?, ?)', orders)
        db.commit()
        db.close()

    def words(self, port: int) -> Sequence[str]:
        return (*UVICORN, "--port", str(port), "--factory", "bench.peer:app")

    def audit(self, acknowledged: Sequence[Sent]) -> list[str]:
        db = sqlite3.connect(self.database)
        told = {sent.event for sent in acknowledged}
        paid = {sent.order for sent in acknowledged}
        kept = {id for (id,) in db.execute("SELECT id FROM processed_event")}
        payments = [order for (order,) in db.execute("SELECT order_id FROM payment")]
        settled = {id for (id,) in db.execute("SELECT id FROM \"order\" WHERE status = 'paid'")}
        db.close()
        return differences(events=(kept, told), payments=(payments, paid), orders=(settled, paid))


class Actionflow(Contestant):
    """`actionflow serve` on a copy of flows/, as it comes."""

    name = "actionflow"

    def prepare(self) -> None:
        from engine.project import Project
        from engine.store import migrate

        room = self.folder / "flows"
        shutil.copytree(ROOT / "flows", room, ignore=shutil.ignore_patterns(".actionflow"))
        project = Project.open(room)
        migrate.apply(project.file, room.resolve())
        file = project.database_file
        assert file is not None
        self.path = file
        db = sqlite3.connect(file)
        orders = ((number,) for number in range(1, self.orders + 1))
        db.executemany(
            'INSERT INTO "order" (id, user_id, item, amount, currency, status, refunded, created_at,'
            " updated_at) VALUES (?, 'ada', 'Notebook', 10000, 'usd', 'pending', 0,"
            " '2026-05-28T00:00:00Z', '2026-05-28T00:00:00Z')",
            orders,
        )
        db.commit()
        db.close()

    def words(self, port: int) -> Sequence[str]:
        return ("engine.cli.main", "serve", "--project", "flows", "--port", str(port))

    def audit(self, acknowledged: Sequence[Sent]) -> list[str]:
        db = sqlite3.connect(self.path)
        told = {sent.event for sent in acknowledged}
        paid = {sent.order for sent in acknowledged}
        kept = {id for (id,) in db.execute("SELECT id FROM actionflow_inbox WHERE state = 'done'")}
        unfinished = db.execute(
            "SELECT count(*) FROM actionflow_inbox WHERE state <> 'done'"
        ).fetchone()[0]
        payments = [
            order
            for (order,) in db.execute("SELECT order_id FROM payment WHERE status = 'SUCCESSFUL'")
        ]
        settled = {id for (id,) in db.execute("SELECT id FROM \"order\" WHERE status = 'paid'")}
        runs = [id for (id,) in db.execute("SELECT event_id FROM actionflow_run")]
        db.close()
        found = differences(
            events=(kept, told),
            payments=(payments, paid),
            orders=(settled, paid),
            runs=(runs, told),
        )
        return found + ([f"{unfinished} events not done"] if unfinished else [])


def differences(**pairs: tuple[object, object]) -> list[str]:
    """Where what is there is not exactly what was acknowledged, each once."""
    said = []
    for name, (there, wanted) in pairs.items():
        assert isinstance(there, set | list)
        assert isinstance(wanted, set)
        if len(there) != len(set(there)):
            said.append(f"{name}: {len(there) - len(set(there))} doubled")
        if lost := wanted - set(there):
            said.append(f"{name}: {len(lost)} acknowledged and not there")
        if extra := set(there) - wanted:
            said.append(f"{name}: {len(extra)} there and not acknowledged")
    return said


CONTESTANTS: tuple[type[Contestant], ...] = (Noop, Peer, Actionflow)


def form(interpreted: bool) -> str:
    """Have Actionflow served compiled if it can be, and say how it is."""
    if interpreted:
        return "interpreted, as asked for"
    try:
        Actionflow.python_path = (compiled(), *Actionflow.python_path)
    except NotCompiled as why:
        return f"interpreted: {why}"
    return "compiled, as its wheels are"
