"""The log where several processes write to it, and commit in another order than they began."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store import changes
from engine.store.base import Store, Transaction
from tests.store.support import PostgresConnector, connected, project


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PostgresConnector]:
    with connected("postgresql", tmp_path) as found:
        assert isinstance(found, PostgresConnector)
        found.apply(project())
        yield found


class Other:
    """Another process, as far as the database can tell, with a transaction that stays open."""

    def __init__(self, store: Store, amount: int) -> None:
        self._context = store.transaction()
        self.tx: Transaction = self._context.__enter__()
        self.tx.insert("order", {"amount": amount})

    def commit(self) -> None:
        self._context.__exit__(None, None, None)

    def roll_back(self) -> None:
        with contextlib.suppress(ZeroDivisionError):
            error = ZeroDivisionError()
            self._context.__exit__(ZeroDivisionError, error, None)


def told(store: Store, after: int) -> list[changes.Logged]:
    with store.reader() as tx:
        return changes.after(tx, after, limit=100)


def amounts(found: list[changes.Logged]) -> list[int]:
    return [change.now["amount"] for change in found if change.now]


def test_who_commits_late_is_not_passed_over(database: PostgresConnector) -> None:
    first, second, reader = (database.open(project()) for _ in range(3))
    early = Other(first, 1)
    late = Other(second, 2)
    late.commit()
    assert told(reader, 0) == [], "what is committed waits for who began before"
    with reader.reader() as tx:
        assert changes.position(tx) == 0, "so nobody is given a place behind it either"
        assert changes.unsettled(tx, 0)
    early.commit()
    found = told(reader, 0)
    assert amounts(found) == [1, 2]
    assert found[0].seq < found[1].seq
    with reader.reader() as tx:
        assert not changes.unsettled(tx, found[1].seq)


def test_who_gives_up_holds_nobody_up(database: PostgresConnector) -> None:
    first, second, reader = (database.open(project()) for _ in range(3))
    early, late = Other(first, 1), Other(second, 2)
    late.commit()
    early.roll_back()
    assert amounts(told(reader, 0)) == [2]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("given_up", [None, 0, 1, 2])
def test_every_order_of_three_commits_is_told_whole(
    database: PostgresConnector, order: tuple[int, ...], given_up: int | None
) -> None:
    """A reader that goes on from its last place after every commit sees each change once."""
    reader = database.open(project())
    open_ones = [Other(database.open(project()), number) for number in range(3)]
    seen: list[int] = []
    place = 0
    for number in order:
        if number == given_up:
            open_ones[number].roll_back()
        else:
            open_ones[number].commit()
        for change in told(reader, place):
            place = change.seq
            seen += amounts([change])
    assert seen == [number for number in range(3) if number != given_up]


def test_a_log_restored_into_another_cluster_is_begun_anew(database: PostgresConnector) -> None:
    """There transactions count from elsewhere: the old seqs would be told in the midst of new ones."""
    store = database.open(project())
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1})
    with store.transaction() as tx:
        changes.disown(tx)
    assert amounts(told(store, 0)) == [1], "an honest log stays"
    database.by_hand("UPDATE actionflow_change SET seq = seq + (1::bigint << 50)")
    with store.transaction() as tx:
        changes.disown(tx)
    assert database.by_hand("SELECT count(*) FROM actionflow_change") == [(0,)]
    with store.reader() as tx:
        place = changes.position(tx)
        assert place == changes.pruned_to(tx) > 0
    with store.transaction() as tx:
        tx.insert("order", {"amount": 2})
    [change] = told(store, place)
    assert (amounts([change]), change.seq > place) == ([2], True)


def test_a_lost_connection_for_listening_is_made_anew(database: PostgresConnector) -> None:
    mine, other = database.open(project()), database.open(project())
    woken = threading.Event()
    mine.watch(woken.set)

    def heard(amount: int) -> bool:
        woken.clear()
        with other.transaction() as tx:
            tx.insert("order", {"amount": amount})
        return woken.wait(10)

    assert heard(1)
    woken.clear()
    [(ended,)] = database.by_hand(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE query LIKE 'LISTEN \"actionflow_%' AND pid <> pg_backend_pid()"
    )
    assert ended >= 1
    assert woken.wait(10), "as soon as it listens again: anything may have been missed"
    assert heard(2)
