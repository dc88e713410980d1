"""Real server processes on one PostgreSQL, and what becomes of the work of one that is killed."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import psycopg
import pytest

from bench.ports import free_port
from engine.access import keys
from engine.project import Project
from engine.store import migrate
from engine.store.base import Store
from engine.stripe.signature import sign
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import ROOT, SECRET, copy_of_example
from tests.acceptance.test_kill import event_for
from tests.conftest import PROJECT
from tests.outbox.support import Server, serving
from tests.postgres.conftest import VARIABLE
from tests.store.postgres import ADVICE, own_server
from tests.store.support import PostgresConnector

FLOWS = {
    "created": """
flow: created
trigger: {stripe: [customer.created]}
nodes:
  - {id: row, type: table.insert, table: tag, values: {name: "{{ event.id }}"}}
  - {id: tell, type: http, url: "URL/orders", json: "{{ row.name }}"}
""",
    "pay": """
flow: pay
trigger: {action: pay}
input: {word: text}
nodes:
  - {id: stock, type: http, when: inline, url: "URL/stock", json: {word: "{{ input.word }}"}}
  - {id: row, type: table.insert, table: tag, values: {name: "{{ input.word }}", uses: "{{ stock.json.left }}"}}
returns: {left: "{{ row.uses }}"}
""",
}
ROOM = (
    PROJECT.replace("sqlite:///little.db", f"env:{VARIABLE}")
    + "http: {allow: [127.0.0.1]}\nroles: {admin: {actions: {pay: {}}}}\n"
)
SESSIONS = 12
"""How many are ended under load."""
FRONT = ("--front", "on")
Pair = tuple[ServerProcess, ServerProcess]


def deliver(url: str, body: bytes) -> int:
    """The answer to an event; 0 for none."""
    header = sign(body, SECRET, int(time.time()))
    try:
        return httpx.post(
            f"{url}/webhooks/stripe",
            content=body,
            headers={"Stripe-Signature": header},
            trust_env=False,
            timeout=60,
        ).status_code
    except httpx.TransportError:
        return 0


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition gives once it holds."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := condition():
            return found
    raise AssertionError(f"{what}: not within a minute")


def pair_on(folder: pathlib.Path) -> Iterator[Pair]:
    """Two servers, the second behind a front."""
    pair = ServerProcess(folder, free_port()), ServerProcess(folder, free_port(), None, *FRONT)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ServerProcess.start, pair))
    yield pair
    for one in pair:
        one.stop()


@pytest.fixture
def pair(example: Project) -> Iterator[Pair]:
    """The same on the example project."""
    yield from pair_on(example.folder)


@pytest.fixture
def store(example: Project) -> Iterator[Store]:
    store = example.store()
    yield store
    store.close()


def make_orders(store: Store, orders: range) -> None:
    with store.transaction() as tx:
        for order in orders:
            row = {"id": order, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
            tx.insert("order", row)


def assert_each_once(store: Store, orders: range) -> None:
    """Every order is paid by one payment, of one event, in one run."""
    with store.reader() as tx:
        payments = [row["order_id"] for row in tx.find("payment", {"status": "SUCCESSFUL"})]
        assert sorted(payments) == list(orders)
        paid = [row["id"] for row in tx.find("order", {"status": "paid"})]
        assert [id for id in paid if id in orders] == list(orders)
        for table, column in (("actionflow_run", "event_id"), ("actionflow_inbox", "id")):
            kept = tx.execute(f"SELECT {column} AS event FROM {table} WHERE {column} LIKE 'evt_1%'")
            assert sorted(one["event"] for one in kept) == [f"evt_{order}" for order in orders]


def test_every_event_at_both_servers_at_once_is_one_run(pair: Pair, store: Store) -> None:
    orders = range(1001, 1041)
    make_orders(store, orders)
    meet = threading.Barrier(2, timeout=60)

    def deliver_all(server: ServerProcess) -> list[int]:
        answers = []
        for order in orders:
            meet.wait()
            answers.append(deliver(server.url, event_for(order)))
        return answers

    with ThreadPoolExecutor(2) as pool:
        assert [set(one) for one in pool.map(deliver_all, pair)] == [{200}, {200}]
    assert_each_once(store, orders)


def test_sessions_ended_under_load_lose_and_double_nothing(
    pair: Pair, store: Store, database: PostgresConnector
) -> None:
    orders = range(1001, 1049)
    make_orders(store, orders)
    ended: list[int] = []
    over = threading.Event()

    def end_sessions() -> None:
        while not over.is_set() and sum(ended) < SESSIONS:
            [(count,)] = database.by_hand(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name LIKE 'actionflow%' AND backend_xid IS NOT NULL"
            )
            ended.append(count)

    def insist(order: int) -> None:
        """As Stripe does: again until it is taken, at whichever server."""
        until(
            lambda: any(deliver(one.url, event_for(order)) == 200 for one in pair), f"event {order}"
        )

    ending = threading.Thread(target=end_sessions)
    ending.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(insist, orders))
    finally:
        over.set()
        ending.join()
    assert sum(ended) > 0
    assert_each_once(store, orders)


def test_a_crash_of_postgresql_under_load_loses_and_doubles_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = own_server()
    if database is None:
        pytest.skip(ADVICE)
    monkeypatch.setenv(VARIABLE, database.url)
    orders = range(1001, 1049)
    enough = threading.Event()
    told: list[int] = []

    def insist(order: int) -> None:
        until(lambda: any(deliver(one.url, event_for(order)) == 200 for one in pair), str(order))
        told.append(order)
        if len(told) > len(orders) // 3:
            enough.set()

    try:
        database.start()
        project = copy_of_example(tmp_path / "flows", f"env:{VARIABLE}")
        store = project.store()
        make_orders(store, orders)
        with contextlib.contextmanager(pair_on)(project.folder) as pair:
            with ThreadPoolExecutor(8) as pool:
                insisting = [pool.submit(insist, order) for order in orders]
                assert enough.wait(60)
                database.kill()
                assert len(told) < len(orders), "the crash came too late to prove anything"
                database.start()
                for one in insisting:
                    one.result()
            assert_each_once(store, orders)
        store.close()
    finally:
        database.close()


def test_two_migrations_at_once_are_one(
    database: PostgresConnector, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "project.yaml").write_text(ROOM)
    words = [
        sys.executable,
        "-m",
        "engine.cli.main",
        "migrate",
        "--yes",
        "--project",
        str(tmp_path),
    ]
    started = [
        subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(3)
    ]
    said = [one.communicate()[0] for one in started]
    assert [one.returncode for one in started] == [0, 0, 0], said
    project = Project.open(tmp_path)
    assert not [step for step in migrate.plan(project.file, tmp_path) if step.sql]


@pytest.fixture
def asked() -> Iterator[Server]:
    """Whom the flows of the room call."""
    with serving() as found:
        yield found


@pytest.fixture
def room(database: PostgresConnector, tmp_path: pathlib.Path, asked: Server) -> Project:
    """A project whose flows call another server."""
    folder = tmp_path / "room"
    folder.mkdir()
    (folder / "project.yaml").write_text(ROOM)
    for name, text in FLOWS.items():
        (folder / f"{name}.yaml").write_text(text.replace("URL", asked.url))
    project = Project.open(folder)
    migrate.apply(project.file, folder)
    return project


class Victim:
    """A server that is killed while the server it calls has not answered yet."""

    def __init__(self, project: Project, asked: Server) -> None:
        self.process = ServerProcess(project.folder, free_port())
        self._heard = threading.Semaphore(0)
        self._killed = threading.Event()
        asked.before = self._hold
        self.process.start()

    def _hold(self) -> None:
        self._heard.release()
        assert self._killed.wait(60)

    def kill(self) -> None:
        """kill -9, once its call is on the way."""
        assert self._heard.acquire(timeout=60)
        self.process.kill()
        self._killed.set()

    def heard_again(self) -> None:
        assert self._heard.acquire(timeout=60)


def test_a_call_of_a_killed_server_is_made_by_the_other(
    room: Project, asked: Server, database: PostgresConnector, make_event: Callable[..., Any]
) -> None:
    victim = Victim(room, asked)
    event = orjson.dumps(make_event("customer.created", id="evt_1"))
    assert deliver(victim.process.url, event) == 200
    victim.kill()
    other = ServerProcess(room.folder, free_port())
    other.start()
    try:
        assert database.by_hand(
            "SELECT count(*) FROM actionflow_outbox WHERE lease_until > '2020-01-01'"
        ) == [(1,)]
        assert len(asked.heard) == 1, "a lease of another server is left alone"
        database.by_hand("UPDATE actionflow_outbox SET lease_until = '2020-01-01T00:00:00Z'")
        victim.heard_again()
        until(
            lambda: database.by_hand("SELECT state FROM actionflow_outbox") == [("done",)],
            "the call is recorded",
        )
    finally:
        other.stop()
    first, second = asked.heard
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body == b'"evt_1"'


def test_an_action_of_a_killed_server_is_finished_by_the_other(
    room: Project, asked: Server, database: PostgresConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_never_asked")
    asked.says((200, {}, b'{"left": 7}'))
    store = room.store()
    with store.transaction() as tx:
        token = keys.create(tx, room.file, role="admin", caller="boss")
    store.close()
    victim = Victim(room, asked)
    headers = {"Authorization": f"Bearer {token}"}

    def act() -> None:
        with pytest.raises(httpx.TransportError):
            httpx.post(
                f"{victim.process.url}/actions/pay",
                json={"word": "tea"},
                headers=headers,
                trust_env=False,
                timeout=60,
            )

    with ThreadPoolExecutor(1) as pool:
        acted = pool.submit(act)
        victim.kill()
        acted.result()
    other = ServerProcess(room.folder, free_port())
    other.start()
    try:
        assert len(asked.heard) == 1, "a lease of another server is left alone"
        database.by_hand("UPDATE actionflow_action SET lease_until = '2020-01-01T00:00:00Z'")
        victim.heard_again()
        until(
            lambda: database.by_hand("SELECT state FROM actionflow_action") == [("done",)],
            "the action is done",
        )
    finally:
        other.stop()
    first, second = asked.heard
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert database.by_hand("SELECT name, uses FROM tag") == [("tea", 7)]


def test_a_retry_of_a_killed_server_is_taken_over(
    example: Project, store: Store, database: PostgresConnector
) -> None:
    victim = ServerProcess(example.folder, free_port())
    victim.start()
    assert deliver(victim.url, event_for(1001)) == 500  # its order is not there yet
    make_orders(store, range(1001, 1002))
    with psycopg.connect(database.url()) as blocking:
        blocking.execute('SELECT id FROM "order" WHERE id = 1001 FOR UPDATE')
        database.by_hand("UPDATE actionflow_inbox SET next_try_at = '2020-01-01T00:00:00Z'")
        until(
            lambda: database.by_hand(
                "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'actionflow%' "
                "AND wait_event_type = 'Lock'"
            ),
            "the retry waits for the order",
        )
        victim.kill()
    other = ServerProcess(example.folder, free_port())
    other.start()
    try:
        [(state, owner)] = database.by_hand("SELECT state, lease_owner FROM actionflow_inbox")
        assert (state, owner is None) == ("waiting", False)
        database.by_hand("UPDATE actionflow_inbox SET lease_until = '2020-01-01T00:00:00Z'")
        until(
            lambda: database.by_hand("SELECT state FROM actionflow_inbox") == [("done",)],
            "the event is done",
        )
    finally:
        other.stop()
    with store.reader() as tx:
        assert [row["order_id"] for row in tx.find("payment", {})] == [1001]
