"""Histories delivered concurrently: batches of the one writer on SQLite, several servers on
PostgreSQL. The rows are those of the events one after another."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.receive import Receiver
from engine.store.base import Store
from engine.stripe.event import of
from engine.verdict import Verdict
from engine.writer import Writer
from tests.store.support import Connector, connected
from tests.stripe import example
from tests.stripe.histories import MIDDLE, NEW, OLD
from tests.stripe.test_payment import shuffled
from tests.unit.test_stripe_nodes_engine import in_order

SERVERS = 3
CLIENTS = 4
"""Threads that deliver to each server."""
FEW = settings(
    max_examples=3,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Open = Callable[[], tuple[Store, ...]]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Open]:
    """One store in a file, new for each example."""
    with connected("sqlite", tmp_path) as connector:
        yield lambda: _emptied(connector, 1)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Open]:
    """The stores of several servers on one database, empty for each example."""
    with connected("postgresql", tmp_path) as connector:
        yield lambda: _emptied(connector, SERVERS)


def _emptied(connector: Connector, servers: int) -> tuple[Store, ...]:
    connector.close()
    file = example.project().file
    if connector.name == "sqlite":
        for path in connector.folder.glob("shop.db*"):
            path.unlink()
    else:
        schema = connector.url().rpartition("%3D")[2]
        connector.by_hand(f"DROP SCHEMA {schema} CASCADE")
        connector.by_hand(f"CREATE SCHEMA {schema}")
    connector.apply(file)
    return tuple(connector.open(file) for _ in range(servers))


def deliver(stores: tuple[Store, ...], events: example.Events, times: int) -> list[str]:
    """Deliver every event to `times` of the servers, all at once; what became of each."""
    receiver, clock = example.ticking()
    example.seed(stores[0])
    receivers = [Receiver(receiver.project, "test", now=lambda: clock[0]) for _ in stores]
    writers = [
        Writer(store, lambda mine=mine: mine) for store, mine in zip(stores, receivers, strict=True)
    ]
    told: list[Future[Verdict]] = []
    lock = threading.Lock()
    ready = threading.Barrier(len(writers) * CLIENTS)

    def client(writer: Writer, share: example.Events) -> None:
        ready.wait(60)
        for event in share:
            done = writer.deliver(event, json.dumps(event), of(event))
            with lock:
                told.append(done)

    everything = events * times
    shares = [everything[n :: len(writers) * CLIENTS] for n in range(len(writers) * CLIENTS)]
    clients = [
        threading.Thread(target=client, args=(writers[n % len(writers)], share))
        for n, share in enumerate(shares)
    ]
    for writer in writers:
        writer.start()
    for one in clients:
        one.start()
    for one in clients:
        one.join(120)
    outcomes = [done.result(120).outcome for done in told]
    for writer in writers:
        writer.stop()
    example.settle(stores[0], receivers[0], clock)
    return sorted(outcomes)


def _check(stores: tuple[Store, ...], version: str, data: st.DataObject) -> None:
    events = shuffled(example.everything(version), data)
    outcomes = deliver(stores, events, times=2)
    assert len(outcomes) == 2 * len(events)
    assert set(outcomes) <= {"done", "duplicate", "ignored", "waiting"}
    found: dict[str, Any] = example.picture(stores[0])
    assert found == in_order(version)


@pytest.mark.parametrize("version", [OLD, MIDDLE, NEW])
@FEW
@given(data=st.data())
def test_the_writers_batches_end_in_the_rows_of_the_right_order(
    sqlite: Open, version: str, data: st.DataObject
) -> None:
    _check(sqlite(), version, data)


@pytest.mark.parametrize("version", [OLD, MIDDLE, NEW])
@FEW
@given(data=st.data())
def test_several_servers_on_postgresql_end_in_the_rows_of_the_right_order(
    postgres: Open, version: str, data: st.DataObject
) -> None:
    _check(postgres(), version, data)
