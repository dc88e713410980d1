"""Two real servers on one PostgreSQL database: who watches one of them hears what the other does."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bench.ports import free_port
from engine.access import keys as api_keys
from engine.project import Project
from engine.store.base import Store
from engine.stripe.signature import sign
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import SECRET, copy_of_example
from tests.acceptance.test_kill import event_for
from tests.store.support import PostgresConnector, connected


class Watching:
    """A subscription over a real socket; `next` gives the rows that are told, with their places."""

    def __init__(self, url: str, key: str, place: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        if place is not None:
            headers["Last-Event-ID"] = place
        self.place = place
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self._open = self._client.stream("GET", "/tables/order/subscribe", headers=headers)
        answer = self._open.__enter__()
        self._lines = answer.iter_lines()
        if answer.status_code != 200:
            said = f"{answer.status_code}: {'; '.join(self._lines)}"
            self.close()
            raise AssertionError(said)
        self.resumed = self._message()["resumed"]

    def next(self) -> Any:
        while True:
            message = self._message()
            if "row" in message:
                return message["row"]

    def close(self) -> None:
        self._open.__exit__(None, None, None)
        self._client.close()

    def _message(self) -> Any:
        place, data = None, None
        for line in self._lines:
            if line.startswith("id: "):
                place = line[4:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line:
                self.place = place or self.place
                place = None
                if data is not None:
                    return data
        raise AssertionError("the stream has ended")


@contextlib.contextmanager
def watching(server: ServerProcess, key: str, place: str | None = None) -> Iterator[Watching]:
    stream = Watching(server.url, key, place)
    try:
        yield stream
    finally:
        stream.close()


class Two:
    """Servers `a` and `b`, and a process of ours on the same database."""

    def __init__(self, project: Project, database: PostgresConnector) -> None:
        self.a, self.b = (ServerProcess(project.folder, free_port()) for _ in range(2))
        self.database = database
        self.store: Store = project.store()
        with self.store.transaction() as tx:
            self.key = api_keys.create(tx, project.file, role="admin")

    def deliver(self, server: ServerProcess, order: int) -> None:
        """The event that pays an order, to one of the servers."""
        body = event_for(order)
        signature = {"Stripe-Signature": sign(body, SECRET, int(time.time()))}
        address = f"{server.url}/webhooks/stripe"
        answer = httpx.post(address, content=body, headers=signature, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "done", answer.text

    def order(self) -> int:
        """A new order, of our own process."""
        with self.store.transaction() as tx:
            row = {"user_id": "u", "item": "x", "amount": 10_000, "currency": "usd"}
            number: int = tx.insert("order", row)["id"]
        return number


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    with connected("postgresql", folder) as database, contextlib.ExitStack() as stack:
        assert isinstance(database, PostgresConnector)
        opened = Two(copy_of_example(folder / "flows", database.url()), database)
        stack.callback(opened.store.close)
        for server in (opened.a, opened.b):
            server.start()
            stack.callback(server.stop)
        yield opened


def test_what_one_server_commits_the_other_tells_and_a_place_is_good_at_both(two: Two) -> None:
    with watching(two.b, two.key) as stream:
        first = two.order()
        assert stream.next()["id"] == first
        two.deliver(two.a, first)
        told = stream.next()
        assert (told["id"], told["status"]) == (first, "paid")
        place = stream.place
    second = two.order()
    two.deliver(two.b, second)
    with watching(two.a, two.key, place) as stream:
        assert stream.resumed
        rows = [stream.next() for _ in range(2)]
        assert [(row["id"], row["status"]) for row in rows] == [
            (second, "pending"),
            (second, "paid"),
        ]
        place = stream.place
    with watching(two.b, two.key, place) as stream:
        assert stream.resumed
        third = two.order()
        assert stream.next()["id"] == third, "nothing twice"


def test_who_began_first_and_commits_last_is_not_lost_on_the_way(two: Two) -> None:
    with watching(two.a, two.key) as one, watching(two.b, two.key) as other:
        number = two.order()
        assert one.next()["id"] == other.next()["id"] == number
        with two.store.transaction() as tx:
            row = {"user_id": "late", "item": "x", "amount": 1, "currency": "usd"}
            late = tx.insert("order", row)["id"]
            two.deliver(two.a, number)  # committed while ours is open
        for stream in (one, other):
            rows = [stream.next() for _ in range(2)]
            assert [row["id"] for row in rows] == [late, number]


def test_a_server_whose_listening_connection_is_cut_hears_again(two: Two) -> None:
    with watching(two.b, two.key) as stream:
        number = two.order()
        assert stream.next()["id"] == number
        [(ended,)] = two.database.by_hand(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND query <> '' AND usename = current_user"
        )
        assert ended >= 2
        with contextlib.suppress(Exception):
            two.order()  # ours finds its connection gone as well
        number = two.order()
        while stream.next()["id"] != number:
            pass


def test_a_killed_server_loses_nobody_who_comes_to_the_other(two: Two) -> None:
    with watching(two.a, two.key) as stream:
        number = two.order()
        assert stream.next()["id"] == number
        place = stream.place
        two.a.kill()
        two.deliver(two.b, number)
        with watching(two.b, two.key, place) as again:
            assert again.resumed
            assert again.next()["status"] == "paid"
    two.a.start()
    with watching(two.a, two.key, place) as back:
        assert back.next()["status"] == "paid"
