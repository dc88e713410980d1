"""While some abuse the server, good events are answered."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.types import Message

from bench.ports import free_port
from engine.stripe.signature import sign
from engine.web import answers, webhook
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import SECRET, copy_of_example
from tests.acceptance.test_kill import event_for

Address = tuple[str, int]
HEAD = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A server process, the way people run it, with orders 1001 to 1100."""
    project = copy_of_example(tmp_path_factory.mktemp("abuse") / "flows")
    store = project.store()
    with store.transaction() as tx:
        for order in range(1001, 1101):
            row = {"id": order, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
            tx.insert("order", row)
    store.close()
    port = free_port()
    server = ServerProcess(pathlib.Path(project.folder), port)
    server.start()
    yield "127.0.0.1", port
    server.stop()


def good(address: Address, order: int) -> int:
    body = event_for(order)
    header = sign(body, SECRET, int(time.time()))
    url = f"http://{address[0]}:{address[1]}/webhooks/stripe"
    headers = {"Stripe-Signature": header}
    return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=60).status_code


def slow_bodies(address: Address, stack: contextlib.ExitStack) -> None:
    for _ in range(50):
        one = stack.enter_context(socket.create_connection(address))
        one.sendall(HEAD + b"Content-Length: 4000\r\n\r\n{")


def idle(address: Address, stack: contextlib.ExitStack) -> None:
    for _ in range(200):
        stack.enter_context(socket.create_connection(address))


def half_heads(address: Address, stack: contextlib.ExitStack) -> None:
    for _ in range(50):
        one = stack.enter_context(socket.create_connection(address))
        one.sendall(HEAD + b"X-Slow: ")


def bad_signatures(address: Address, stack: contextlib.ExitStack) -> None:
    stopping = threading.Event()
    body = event_for(1)
    answered: list[int] = []

    def flood() -> None:
        url = f"http://{address[0]}:{address[1]}/webhooks/stripe"
        with httpx.Client(trust_env=False) as client:
            while not stopping.is_set():
                forged = {"Stripe-Signature": f"t={int(time.time())},v1={'0' * 64}"}
                answered.append(client.post(url, content=body, headers=forged).status_code)

    threads = [threading.Thread(target=flood) for _ in range(3)]
    for thread in threads:
        thread.start()

    def end() -> None:
        stopping.set()
        for thread in threads:
            thread.join()
        assert set(answered) == {400}

    stack.callback(end)


@pytest.mark.parametrize(
    ("abuse", "first"),
    [(slow_bodies, 1001), (idle, 1006), (half_heads, 1011), (bad_signatures, 1016)],
)
def test_good_events_are_answered_meanwhile(
    address: Address, abuse: Callable[[Address, contextlib.ExitStack], None], first: int
) -> None:
    with contextlib.ExitStack() as stack:
        abuse(address, stack)
        assert [good(address, order) for order in range(first, first + 5)] == [200] * 5


def answer_to(address: Address, sent: bytes) -> bytes:
    """What comes back until the server closes, whether or not it reads all that is sent."""
    with socket.create_connection(address, timeout=60) as one:
        with contextlib.suppress(ConnectionError):
            one.sendall(sent)
        found = b""
        with contextlib.suppress(ConnectionError):
            while part := one.recv(65_536):
                found += part
        return found


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(200)), b"431"),
        (HEAD + b"X: " + b"y" * 500_000, b"431"),
        (HEAD + b"Content-Length: 99999999\r\n\r\n" + b"{" * 1000, b"413"),
    ],
    ids=["many headers", "an endless header", "an announced body"],
)
def test_floods_are_refused_and_hung_up_on(address: Address, sent: bytes, status: bytes) -> None:
    found = answer_to(address, sent)
    # The hang-up can overtake the answer while the flood is still on its way.
    assert found == b"" or found.startswith(b"HTTP/1.1 " + status)
    assert good(address, 1030 + len(sent) % 50) == 200


def test_a_stopping_server_answers_what_it_has_taken(
    tmp_path: pathlib.Path,
) -> None:
    project = copy_of_example(tmp_path / "flows")
    port = free_port()
    server = ServerProcess(project.folder, port)
    server.start()
    statuses: list[int] = []
    taken = threading.Event()

    def deliver() -> None:
        url = f"http://127.0.0.1:{port}/webhooks/stripe"
        with (
            httpx.Client(trust_env=False, timeout=60) as client,
            contextlib.suppress(httpx.TransportError),
        ):
            for copy in range(10_000):
                body = event_for(1).replace(b'"evt_1"', b'"evt_%d"' % copy)
                header = sign(body, SECRET, int(time.time()))
                answer = client.post(url, content=body, headers={"Stripe-Signature": header})
                statuses.append(answer.status_code)
                taken.set()

    thread = threading.Thread(target=deliver)
    thread.start()
    assert taken.wait(60)
    assert server.stop() == 0
    thread.join()
    store = project.store()
    with store.reader() as tx:
        done = tx.execute("SELECT count(*) AS n FROM actionflow_inbox WHERE state = 'done'")[0]["n"]
    store.close()
    acknowledged = statuses.count(200)
    assert set(statuses) <= {200, 503}
    # One may be durable whose answer the closing connection did not carry any more.
    assert acknowledged <= done <= acknowledged + 1


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(answers, "BODY_SECONDS", 0.01)
    with pytest.raises(webhook.Unread) as unread:
        asyncio.run(webhook._body(never, b"4000"))
    assert unread.value.answer.status == 408
    assert unread.value.answer.closes
