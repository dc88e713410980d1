"""However a delivery is put on the wire it is answered the same, by our protocol, over ASGI and through a front."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import orjson
import pytest

from engine.stripe.signature import sign
from engine.web import answers
from tests.acceptance.shop import SECRET, copy_of_example, serving
from tests.acceptance.test_kill import event_for

PRICE = {"item": "x", "amount": 10_000, "currency": "usd"}
Answer = tuple[int, str]
"""Status, and the outcome or the problem's code."""


@pytest.fixture(scope="module", params=["express", "asgi", "front"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
        patch.setenv("STRIPE_SECRET_KEY", "")
        patch.setattr(answers, "BODY_SECONDS", 0.2)
        project = copy_of_example(tmp_path_factory.mktemp("express") / "flows")
        store = project.store()
        with store.transaction() as tx:
            for order in (1001, 1002, 1003):
                tx.insert("order", {"id": order, "user_id": "ada", **PRICE})
        store.close()
        how = {"plain": request.param == "asgi", "fronted": request.param == "front"}
        with serving(project, None, **how) as (url, _app):
            yield int(url.rpartition(":")[2])


def head(
    length: int | None, *lines: str, body: bytes = b"", target: str = "/webhooks/stripe"
) -> bytes:
    signed = sign(body, SECRET, int(time.time()))
    words = [f"POST {target} HTTP/1.1", "Host: x", f"Stripe-Signature: {signed}", *lines]
    if length is not None:
        words.append(f"Content-Length: {length}")
    return ("\r\n".join(words) + "\r\n\r\n").encode()


def delivery(number: int, *lines: str, target: str = "/webhooks/stripe") -> bytes:
    """A delivery of an event about no order of ours."""
    body = event_for(number)
    return head(len(body), *lines, body=body, target=target) + body


def chunked(number: int, size: int) -> bytes:
    body = event_for(number)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head(None, "Transfer-Encoding: chunked", body=body) + sent + b"0\r\n\r\n"


class Wire:
    """A connection, and what comes back on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def line(self) -> bytes:
        return self.file.readline()

    def answer(self) -> Answer:
        status = int(self.line().split()[1])
        headers = {}
        while (line := self.line().strip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        assert b"date" in headers
        body = self.file.read(int(headers[b"content-length"]))
        found = orjson.loads(body) if b"json" in headers[b"content-type"] else {}
        return status, found.get("outcome") or found.get("code") or ""

    def closed(self) -> bool:
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def wire(port: int) -> Iterator[Wire]:
    made = Wire(port)
    yield made
    made.close()


NUMBERS = iter(range(10_000, 20_000))
"""Orders that are not there: their events are answered 500 and stay in the inbox, so a second
delivery runs again. 1001 to 1003 are."""


@pytest.mark.parametrize(
    "ways",
    [
        lambda n: [delivery(n)],
        lambda n: [delivery(n, "X-Forwarded-For: 1.2.3.4", "Connection: keep-alive")],
        lambda n: [delivery(n, target="/webhooks/stripe?from=stripe")],
        lambda n: [delivery(n, target="/webhooks/%73tripe")],
        lambda n: [bytes([byte]) for byte in delivery(n)[:400]] + [delivery(n)[400:]],
        lambda n: [head(len(event_for(n)), body=event_for(n)), event_for(n)],
        lambda n: [chunked(n, 100)],
        lambda n: [chunked(n, 1), b""],
    ],
    ids=[
        "plain",
        "proxied",
        "query",
        "escaped",
        "bytewise",
        "body after",
        "chunked",
        "tiny chunks",
    ],
)
def test_ways_to_send_it(wire: Wire, ways: Callable[[int], list[bytes]]) -> None:
    number = next(NUMBERS)
    wire.send(*ways(number))
    assert wire.answer() == (500, "flow_failed")
    wire.send(delivery(next(NUMBERS)))
    assert wire.answer() == (500, "flow_failed")


def test_done_then_duplicate_on_one_connection(wire: Wire) -> None:
    wire.send(delivery(1001))
    assert wire.answer() == (200, "done")
    for _ in range(3):
        wire.send(delivery(1001))
        assert wire.answer() == (200, "duplicate")


def test_expect_continue(wire: Wire) -> None:
    body = event_for(next(NUMBERS))
    wire.send(head(len(body), "Expect: 100-continue", body=body))
    assert wire.line() == b"HTTP/1.1 100 Continue\r\n"
    assert wire.line() == b"\r\n"
    wire.send(body)
    assert wire.answer() == (500, "flow_failed")


@pytest.mark.parametrize(
    "sent",
    [
        lambda: delivery(10_001, "Connection: close"),
        lambda: delivery(10_002).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        lambda: delivery(10_003, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    ],
    ids=["close", "1.0", "1.0 keep-alive"],
)
def test_connections_that_end(wire: Wire, sent: Callable[[], bytes]) -> None:
    wire.send(sent())
    assert wire.answer() == (500, "flow_failed")
    assert wire.closed()


def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    forged = delivery(next(NUMBERS)).replace(b"v1=", b"v1=0")
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    wire.send(
        delivery(1002) + forged + health + delivery(1002) + delivery(1003) + health + delivery(1003)
    )
    expected = [
        (200, "done"),
        (400, "signature_refused"),
        (200, ""),
        (200, "duplicate"),
        (200, "done"),
        (200, ""),
        (200, "duplicate"),
    ]
    assert [wire.answer() for _ in expected] == expected


JUNK = b"not json"
FLOOD = answers.MOST_BYTES + 1


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (lambda: head(2, body=b"{}") + b"{}", (400, "not_an_event")),
        (lambda: head(len(JUNK), body=JUNK) + JUNK, (400, "not_an_event")),
        (lambda: head(0), (400, "not_an_event")),
        (lambda: head(None), (400, "not_an_event")),
        (lambda: head(2) + b"[]", (400, "signature_refused")),
        (lambda: head(2).replace(b"Stripe-", b"X-") + b"{}", (400, "signature_refused")),
        (lambda: head(2) + b"\xff\xfe", (400, "signature_refused")),
        (lambda: head(FLOOD), (413, "body_too_large")),
        (
            lambda: head(None, "Transfer-Encoding: chunked") + b"%x\r\n" % FLOOD + b" " * FLOOD,
            (413, "body_too_large"),
        ),
        (lambda: head(4000) + b"{", (408, "body_too_slow")),
        (lambda: head(None, "Transfer-Encoding: chunked") + b"1\r\n{\r\n", (408, "body_too_slow")),
        (lambda: b"GET /webhooks/stripe HTTP/1.1\r\nHost: x\r\n\r\n", (405, "method_not_allowed")),
        (lambda: b"POST /webhooks/stripe/ HTTP/1.1\r\nHost: x\r\n\r\n", (404, "no_such_route")),
    ],
    ids=lambda given: "" if callable(given) else f"{given[0]} {given[1]}",
)
def test_refusals(wire: Wire, sent: Callable[[], bytes], answer: Answer) -> None:
    wire.send(sent())
    assert wire.answer() == answer
    if answer[0] in (408, 413):
        assert wire.closed()
    else:
        wire.send(delivery(next(NUMBERS)))
        assert wire.answer() == (500, "flow_failed")


def test_who_hangs_up_takes_nobody_along(port: int, wire: Wire) -> None:
    number = next(NUMBERS)
    for sent in (delivery(number)[:300], delivery(number)[:-1], delivery(number)):
        gone = Wire(port)
        gone.send(sent)
        gone.close()
    wire.send(delivery(number))
    assert wire.answer() == (500, "flow_failed")
