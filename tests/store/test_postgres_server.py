"""The tests' own PostgreSQL: what a kill leaves behind."""

from __future__ import annotations

import contextlib
import pathlib
import threading

import psycopg
import pytest

from tests.store.postgres import ADVICE, PostgresServer, own_server

ASKING = 4
KILLS = 3


def working_in(folder: pathlib.Path) -> list[str]:
    """Processes that run in a folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(process.name)
    return found


def ask(server: PostgresServer, until: threading.Event) -> None:
    """Connect, again and again."""
    while not until.is_set():
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(server.url).close()


def test_a_kill_leaves_no_process_though_connections_come_in_all_the_time() -> None:
    server = own_server("fsync=off")
    if server is None:
        pytest.skip(ADVICE)
    over = threading.Event()
    asking = [threading.Thread(target=ask, args=(server, over)) for _ in range(ASKING)]
    try:
        server.start()
        for thread in asking:
            thread.start()
        for _ in range(KILLS):
            server.kill()
            assert working_in(server.folder / "data") == []
            server.start()
    finally:
        over.set()
        for thread in asking:
            thread.join()
        server.close()
