"""Idle subscribers and a SIGTERM under load, in small; `python -m bench.idle` opens 10,000 streams."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import sqlite3
from collections.abc import Iterator

import pytest

from bench.idle import Crowd, Shop
from chaos.delivery import Delivery
from chaos.world import event_of

EVENTS = range(1, 1001)
WATCHED = range(1001, 1301)


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> Iterator[Shop]:
    made = Shop(tmp_path, WATCHED.stop)
    made.start()
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.process.kill()
        made.process.wait()


def rows(shop: Shop, sql: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(shop.path)) as db:
        return [value for (value,) in db.execute(sql)]


def test_idle_subscribers_do_not_stop_events_and_a_sigterm_finishes_what_was_taken(
    shop: Shop,
) -> None:
    crowd = Crowd(shop.port, shop.key, WATCHED)
    crowd.open()
    assert len(crowd.streams) == len(WATCHED)
    delivery = Delivery([shop.port], EVENTS, connections=64).start()
    delivery.wait(acknowledged=200)
    shop.terminate()
    acknowledged = delivery.stop()
    crowd.wait_for_the_end()

    assert shop.process.returncode == 0
    assert 200 <= len(acknowledged) < len(EVENTS), "it was stopped in the middle of the load"
    # Those that came while it stopped were taken whole, or turned away, or never answered.
    assert delivery.statuses.keys() <= {200, 503, 0}
    done = rows(shop, "SELECT id FROM actionflow_inbox WHERE state = 'done'")
    assert {event_of(order) for order in acknowledged} <= set(done)
    assert len(rows(shop, "SELECT order_id FROM payment")) == len(done)
    assert len(rows(shop, "SELECT event_id FROM actionflow_run")) == len(done)
    assert (crowd.ended, crowd.broken) == (len(WATCHED), 0)


def test_a_server_under_load_stops_though_clients_hang(shop: Shop) -> None:
    """Half a head, a connection that says nothing: neither holds it up. (Half a body does, for the ten
    seconds that requests under way are given.)"""
    head = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n"
    with contextlib.ExitStack() as stack:
        for sent in (head, b""):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", shop.port)))
            one.sendall(sent)
        delivery = Delivery([shop.port], EVENTS, connections=8).start()
        delivery.wait(acknowledged=50)
        shop.terminate()  # raises when it takes for ever
        acknowledged = delivery.stop()
    assert shop.process.returncode == 0
    done = rows(shop, "SELECT id FROM actionflow_inbox WHERE state = 'done'")
    assert {event_of(order) for order in acknowledged} <= set(done)
