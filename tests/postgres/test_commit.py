"""A connection lost during the commit: what became of it is found out, never guessed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store import postgres_commit
from engine.store.again import committed
from engine.store.base import CommitUnknown, Store, StoreConflict, Transaction
from engine.store.connect import open_store
from tests.postgres.wire import Cut, Wire, wired
from tests.store.support import PostgresConnector, project


@pytest.fixture
def cut_off(database: PostgresConnector) -> Iterator[tuple[Wire, Store]]:
    """A store that reaches its database by a wire."""
    database.apply(project())
    with wired(database.url()) as (wire, url):
        store = open_store(url, project().tables, database.folder)
        try:
            yield wire, store
        finally:
            wire.refusing = False
            store.close()


def rows(database: PostgresConnector) -> int:
    [(found,)] = database.by_hand('SELECT count(*) FROM "order"')
    return int(found)


def insert(tx: Transaction) -> None:
    tx.insert("order", {"amount": 1})


@pytest.mark.parametrize("how", ["before", "after"])
def test_the_truth_is_told_about_a_commit_whose_answer_was_lost(
    cut_off: tuple[Wire, Store], database: PostgresConnector, how: Cut
) -> None:
    wire, store = cut_off
    wire.cut("COMMIT", how)
    if how == "after":
        with store.transaction() as tx:
            insert(tx)
    else:
        with pytest.raises(StoreConflict, match="rolled back"), store.transaction() as tx:
            insert(tx)
    assert wire.cuts == 1
    assert rows(database) == (how == "after")
    with store.transaction() as tx:
        insert(tx)
    assert rows(database) == (how == "after") + 1


@pytest.mark.parametrize("how", ["before", "after"])
def test_work_that_may_be_run_again_is_done_once(
    cut_off: tuple[Wire, Store], database: PostgresConnector, how: Cut
) -> None:
    wire, store = cut_off
    wire.cut("COMMIT", how)
    committed(store, insert)
    assert (wire.cuts, rows(database)) == (1, 1)


@pytest.mark.parametrize("word", ["INSERT", "SAVEPOINT"])
def test_a_connection_lost_before_the_commit_wrote_nothing(
    cut_off: tuple[Wire, Store], database: PostgresConnector, word: str
) -> None:
    wire, store = cut_off
    wire.cut(word, "after")
    with pytest.raises(StoreConflict), store.transaction() as tx, tx.savepoint():
        insert(tx)
    assert (wire.cuts, rows(database)) == (1, 0)


def test_while_nobody_can_be_asked_it_is_called_unknown(
    cut_off: tuple[Wire, Store], database: PostgresConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, store = cut_off
    monkeypatch.setattr(postgres_commit, "PATIENCE", 0.0)
    wire.cut("COMMIT", "after", refusing=True)
    with pytest.raises(CommitUnknown, match="not known"), store.transaction() as tx:
        insert(tx)
    assert rows(database) == 1


def test_after_a_failover_it_is_called_unknown(
    cut_off: tuple[Wire, Store], database: PostgresConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server's transaction of the same number would say nothing about this one."""
    wire, store = cut_off
    with store.transaction() as tx:
        insert(tx)
    # What the connection remembers of the server it was made to.
    [link] = store._idle  # type: ignore[attr-defined]
    link.timeline = "00000009"
    wire.cut("COMMIT", "after")
    with pytest.raises(CommitUnknown, match="taken over"), store.transaction() as tx:
        insert(tx)
    assert rows(database) == 2
