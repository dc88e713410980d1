"""What the front takes, what it hands over, and that no byte is lost or out of order on the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from engine.front.protocol import BEGINNING, FrontProtocol
from engine.web import protocol as guarded
from engine.web.answers import Answer
from engine.web.protocol import HEAD_BYTES

BODY = b'{"some": "event"}'
HEAD = BEGINNING + b"Host: x\r\nStripe-Signature: s\r\nContent-Length: 17\r\n\r\n"
DELIVERY = HEAD + BODY
OTHER = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
Work = Callable[["Place"], Coroutine[Any, Any, None]]


class Place:
    """A front without a server: it notes what it takes and what it hands over."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.tells: list[Callable[[Answer], None]] = []
        self.handed: list[tuple[bytes, socket.socket]] = []
        self.protocols: list[FrontProtocol] = []
        self.news = asyncio.Event()

    def take(
        self, body: bytes, signature: str, started: float, tell: Callable[[Answer], None]
    ) -> None:
        self.taken.append(body)
        self.tells.append(tell)
        self.news.set()

    def refuse(
        self, reason: str, answer: Answer, started: float, tell: Callable[[Answer], None]
    ) -> None:
        tell(answer)

    def hand_over(self, connection: int, data: bytes) -> None:
        sock = socket.socket(fileno=connection)
        sock.setblocking(False)
        self.handed.append((data, sock))
        self.news.set()

    async def passed(self) -> bytes:
        """All bytes of the one connection that was handed over, up to its end."""
        await until(lambda: bool(self.handed))
        [(data, sock)] = self.handed
        with sock:
            return data + await rest_of(sock)

    async def something(self) -> None:
        """Wait for a delivery or a connection."""
        await self.news.wait()
        self.news.clear()


async def rest_of(sock: socket.socket) -> bytes:
    """All that comes until the other end hangs up."""
    found = b""
    while part := await asyncio.get_running_loop().sock_recv(sock, 65536):
        found += part
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes."""
    while not condition():
        await asyncio.sleep(0)


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no request here is for an app")


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Work], None]:
    """Runs a test at a place whose port is `port`."""

    async def at_place(work: Work) -> None:
        place = Place()
        kind = type("Protocol", (FrontProtocol,), {"desk": place, "door": place})
        config = uvicorn.Config(nothing, http=kind)
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()

        def protocol() -> FrontProtocol:
            place.protocols.append(kind(config, state, {}, loop))
            return place.protocols[-1]

        server = await loop.create_server(protocol, "127.0.0.1", 0)
        place.port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        await work(place)
        server.close()
        for made in place.protocols:
            if made.transport is not None:
                made.transport.abort()
        await server.wait_closed()

    def runner(work: Work) -> None:
        with asyncio.Runner(loop_factory=request.param) as own:
            own.run(at_place(work))

    return runner


class Client:
    """The other end, on the same loop."""

    def __init__(self, place: Place) -> None:
        self.socket = socket.create_connection(("127.0.0.1", place.port))  # type: ignore[attr-defined]
        self.socket.setblocking(False)
        self.loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self.loop.sock_sendall(self.socket, data)

    def end(self) -> None:
        """No more comes."""
        self.socket.shutdown(socket.SHUT_WR)

    async def answer(self) -> bytes:
        """All that comes until the other end hangs up."""
        return await rest_of(self.socket)


OK = Answer(200, b"{}")


@pytest.mark.parametrize(
    "other", [OTHER, b"POST /webhooks/other HTTP/1.1\r\n\r\n", b"\x16\x03\x01"]
)
def test_another_request_is_handed_over_wherever_it_is_split(
    run: Callable[[Work], None], other: bytes
) -> None:
    same = 0
    while other[: same + 1] == BEGINNING[: same + 1]:
        same += 1

    for cut in range(1, len(other)):

        async def work(place: Place, cut: int = cut) -> None:
            client = Client(place)
            await client.send(other[:cut])
            if cut <= same:
                await until(lambda: [one._held for one in place.protocols] == [other[:cut]])
            await client.send(other[cut:] + b"and more")
            client.end()
            assert await place.passed() == other + b"and more"
            client.socket.close()

        run(work)


def test_a_delivery_is_taken_wherever_it_is_split(run: Callable[[Work], None]) -> None:
    async def work(place: Place) -> None:
        for cut in range(1, len(DELIVERY)):
            client = Client(place)
            await client.send(DELIVERY[:cut])
            await until(lambda: len(place.protocols) == cut)  # noqa: B023
            protocol = place.protocols[-1]
            held = DELIVERY[:cut] if cut < len(HEAD) else b""
            left = 0 if held else len(DELIVERY) - cut
            await until(lambda: (protocol._held, protocol._body) == (held, left))  # noqa: B023
            await client.send(DELIVERY[cut:])
            await place.something()
            assert place.taken == [BODY] * cut
            client.socket.close()
        assert not place.handed

    run(work)


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"Host", b"Expect: 100-continue\r\nHost"),
        HEAD.replace(b"Content-Length: 17", b"Transfer-Encoding: chunked"),
        HEAD.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"),
        HEAD.replace(b"Host", b"Content-Length: 18\r\nHost"),
        HEAD.replace(b"Host", b"Connection: upgrade\r\nUpgrade: h2c\r\nHost"),
        HEAD.replace(b"17", b"1048577"),
        HEAD.replace(b"17", b"-1"),
        HEAD.replace(b"Host: x", b"Ho st: x"),
        HEAD.replace(b"Host: x", b"Host: x\r\n folded: y"),
    ],
)
def test_rarer_deliveries_are_handed_over_whole(run: Callable[[Work], None], head: bytes) -> None:
    async def work(place: Place) -> None:
        client = Client(place)
        await client.send(head + BODY)
        client.end()
        assert await place.passed() == head + BODY
        assert not place.taken
        client.socket.close()

    run(work)


def test_what_is_pipelined_waits_for_its_turn(run: Callable[[Work], None]) -> None:
    async def work(place: Place) -> None:
        client = Client(place)
        await client.send(DELIVERY + DELIVERY + OTHER + b"tail")
        client.end()
        for count in (1, 2):
            await place.something()
            assert (len(place.taken), place.handed) == (count, [])
            place.tells[-1](OK)
        assert await place.passed() == OTHER + b"tail"
        assert (await client.answer()).count(b"HTTP/1.1 200 OK") == 2
        client.socket.close()

    run(work)


def test_a_connection_is_handed_over_when_its_answers_are_written(
    run: Callable[[Work], None],
) -> None:
    large = Answer(200, b"x" * 8_000_000)

    async def work(place: Place) -> None:
        client = Client(place)
        await client.send(DELIVERY + OTHER)
        client.end()
        await place.something()
        place.tells[0](large)
        await until(lambda: place.protocols[0]._leaving or place.protocols[0].flow.write_paused)
        assert not place.handed
        found = b""
        while not found.endswith(large.body):
            found += await client.loop.sock_recv(client.socket, 1_000_000)
        assert await place.passed() == OTHER
        client.socket.close()

    run(work)


def test_heads_without_end_are_hung_up_on(run: Callable[[Work], None]) -> None:
    async def work(place: Place) -> None:
        client = Client(place)
        await client.send(BEGINNING + b"X: " + b"x" * HEAD_BYTES)
        assert (await client.answer()).startswith(b"HTTP/1.1 431 ")
        client.socket.close()

    run(work)


@pytest.mark.parametrize("sent", [b"", b"POST /web", HEAD[:-2]])
def test_slow_heads_are_hung_up_on(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(guarded, "HEAD_SECONDS", 0.05)

    async def work(place: Place) -> None:
        client = Client(place)
        await client.send(sent)
        assert await client.answer() == b""
        client.socket.close()

    run(work)


def test_floods_of_pipelined_forgeries_are_answered_one_after_another(
    run: Callable[[Work], None],
) -> None:
    """Each is refused at once; the stack does not grow, nor what is held."""
    forged = BEGINNING + b"Host: x\r\nContent-Length: 0\r\n\r\n"

    async def work(place: Place) -> None:
        def take(
            body: bytes, signature: str, started: float, tell: Callable[[Answer], None]
        ) -> None:
            tell(Answer(400, b""))

        place.take = take  # type: ignore[method-assign]
        client = Client(place)
        sending = asyncio.ensure_future(client.send(forged * 5000 + OTHER))
        found = b""
        while found.count(b"HTTP/1.1 400") < 5000:
            found += await client.loop.sock_recv(client.socket, 65536)
        await sending
        client.end()
        assert await place.passed() == OTHER
        client.socket.close()

    run(work)
