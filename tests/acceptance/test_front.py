"""The server behind its front, as processes: what is handed over, what dies, what stops."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bench.ports import free_port
from engine.front import watch
from engine.project import Project
from engine.stripe.signature import sign
from tests.acceptance.process import ServerProcess, front_of
from tests.acceptance.shop import SECRET, copy_of_example, serving
from tests.acceptance.test_express import Wire, delivery
from tests.acceptance.test_kill import event_for
from tests.store.support import CONNECTORS, connected

ON_BOTH = pytest.mark.parametrize("project", CONNECTORS, indirect=True)
ORDERS = range(1001, 1401)
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Load:
    """Delivers orders' events over several connections until each is acknowledged, as Stripe does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: set[int] = set()
        self.stopping = threading.Event()

    def deliver(self, orders: range) -> None:
        """All of them, each again until it is answered 200."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._some, [orders[n::8] for n in range(8)]))

    def _some(self, orders: range) -> None:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            for order in orders:
                while not self.stopping.is_set() and not self._sent(client, order):
                    pass

    def _sent(self, client: httpx.Client, order: int) -> bool:
        body = event_for(order)
        header = {"Stripe-Signature": sign(body, SECRET, int(time.time()))}
        try:
            answer = client.post("/webhooks/stripe", content=body, headers=header)
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            self.acknowledged.add(order)
        return answer.status_code == 200


def under_load(server: ServerProcess) -> tuple[Load, threading.Thread]:
    """The server while all orders' events are delivered, by this thread."""
    load = Load(server.url)
    loading = threading.Thread(target=load.deliver, args=(ORDERS,))
    loading.start()
    return load, loading


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes; a test that hangs is stopped from outside."""
    while not condition():
        os.sched_yield()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def state(pid: int) -> str:
    """Its letter in /proc; X when there is none."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"


def alive(pid: int) -> bool:
    return state(pid) not in "ZX"


@pytest.fixture
def project(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """The example with rows for these orders; on SQLite, on PostgreSQL where a test says `ON_BOTH`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield with_orders(copy_of_example(tmp_path / "flows"))
        return
    with connected("postgresql", tmp_path) as database:
        monkeypatch.setenv("DATABASE_URL", database.url())
        yield with_orders(copy_of_example(tmp_path / "flows", "env:DATABASE_URL"))


def with_orders(project: Project) -> Project:
    store = project.store()
    with store.transaction() as tx:
        for order in ORDERS:
            row = {"id": order, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
            tx.insert("order", row)
    store.close()
    return project


@pytest.fixture
def server(project: Project, tmp_path: pathlib.Path) -> Iterator[ServerProcess]:
    server = ServerProcess(project.folder, free_port(), tmp_path / "log", "--front", "on")
    server.start()
    yield server
    server.end()


def log_of(tmp_path: pathlib.Path) -> str:
    return (tmp_path / "log").read_text()


def audit(project: Project, orders: set[int]) -> None:
    """Each of these orders' events is done, once, and no other."""
    store = project.store()
    with store.reader() as tx:
        done = tx.execute("SELECT id FROM actionflow_inbox WHERE state = 'done'")
        payments = [row["order_id"] for row in tx.find("payment", {})]
        runs = [row["event_id"] for row in tx.execute("SELECT event_id FROM actionflow_run")]
    store.close()
    assert {row["id"] for row in done} == {f"evt_{order}" for order in orders}
    assert sorted(payments) == sorted(orders)
    assert sorted(runs) == sorted(f"evt_{order}" for order in orders)


def port_of(server: ServerProcess) -> int:
    return int(server.url.rpartition(":")[2])


def metric(url: str, name: str) -> float:
    """A number of /metrics, asked for on a connection of its own; 0 where it is not there."""
    text = httpx.get(f"{url}/metrics", trust_env=False, timeout=None).text
    found = re.search(rf"(?m)^{re.escape(name)} (\S+)$", text)
    return float(found[1]) if found else 0.0


@ON_BOTH
def test_deliveries_and_other_requests_take_turns_on_a_connection(server: ServerProcess) -> None:
    wire = Wire(port_of(server))
    for order in (1001, 1002, 1003):
        wire.send(delivery(order))
        assert wire.answer() == (200, "done")
    for order in (1001, 1004):
        wire.send(HEALTH)
        assert wire.answer() == (200, "")
        wire.send(delivery(order))
        assert wire.answer() == (200, "duplicate" if order == 1001 else "done")
    wire.close()


def test_pipelined_requests_go_over_with_the_connection(server: ServerProcess) -> None:
    wire = Wire(port_of(server))
    wire.send(delivery(1001) + delivery(1002) + HEALTH + delivery(1001) + HEALTH)
    outcomes = [wire.answer() for _ in range(5)]
    assert outcomes == [(200, "done"), (200, "done"), (200, ""), (200, "duplicate"), (200, "")]
    wire.close()


def test_bodies_of_other_requests_go_over_whole(server: ServerProcess) -> None:
    body = b'{"order_id": 1001, "filler": "' + b"x" * 60_000 + b'"}'
    head = f"POST /actions/pay HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    wire = Wire(port_of(server))
    wire.send(delivery(1001) + head.encode() + body + HEALTH)
    assert wire.answer() == (200, "done")
    status, _ = wire.answer()
    assert status == 401
    assert wire.answer() == (200, "")
    wire.close()


def test_no_descriptor_is_left_behind(server: ServerProcess) -> None:
    front = server.front
    assert front is not None
    port = port_of(server)

    def some(count: int) -> None:
        for number in range(count):
            wire = Wire(port)
            if number % 2:
                wire.send(delivery(1001))
                assert wire.answer()[0] == 200
            wire.send(HEALTH)
            assert wire.answer() == (200, "")
            wire.close()
            gone = socket.create_connection(("127.0.0.1", port))
            gone.sendall(HEALTH)
            gone.close()

    some(5)  # whatever is opened once
    wire = Wire(port)
    wire.send(HEALTH)
    assert wire.answer() == (200, "")
    before = descriptors(front) + 1, descriptors(server.pid)
    some(100)
    wire.close()
    wait_until(lambda: descriptors(front) <= before[0] and descriptors(server.pid) <= before[1])


def test_bad_signatures_are_refused_and_counted_before_anything_later(
    server: ServerProcess, tmp_path: pathlib.Path
) -> None:
    wire = Wire(port_of(server))
    for _ in range(30):
        wire.send(delivery(1001).replace(b"v1=", b"v1=0"))
        assert wire.answer() == (400, "signature_refused")
    wire.close()
    assert metric(server.url, 'actionflow_refused_total{reason="signature"}') == 30
    assert metric(server.url, "actionflow_event_seconds_count") == 30
    assert log_of(tmp_path).count("WARNING refused: ") == 10


@ON_BOTH
def test_kill_9_of_the_front_under_load_loses_and_doubles_nothing(
    project: Project, server: ServerProcess, tmp_path: pathlib.Path
) -> None:
    load, loading = under_load(server)
    for kill in range(3):
        goal = len(ORDERS) // 5 * (kill + 1)
        wait_until(lambda goal=goal: len(load.acknowledged) >= goal)  # type: ignore[misc]
        front = server.front
        assert front is not None
        os.kill(front, signal.SIGKILL)
        wait_until(lambda front=front: server.front not in (None, front))  # type: ignore[misc]
    loading.join()
    assert metric(server.url, "actionflow_front_restarts_total") == 3
    assert httpx.get(f"{server.url}/readyz", trust_env=False).status_code == 200
    assert server.stop() == 0
    assert log_of(tmp_path).count("ERROR the front process has ended (exit code -9)") == 3
    audit(project, set(ORDERS))


@ON_BOTH
def test_kill_9_of_the_server_takes_the_front_along_and_loses_and_doubles_nothing(
    project: Project, server: ServerProcess
) -> None:
    front = server.front
    assert front is not None
    load, loading = under_load(server)
    wait_until(lambda: len(load.acknowledged) > len(ORDERS) // 3)
    server.kill()
    wait_until(lambda: not alive(front))
    assert len(load.acknowledged) < len(ORDERS), "the kill came too late to prove anything"
    server.start()
    loading.join()
    assert server.stop() == 0
    audit(project, set(ORDERS))


@ON_BOTH
def test_a_stop_under_load_answers_what_it_has_taken(
    project: Project, server: ServerProcess
) -> None:
    front = server.front
    assert front is not None
    load, loading = under_load(server)
    wait_until(lambda: len(load.acknowledged) > 20)
    server.ask_to_stop()
    os.kill(front, signal.SIGINT)  # as Ctrl-C, or systemd, would
    os.kill(front, signal.SIGTERM)
    assert server.ended() == 0
    load.stopping.set()
    loading.join()
    assert not alive(front)
    store = project.store()
    with store.reader() as tx:
        done = tx.execute("SELECT id FROM actionflow_inbox WHERE state = 'done'")
        payments = [row["order_id"] for row in tx.find("payment", {})]
    store.close()
    assert {f"evt_{order}" for order in load.acknowledged} <= {row["id"] for row in done}
    assert len(payments) == len(set(payments)) == len(done)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of this process, whose watch gives a front up after three seconds, or half a minute at its start."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "")
    monkeypatch.setattr(watch, "ASK_EVERY", 0.05)
    monkeypatch.setattr(watch, "PATIENCE", 60)
    monkeypatch.setattr(watch, "PATIENCE_AT_START", 600)


def stopped_front() -> int:
    """The front of this process's server, which gets no processor any more."""
    front = front_of(os.getpid())
    assert front is not None
    os.kill(front, signal.SIGSTOP)
    wait_until(lambda: state(front) == "T")
    return front


@pytest.mark.usefixtures("quick")
def test_a_front_that_hangs_is_replaced_by_one_that_takes_what_came_meanwhile(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(project, None, fronted=True) as (url, _):
        port = int(url.rpartition(":")[2])
        cut = Wire(port)
        cut.send(delivery(1001))
        assert cut.answer() == (200, "done")
        front = stopped_front()
        late = Wire(port)
        late.send(delivery(1001) + delivery(1003))
        assert [late.answer(), late.answer()] == [(200, "duplicate"), (200, "done")]
        assert cut.closed()
        assert not alive(front)
        assert metric(url, "actionflow_front_restarts_total") == 1
        assert httpx.get(f"{url}/readyz", trust_env=False, timeout=None).status_code == 200
        cut.close()
        late.close()
    assert (
        f"the front process ({front}) has not answered for 3 seconds and is killed" in caplog.text
    )
    audit(project, {1001, 1003})


@pytest.mark.usefixtures("quick")
def test_a_front_that_hangs_keeps_no_server_from_stopping(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(project, None, fronted=True):
        front = stopped_front()
    assert f"the front process ({front}) has not answered" in caplog.text
    assert "another one is started" not in caplog.text


@pytest.mark.usefixtures("quick")
def test_deliveries_that_wait_for_the_writer_are_told(project: Project) -> None:
    held = threading.Event()
    with serving(project, None, fronted=True) as (url, app), ThreadPoolExecutor(9) as pool:
        done = app.state.service.writer.submit(lambda _: held.wait())
        load = Load(url)
        loading = pool.submit(load.deliver, ORDERS[:8])
        wait_until(lambda: metric(url, "actionflow_front_deliveries") == 8)
        assert not load.acknowledged
        held.set()
        done.result()
        loading.result()
        wait_until(lambda: metric(url, "actionflow_front_deliveries") == 0)
    audit(project, set(ORDERS[:8]))
