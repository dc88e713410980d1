"""A backup taken while events come in is one moment, whole; a restore serves on."""

from __future__ import annotations

import pathlib
import shutil
import threading

import pytest

from engine.backup import back_up
from engine.cli.main import BAD_INPUT, DONE, main
from engine.errors import BadInput
from engine.receive import Receiver
from engine.store.base import StoreError
from engine.stripe.event import decode, load
from tests.acceptance.shop import copy_of_example
from tests.acceptance.test_kill import event_for

ORDERS = range(101, 141)


def test_a_backup_under_load_is_whole_and_can_be_restored(tmp_path: pathlib.Path) -> None:
    project = copy_of_example(tmp_path / "flows")
    store = project.store()
    receiver = Receiver(project)
    begun = threading.Event()

    def deliver() -> None:
        for order in ORDERS:
            body = event_for(order)
            row = {"id": order, "user_id": "a", "item": "x", "amount": 10_000, "currency": "usd"}
            with store.transaction() as tx:
                tx.insert("order", row)
                receiver.receive(tx, load(body), body.decode(), decode(body))
            begun.set()

    load_thread = threading.Thread(target=deliver)
    load_thread.start()
    assert begun.wait(30)
    target = tmp_path / "copy.db"
    size = back_up(project, target)
    load_thread.join()
    store.close()
    assert size == target.stat().st_size
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]

    # Restored as docs/operations.md says: the database file and its log go, the copy comes.
    database = project.database_file
    assert database is not None
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.copy(target, database)
    store = project.store()
    with store.transaction() as tx:
        paid = {row["id"] for row in tx.find("order", {"status": "paid"})}
        done = {row["id"] for row in tx.execute("SELECT id FROM actionflow_inbox")}
        runs = {row["event_id"] for row in tx.execute("SELECT event_id FROM actionflow_run")}
        assert paid
        assert done == runs == {f"evt_{order}" for order in paid}
        # What is in it is known, what came after it can come again (`actionflow reconcile`).
        for order in ORDERS:
            if order not in paid and tx.get("order", order) is None:
                row = {"id": order, "user_id": "a", "item": "x", "amount": 1, "currency": "usd"}
                tx.insert("order", row)
            body = event_for(order)
            verdict = receiver.receive(tx, load(body), body.decode(), decode(body))
            assert verdict.outcome == ("duplicate" if order in paid else "done")
    store.close()


def test_the_command_and_its_refusals(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of_example(tmp_path / "flows")
    words = ["backup", str(tmp_path / "a.db"), "--project", str(project.folder)]
    assert main(words) == DONE
    assert "bytes" in capsys.readouterr().out
    assert main(words) == BAD_INPUT
    assert "is there already" in capsys.readouterr().err
    with pytest.raises(BadInput, match="no folder"):
        back_up(project, tmp_path / "nowhere" / "a.db")


def test_a_damaged_database_leaves_no_copy(tmp_path: pathlib.Path) -> None:
    project = copy_of_example(tmp_path / "flows")
    database = project.database_file
    assert database is not None
    database.write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError):
        back_up(project, tmp_path / "a.db")
    assert list(tmp_path.glob("a.db*")) == []
