"""What servers share through the database: due work, once, and news of each other's commits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from engine.store import inbox, outbox, waking
from engine.store.again import committed
from engine.store.base import Store, Transaction
from tests.store.support import PostgresConnector, project

NOW, LATER = "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"
WITHOUT_WAITING = "SET LOCAL lock_timeout = '1ms'"


@pytest.fixture
def stores(database: PostgresConnector) -> tuple[Store, Store]:
    """Those of two servers."""
    return database.migrated(project()), database.open(project())


def put_events(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(4):
            inbox.receive(
                tx,
                id=f"evt_{number}",
                type="t",
                created=NOW,
                livemode=False,
                payload="{}",
                received_at=NOW,
            )


def put_calls(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(4):
            outbox.queue(
                tx,
                key=f"key_{number}",
                origin=f"evt_{number}",
                flow="f",
                flow_digest="d",
                node="n",
                ordinal=0,
                event_id=None,
                call={},
                retry={"tries": 1, "first_delay": 1, "longest_delay": 1},
                kept=None,
                now=NOW,
            )


def lease_events(tx: Transaction, owner: str, limit: int) -> list[object]:
    return [one.id for one in waking.lease(tx, now=NOW, until=LATER, owner=owner, limit=limit)]


def lease_calls(tx: Transaction, owner: str, limit: int) -> list[object]:
    return [one.id for one in outbox.lease(tx, now=NOW, until=LATER, owner=owner, limit=limit)]


@pytest.mark.parametrize(
    ("put", "lease"),
    [(put_events, lease_events), (put_calls, lease_calls)],
    ids=["events", "calls"],
)
def test_due_work_is_given_to_one_server_and_the_other_does_not_wait(
    stores: tuple[Store, Store],
    put: Callable[[Store], None],
    lease: Callable[[Transaction, str, int], list[object]],
) -> None:
    one, two = stores
    put(one)
    with one.transaction() as first:
        mine = lease(first, "one", 2)
        theirs: list[object] = []

        def other() -> None:
            with two.transaction() as second:
                second.execute(WITHOUT_WAITING)
                theirs.extend(lease(second, "two", 4))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(mine) == len(theirs) == 2
    assert len({*mine, *theirs}) == 4
    with two.transaction() as tx:
        assert lease(tx, "three", 4) == []


@pytest.fixture
def heard(stores: tuple[Store, Store]) -> Iterator[queue.SimpleQueue[str]]:
    """What the second server hears on a channel, and of changed rows."""
    found: queue.SimpleQueue[str] = queue.SimpleQueue()
    end = stores[1].listen("news", found.put)
    stores[1].watch(lambda: found.put("rows"))
    yield found
    end()


def test_a_commit_is_heard_at_the_other_server_and_a_rollback_is_not(
    stores: tuple[Store, Store], heard: queue.SimpleQueue[str]
) -> None:
    class TakenBack(Exception):
        pass

    def write(store: Store, word: str, *, fail: bool = False) -> None:
        with store.transaction() as tx:
            tx.insert("order", {"amount": 1})
            tx.notify("news", word)
            if fail:
                raise TakenBack

    with pytest.raises(TakenBack):
        write(stores[0], "lost", fail=True)
    write(stores[0], "kept")
    assert {heard.get(timeout=30), heard.get(timeout=30)} == {"kept", "rows"}
    write(stores[1], "own")
    assert {heard.get(timeout=30), heard.get(timeout=30)} == {"own", "rows"}


def test_who_listens_is_told_that_something_may_have_been_missed(
    stores: tuple[Store, Store], heard: queue.SimpleQueue[str], database: PostgresConnector
) -> None:
    database.by_hand(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'actionflow%' AND query LIKE 'LISTEN%'"
    )
    assert {heard.get(timeout=30), heard.get(timeout=30)} == {"", "rows"}
    with stores[0].transaction() as tx:
        tx.notify("news", "again")
    assert heard.get(timeout=30) == "again"


def test_a_deadlock_is_undone_and_run_again(stores: tuple[Store, Store]) -> None:
    with stores[0].transaction() as tx:
        for _ in range(2):
            tx.insert("order", {"amount": 0})
    meet = threading.Barrier(2, timeout=30)
    runs = [0, 0]

    def work(tx: Transaction, server: int) -> None:
        first, then = (1, 2) if server == 0 else (2, 1)
        runs[server] += 1
        for id in (first, then):
            row = tx.get("order", id)
            assert row is not None
            tx.update("order", {"id": id}, {"amount": row["amount"] + 1})
            if runs[server] == 1 and id == first:
                tx.execute("SELECT 1")  # so that the row is locked, and not only asked for
                meet.wait()

    def serve(server: int) -> None:
        committed(stores[server], lambda tx: work(tx, server))

    threads = [threading.Thread(target=serve, args=(server,)) for server in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(runs) == 1
    assert max(runs) > 1, "there was no deadlock"
    with stores[0].reader() as tx:
        assert [row["amount"] for row in tx.find("order", {})] == [2, 2]
